// SPDX-License-Identifier: MIT
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <new>
#include <span>

#include "models/base/errors.h"
#include "sim/trace/byte_sink.h"

namespace mmusim {

namespace {

constexpr size_t kOutputBytes = size_t{64} << 10;
constexpr int kGzipLevel = 6;
constexpr int kBzip2Blocks = 9;  // of 100 kB
constexpr uint32_t kXzPreset = 6;
constexpr int kZstdLevel = 3;

/// A stream being compressed. Each form says how to go on by a step.
class PackingSink : public ByteSink {
 public:
  explicit PackingSink(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}
  PackingSink(const PackingSink&) = delete;
  PackingSink& operator=(const PackingSink&) = delete;

  void write(std::string_view bytes) override { run(bytes, /*last=*/false); }
  void finish() override {
    run({}, /*last=*/true);
    sink_->finish();
  }

 protected:
  struct Step {
    size_t left;  ///< room left in `to`
    bool more;    ///< there is something left to write
  };
  /// Takes from the front of `from` and fills the front of `to`; `last`: ends the stream.
  virtual Step step(std::string_view& from, std::span<char> to, bool last) = 0;

 private:
  void run(std::string_view bytes, bool last) {
    for (Step done{0, true}; done.more;) {
      done = step(bytes, out_, last);
      sink_->write({out_.data(), out_.size() - done.left});
    }
  }

  std::unique_ptr<ByteSink> sink_;
  std::array<char, kOutputBytes> out_{};
};

class GzipSink final : public PackingSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> sink) : PackingSink(std::move(sink)) {
    constexpr int kGzipWindowBits = 15 + 16;  // zlib.h: add 16 for a gzip head
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipSink() override { deflateEnd(&stream_); }

 private:
  Step step(std::string_view& from, std::span<char> to, bool last) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    stream_.avail_in = static_cast<uInt>(from.size());
    stream_.next_out = reinterpret_cast<Bytef*>(to.data());
    stream_.avail_out = static_cast<uInt>(to.size());
    const int code = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
    MMUSIM_INVARIANT(code != Z_STREAM_ERROR, "deflate refused its own state");
    from.remove_prefix(from.size() - stream_.avail_in);
    return {stream_.avail_out, stream_.avail_out == 0};
  }

  z_stream stream_{};
};

class Bzip2Sink final : public PackingSink {
 public:
  explicit Bzip2Sink(std::unique_ptr<ByteSink> sink) : PackingSink(std::move(sink)) {
    if (BZ2_bzCompressInit(&stream_, kBzip2Blocks, /*verbosity=*/0, /*workFactor=*/0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2Sink() override { BZ2_bzCompressEnd(&stream_); }

 private:
  Step step(std::string_view& from, std::span<char> to, bool last) override {
    if (from.empty() && !last) return {to.size(), false};  // libbz2 takes an empty run for a mistake
    stream_.next_in = const_cast<char*>(from.data());
    stream_.avail_in = static_cast<unsigned>(from.size());
    stream_.next_out = to.data();
    stream_.avail_out = static_cast<unsigned>(to.size());
    const int code = BZ2_bzCompress(&stream_, last ? BZ_FINISH : BZ_RUN);
    MMUSIM_INVARIANT(code == BZ_RUN_OK || code == BZ_FINISH_OK || code == BZ_STREAM_END, "bzip2 encoder failed");
    from.remove_prefix(from.size() - stream_.avail_in);
    return {stream_.avail_out, last ? code != BZ_STREAM_END : !from.empty()};
  }

  bz_stream stream_{};
};

class XzSink final : public PackingSink {
 public:
  explicit XzSink(std::unique_ptr<ByteSink> sink) : PackingSink(std::move(sink)) {
    if (lzma_easy_encoder(&stream_, kXzPreset, LZMA_CHECK_CRC64) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzSink() override { lzma_end(&stream_); }

 private:
  Step step(std::string_view& from, std::span<char> to, bool last) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(from.data());
    stream_.avail_in = from.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(to.data());
    stream_.avail_out = to.size();
    const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
    MMUSIM_INVARIANT(code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR, "xz encoder failed");
    from.remove_prefix(from.size() - stream_.avail_in);
    return {stream_.avail_out, stream_.avail_out == 0};
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class ZstdSink final : public PackingSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> sink) : PackingSink(std::move(sink)), context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  Step step(std::string_view& from, std::span<char> to, bool last) override {
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    const size_t code = ZSTD_compressStream2(context_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    MMUSIM_INVARIANT(ZSTD_isError(code) == 0, ZSTD_getErrorName(code));
    from.remove_prefix(in.pos);
    return {to.size() - out.pos, last ? code != 0 : !from.empty()};
  }

  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::string compression_by_name(std::string_view path) {
  if (path.ends_with(".gz")) return "gzip";
  if (path.ends_with(".bz2")) return "bzip2";
  if (path.ends_with(".xz")) return "xz";
  if (path.ends_with(".zst")) return "zstd";
  return "none";
}

std::unique_ptr<ByteSink> compress(std::unique_ptr<ByteSink> sink, const std::string& compression) {
  if (compression == "gzip") return std::make_unique<GzipSink>(std::move(sink));
  if (compression == "bzip2") return std::make_unique<Bzip2Sink>(std::move(sink));
  if (compression == "xz") return std::make_unique<XzSink>(std::move(sink));
  if (compression == "zstd") return std::make_unique<ZstdSink>(std::move(sink));
  return sink;
}

}  // namespace mmusim
