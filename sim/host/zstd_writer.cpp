// SPDX-License-Identifier: MIT
#include "sim/host/zstd_writer.h"

#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <cerrno>
#include <new>
#include <utility>

#include "models/base/errors.h"
#include "models/base/threads.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

namespace {

// The second core must keep up with the simulation. Records repeat the text of the last ones of their kind, so a table
// of few places, which therefore remembers the last occurrence of few strings, finds more and in less time than the
// level's own of 2^14; nothing of use is further away than 128 KiB.
constexpr int kLevel = 1;
constexpr int kHashLog = 8;
constexpr int kMinMatch = 7;
constexpr int kWindowLog = 17;

}  // namespace

struct ZstdWriter::Compressor {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string out;

  Compressor() {
    if (context == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, kHashLog);
    ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, kMinMatch);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, kWindowLog);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    out.resize(ZSTD_CStreamOutSize());
  }
  ~Compressor() { ZSTD_freeCCtx(context); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
};

ZstdWriter::ZstdWriter(std::string path, Render render)
    : path_(std::move(path)), render_(render), compressor_(std::make_unique<Compressor>()) {
  fd_ = create_new_file(path_);
  try {
    thread_ = start_thread([this] { run(); });
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

ZstdWriter::~ZstdWriter() {
  stop();
  if (fd_ >= 0) ::close(fd_);
}

void ZstdWriter::throw_error_if_any(std::unique_lock<std::mutex>& lock) {
  if (!error_) return;
  const std::exception_ptr error = error_;
  lock.unlock();
  std::rethrow_exception(error);
}

std::string ZstdWriter::put(std::string block, size_t used) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.size() < kQueueBlocks || error_; });
  throw_error_if_any(lock);
  queue_.push_back({std::move(block), used});
  std::string next;
  if (!empty_.empty()) {
    next = std::move(empty_.back());
    empty_.pop_back();
  }
  lock.unlock();
  changed_.notify_all();
  return next;
}

void ZstdWriter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ZstdWriter::close() {
  stop();
  std::unique_lock lock(mutex_);
  throw_error_if_any(lock);
  lock.unlock();
  finish_frame();
  sync_file(fd_, path_);
  sync_directory(parent_directory(path_));
  if (::close(std::exchange(fd_, -1)) != 0) throw system_error("close", path_, errno);
}

void ZstdWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !queue_.empty() || stopping_; });
    if (queue_.empty()) return;
    Block block = std::move(queue_.front());
    queue_.pop_front();
    const bool write = !error_;
    lock.unlock();
    changed_.notify_all();
    std::exception_ptr error;
    try {
      if (write) write_block(block);
    } catch (...) {  // a full disk, no memory left
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) {
      error_ = error;
      changed_.notify_all();
    }
    empty_.push_back(std::move(block.bytes));
  }
}

namespace {

/// Throws std::bad_alloc where the compressor found no memory; it has no other errors that input could cause.
void check_compression(size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  MMUSIM_INVARIANT(!ZSTD_isError(result), ZSTD_getErrorName(result));
}

}  // namespace

void ZstdWriter::write_block(const Block& block) {
  const size_t bytes = render_(std::string_view(block.bytes).substr(0, block.used), text_);
  ZSTD_inBuffer in{text_.data(), bytes, 0};
  size_t left = 1;
  while (left != 0 || in.pos < in.size) {
    ZSTD_outBuffer out{compressor_->out.data(), compressor_->out.size(), 0};
    left = ZSTD_compressStream2(compressor_->context, &out, &in, ZSTD_e_flush);
    check_compression(left);
    write_fully(fd_, compressor_->out.data(), out.pos, path_);
  }
}

void ZstdWriter::finish_frame() {
  ZSTD_inBuffer in{nullptr, 0, 0};
  size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer out{compressor_->out.data(), compressor_->out.size(), 0};
    left = ZSTD_compressStream2(compressor_->context, &out, &in, ZSTD_e_end);
    check_compression(left);
    write_fully(fd_, compressor_->out.data(), out.pos, path_);
  }
}

}  // namespace mmusim
