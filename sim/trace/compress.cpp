// SPDX-License-Identifier: MIT
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <new>
#include <vector>

#include "models/base/errors.h"
#include "sim/trace/byte_sink.h"

namespace mmusim {

namespace {

constexpr size_t kOutputBytes = size_t{64} << 10;
constexpr int kGzipLevel = 6;
constexpr uint32_t kXzPreset = 6;
constexpr int kZstdLevel = 3;

class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {
    constexpr int kGzipWindowBits = 15 + 16;  // zlib.h: add 16 for a gzip head
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  void write(std::string_view bytes) override { run(bytes, Z_NO_FLUSH); }
  void finish() override {
    run({}, Z_FINISH);
    sink_->finish();
  }

 private:
  void run(std::string_view bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = deflate(&stream_, flush);
      MMUSIM_INVARIANT(code != Z_STREAM_ERROR, "deflate refused its own state");
      sink_->write({out_.data(), out_.size() - stream_.avail_out});
    } while (stream_.avail_out == 0);
  }

  std::unique_ptr<ByteSink> sink_;
  z_stream stream_{};
  std::array<char, kOutputBytes> out_{};
};

class XzSink final : public ByteSink {
 public:
  explicit XzSink(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {
    if (lzma_easy_encoder(&stream_, kXzPreset, LZMA_CHECK_CRC64) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzSink() override { lzma_end(&stream_); }
  XzSink(const XzSink&) = delete;
  XzSink& operator=(const XzSink&) = delete;

  void write(std::string_view bytes) override { run(bytes, LZMA_RUN); }
  void finish() override {
    run({}, LZMA_FINISH);
    sink_->finish();
  }

 private:
  void run(std::string_view bytes, lzma_action action) {
    stream_.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
    stream_.avail_in = bytes.size();
    do {
      stream_.next_out = reinterpret_cast<uint8_t*>(out_.data());
      stream_.avail_out = out_.size();
      const lzma_ret code = lzma_code(&stream_, action);
      if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
      MMUSIM_INVARIANT(code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR, "xz encoder failed");
      sink_->write({out_.data(), out_.size() - stream_.avail_out});
    } while (stream_.avail_out == 0);
  }

  std::unique_ptr<ByteSink> sink_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::array<char, kOutputBytes> out_{};
};

class ZstdSink final : public ByteSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)), context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  void write(std::string_view bytes) override { run(bytes, ZSTD_e_continue); }
  void finish() override {
    run({}, ZSTD_e_end);
    sink_->finish();
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  void run(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
      MMUSIM_INVARIANT(ZSTD_isError(left) == 0, ZSTD_getErrorName(left));
      sink_->write({out_.data(), out.pos});
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  std::unique_ptr<ByteSink> sink_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::array<char, kOutputBytes> out_{};
};

}  // namespace

std::string compression_by_name(std::string_view path) {
  if (path.ends_with(".gz")) return "gzip";
  if (path.ends_with(".xz")) return "xz";
  if (path.ends_with(".zst")) return "zstd";
  return "none";
}

std::unique_ptr<ByteSink> compress(std::unique_ptr<ByteSink> sink, const std::string& compression) {
  if (compression == "gzip") return std::make_unique<GzipSink>(std::move(sink));
  if (compression == "xz") return std::make_unique<XzSink>(std::move(sink));
  if (compression == "zstd") return std::make_unique<ZstdSink>(std::move(sink));
  return sink;
}

}  // namespace mmusim
