// SPDX-License-Identifier: MIT
#include "sim/trace/decompress.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <new>

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr size_t kInputBytes = size_t{64} << 10;
constexpr uint64_t kMaxXzMemory = uint64_t{256} << 20;  // decoder memory of a 128 MiB dictionary and some
constexpr int kMaxZstdWindowLog = 27;                   // 128 MiB, what zstd itself accepts by default

/// Input side of all three decompressors: a buffer of compressed bytes and where we are in the file.
class Input {
 public:
  explicit Input(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Compressed bytes not yet used; reads on when there are none. Empty only at the end of the file.
  std::span<const uint8_t> bytes() {
    if (begin_ == end_ && !finished_) {
      begin_ = 0;
      end_ = source_->read(buffer_);
      finished_ = end_ == 0;
    }
    return std::span<const uint8_t>(buffer_).subspan(begin_, end_ - begin_);
  }
  void use(size_t bytes) {
    begin_ += bytes;
    offset_ += bytes;
  }
  [[noreturn]] void corrupt(const char* form, std::string_view what) const {
    throw TraceDamage(fmt::format("{} data: {} at byte {} of the compressed file", form, what, offset_));
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::array<uint8_t, kInputBytes> buffer_{};
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;
  bool finished_ = false;
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> source) : input_(std::move(source)) {
    if (inflateInit2(&stream_, kGzipWindowBits) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(std::span<uint8_t> to) override {
    stream_.next_out = to.data();
    stream_.avail_out = static_cast<uInt>(to.size());
    while (stream_.avail_out == to.size()) {
      const std::span<const uint8_t> bytes = input_.bytes();
      if (bytes.empty()) {
        if (between_members_) return 0;
        input_.corrupt("gzip", "truncated");
      }
      if (between_members_) inflateReset(&stream_);
      between_members_ = false;
      stream_.next_in = const_cast<Bytef*>(bytes.data());
      stream_.avail_in = static_cast<uInt>(bytes.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      input_.use(bytes.size() - stream_.avail_in);
      if (code == Z_STREAM_END) {
        between_members_ = true;
      } else if (code == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        input_.corrupt("gzip", stream_.msg != nullptr ? stream_.msg : "corrupt");
      }
    }
    return to.size() - stream_.avail_out;
  }

 private:
  static constexpr int kGzipWindowBits = 15 + 16;  // zlib.h: add 16 for gzip decoding
  Input input_;
  z_stream stream_{};
  bool between_members_ = false;
};

class XzSource final : public ByteSource {
 public:
  explicit XzSource(std::unique_ptr<ByteSource> source) : input_(std::move(source)) {
    if (lzma_stream_decoder(&stream_, kMaxXzMemory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzSource() override { lzma_end(&stream_); }
  XzSource(const XzSource&) = delete;
  XzSource& operator=(const XzSource&) = delete;

  size_t read(std::span<uint8_t> to) override {
    stream_.next_out = to.data();
    stream_.avail_out = to.size();
    while (!finished_ && stream_.avail_out == to.size()) {
      const std::span<const uint8_t> bytes = input_.bytes();
      stream_.next_in = bytes.data();
      stream_.avail_in = bytes.size();
      const lzma_ret code = lzma_code(&stream_, bytes.empty() ? LZMA_FINISH : LZMA_RUN);
      input_.use(bytes.size() - stream_.avail_in);
      if (code == LZMA_STREAM_END) {
        finished_ = true;
      } else if (code != LZMA_OK) {
        fail(code);
      }
    }
    return to.size() - stream_.avail_out;
  }

 private:
  [[noreturn]] void fail(lzma_ret code) {
    switch (code) {
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        input_.corrupt("xz", "needs a dictionary over 128 MiB");
      case LZMA_BUF_ERROR:
        input_.corrupt("xz", "truncated");
      default:
        input_.corrupt("xz", "corrupt");
    }
  }

  Input input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool finished_ = false;
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> source) : input_(std::move(source)), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  size_t read(std::span<uint8_t> to) override {
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    while (out.pos == 0) {
      const std::span<const uint8_t> bytes = input_.bytes();
      if (bytes.empty() && between_frames_) return 0;
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      const size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
      input_.use(in.pos);
      if (ZSTD_isError(code) != 0) input_.corrupt("zstd", ZSTD_getErrorName(code));
      between_frames_ = code == 0;
      if (bytes.empty() && out.pos == 0) input_.corrupt("zstd", "truncated");
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  Input input_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool between_frames_ = true;
};

template <size_t n>
bool begins_with(std::span<const uint8_t> bytes, const std::array<uint8_t, n>& magic) {
  return bytes.size() >= n && std::memcmp(bytes.data(), magic.data(), n) == 0;
}

}  // namespace

std::string compression_of(std::span<const uint8_t> first_bytes) {
  if (begins_with<3>(first_bytes, {0x1f, 0x8b, 0x08})) return "gzip";
  if (begins_with<6>(first_bytes, {0xfd, '7', 'z', 'X', 'Z', 0x00})) return "xz";
  if (begins_with<4>(first_bytes, {0x28, 0xb5, 0x2f, 0xfd})) return "zstd";
  return "none";
}

std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> source, const std::string& compression) {
  if (compression == "gzip") return std::make_unique<GzipSource>(std::move(source));
  if (compression == "xz") return std::make_unique<XzSource>(std::move(source));
  if (compression == "zstd") return std::make_unique<ZstdSource>(std::move(source));
  return source;
}

}  // namespace mmusim
