// SPDX-License-Identifier: MIT
#include "sim/trace/decompress.h"

#include <bzlib.h>
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

/// Input side of all decompressors: a buffer of compressed bytes and where we are in the file.
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

/// A compressed file of one or more members, decompressed one after the other. Each form says how to go on by a step.
class MemberSource : public ByteSource {
 public:
  explicit MemberSource(std::unique_ptr<ByteSource> source) : input_(std::move(source)) {}
  MemberSource(const MemberSource&) = delete;
  MemberSource& operator=(const MemberSource&) = delete;

  size_t read(std::span<uint8_t> to) override {
    for (;;) {
      const std::span<const uint8_t> bytes = input_.bytes();
      if (bytes.empty() && between_members_) return 0;
      if (between_members_) begin_member();
      const Step done = step(bytes, to);
      input_.use(done.used);
      between_members_ = done.ended;
      if (done.made != 0) return done.made;
      if (bytes.empty() && !done.ended) corrupt("truncated");
    }
  }

 protected:
  struct Step {
    size_t used;  ///< compressed bytes
    size_t made;  ///< bytes written
    bool ended;   ///< the member is complete
  };
  virtual void begin_member() {}
  /// Goes on as far as input and room allow; `from` is empty at the end of the file.
  virtual Step step(std::span<const uint8_t> from, std::span<uint8_t> to) = 0;
  virtual const char* form() const = 0;
  [[noreturn]] void corrupt(std::string_view what) const { input_.corrupt(form(), what); }

 private:
  Input input_;
  bool between_members_ = false;
};

class GzipSource final : public MemberSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> source) : MemberSource(std::move(source)) {
    if (inflateInit2(&stream_, kGzipWindowBits) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }

 private:
  static constexpr int kGzipWindowBits = 15 + 16;  // zlib.h: add 16 for gzip decoding

  const char* form() const override { return "gzip"; }
  void begin_member() override { inflateReset(&stream_); }
  Step step(std::span<const uint8_t> from, std::span<uint8_t> to) override {
    stream_.next_in = const_cast<Bytef*>(from.data());
    stream_.avail_in = static_cast<uInt>(from.size());
    stream_.next_out = to.data();
    stream_.avail_out = static_cast<uInt>(to.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END) {
      corrupt(stream_.msg != nullptr ? stream_.msg : "corrupt");
    }
    return {from.size() - stream_.avail_in, to.size() - stream_.avail_out, code == Z_STREAM_END};
  }

  z_stream stream_{};
};

class Bzip2Source final : public MemberSource {
 public:
  explicit Bzip2Source(std::unique_ptr<ByteSource> source) : MemberSource(std::move(source)) { begin(); }
  ~Bzip2Source() override { BZ2_bzDecompressEnd(&stream_); }

 private:
  const char* form() const override { return "bzip2"; }
  void begin() {
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0) != BZ_OK) throw std::bad_alloc();
  }
  void begin_member() override {
    BZ2_bzDecompressEnd(&stream_);
    begin();
  }
  Step step(std::span<const uint8_t> from, std::span<uint8_t> to) override {
    stream_.next_in = reinterpret_cast<char*>(const_cast<uint8_t*>(from.data()));
    stream_.avail_in = static_cast<unsigned>(from.size());
    stream_.next_out = reinterpret_cast<char*>(to.data());
    stream_.avail_out = static_cast<unsigned>(to.size());
    const int code = BZ2_bzDecompress(&stream_);
    if (code == BZ_MEM_ERROR) throw std::bad_alloc();
    if (code != BZ_OK && code != BZ_STREAM_END) corrupt("corrupt");
    return {from.size() - stream_.avail_in, to.size() - stream_.avail_out, code == BZ_STREAM_END};
  }

  bz_stream stream_{};
};

class XzSource final : public MemberSource {
 public:
  explicit XzSource(std::unique_ptr<ByteSource> source) : MemberSource(std::move(source)) {
    if (lzma_stream_decoder(&stream_, kMaxXzMemory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzSource() override { lzma_end(&stream_); }

 private:
  const char* form() const override { return "xz"; }
  /// The decoder itself goes through concatenated streams: one member for all.
  Step step(std::span<const uint8_t> from, std::span<uint8_t> to) override {
    stream_.next_in = from.data();
    stream_.avail_in = from.size();
    stream_.next_out = to.data();
    stream_.avail_out = to.size();
    const lzma_ret code = lzma_code(&stream_, from.empty() ? LZMA_FINISH : LZMA_RUN);
    if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (code == LZMA_MEMLIMIT_ERROR) corrupt("needs a dictionary over 128 MiB");
    if (code != LZMA_OK && code != LZMA_BUF_ERROR && code != LZMA_STREAM_END) corrupt("corrupt");
    return {from.size() - stream_.avail_in, to.size() - stream_.avail_out, code == LZMA_STREAM_END};
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class ZstdSource final : public MemberSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> source)
      : MemberSource(std::move(source)), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  const char* form() const override { return "zstd"; }
  Step step(std::span<const uint8_t> from, std::span<uint8_t> to) override {
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    const size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(code) != 0) corrupt(ZSTD_getErrorName(code));
    return {in.pos, out.pos, code == 0};
  }

  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

template <size_t n>
bool begins_with(std::span<const uint8_t> bytes, const std::array<uint8_t, n>& magic) {
  return bytes.size() >= n && std::memcmp(bytes.data(), magic.data(), n) == 0;
}

/// "BZh", the block size, and the first half of the magic number of a block or of an empty stream's end.
bool begins_like_bzip2(std::span<const uint8_t> bytes) {
  if (!begins_with<3>(bytes, {'B', 'Z', 'h'}) || bytes.size() < 8 || bytes[3] < '1' || bytes[3] > '9') return false;
  const std::span<const uint8_t> magic = bytes.subspan(4);
  return begins_with<4>(magic, {0x31, 0x41, 0x59, 0x26}) || begins_with<4>(magic, {0x17, 0x72, 0x45, 0x38});
}

}  // namespace

std::string compression_of(std::span<const uint8_t> first_bytes) {
  if (begins_with<3>(first_bytes, {0x1f, 0x8b, 0x08})) return "gzip";
  if (begins_like_bzip2(first_bytes)) return "bzip2";
  if (begins_with<6>(first_bytes, {0xfd, '7', 'z', 'X', 'Z', 0x00})) return "xz";
  if (begins_with<4>(first_bytes, {0x28, 0xb5, 0x2f, 0xfd})) return "zstd";
  return "none";
}

std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> source, const std::string& compression) {
  if (compression == "gzip") return std::make_unique<GzipSource>(std::move(source));
  if (compression == "bzip2") return std::make_unique<Bzip2Source>(std::move(source));
  if (compression == "xz") return std::make_unique<XzSource>(std::move(source));
  if (compression == "zstd") return std::make_unique<ZstdSource>(std::move(source));
  return source;
}

}  // namespace mmusim
