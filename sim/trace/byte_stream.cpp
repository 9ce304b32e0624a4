// SPDX-License-Identifier: MIT
#include "sim/trace/byte_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/threads.h"
#include "sim/trace/bounded_queue.h"
#include "sim/trace/decompress.h"

namespace mmusim {

namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kFirstBytes = size_t{4} << 10;  // of a reader's buffer
constexpr size_t kChunksAhead = 6;
constexpr size_t kSniffBytes = 8;

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, const ByteInput& input, std::function<bool()> stop)
      : fd_(fd), name_(input.name), consumed_(input.consumed), stop_(input.stop), stop_asked_(std::move(stop)) {}
  ~FileSource() override {
    if (fd_ != STDIN_FILENO) ::close(fd_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  size_t read(std::span<uint8_t> to) override {
    for (;;) {
      if (may_block_ && !wait_for_bytes()) return 0;
      const ssize_t n = ::read(fd_, to.data(), to.size());
      if (n >= 0) {
        consumed_->fetch_add(static_cast<uint64_t>(n), std::memory_order_relaxed);
        return static_cast<size_t>(n);
      }
      if (errno != EINTR) throw system_error("read", name_, errno);
    }
  }
  void may_block() { may_block_ = true; }

 private:
  /// Until there is something to read; false once told to stop.
  bool wait_for_bytes() {
    constexpr int kPollMilliseconds = 100;
    pollfd wanted{fd_, POLLIN, 0};
    while (!stop_->load(std::memory_order_relaxed) && !(stop_asked_ && stop_asked_())) {
      const int ready = ::poll(&wanted, 1, kPollMilliseconds);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // errors are read()'s to report
    }
    return false;
  }

  int fd_;
  std::string name_;
  std::shared_ptr<std::atomic<uint64_t>> consumed_;
  std::shared_ptr<std::atomic<bool>> stop_;
  std::function<bool()> stop_asked_;
  bool may_block_ = false;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  size_t read(std::span<uint8_t> to) override {
    const size_t n = std::min(to.size(), bytes_.size() - next_);
    if (n != 0) std::memcpy(to.data(), bytes_.data() + next_, n);
    next_ += n;
    return n;
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t next_ = 0;
};

/// Gives back the bytes that were looked at to find the compression.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::vector<uint8_t> prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  size_t read(std::span<uint8_t> to) override {
    if (next_ == prefix_.size()) return rest_->read(to);
    const size_t n = std::min(to.size(), prefix_.size() - next_);
    std::memcpy(to.data(), prefix_.data() + next_, n);
    next_ += n;
    return n;
  }

 private:
  std::vector<uint8_t> prefix_;
  size_t next_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

/// Reads another source on a thread of its own, a few chunks ahead.
class ThreadedSource final : public ByteSource {
 public:
  explicit ThreadedSource(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)), thread_(start_thread([this] { run(); })) {}
  ~ThreadedSource() override {
    chunks_.close();
    thread_.join();
  }
  ThreadedSource(const ThreadedSource&) = delete;
  ThreadedSource& operator=(const ThreadedSource&) = delete;

  size_t read(std::span<uint8_t> to) override {
    if (next_ == chunk_.used) {
      std::optional<Chunk> chunk = chunks_.pop();
      if (!chunk) {
        if (error_) std::rethrow_exception(error_);
        return 0;
      }
      std::swap(chunk_, *chunk);
      spent_.push(std::move(*chunk));
      next_ = 0;
    }
    const size_t n = std::min(to.size(), chunk_.used - next_);
    std::memcpy(to.data(), chunk_.bytes.data() + next_, n);
    next_ += n;
    return n;
  }

 private:
  void run() {
    try {
      for (;;) {
        Chunk chunk = spent_.try_pop().value_or(Chunk());
        chunk.bytes.resize(kChunkBytes);  // keeps the memory of a spent one
        chunk.used = source_->read(chunk.bytes);
        if (chunk.used == 0 || !chunks_.push(std::move(chunk))) break;
      }
    } catch (const std::exception&) {
      error_ = std::current_exception();  // read() sees it after close(), which orders the two threads
    }
    chunks_.close();
  }

  struct Chunk {
    std::vector<uint8_t> bytes;
    size_t used = 0;
  };
  std::unique_ptr<ByteSource> source_;
  BoundedQueue<Chunk> chunks_{kChunksAhead};
  BoundedQueue<Chunk> spent_{2 * kChunksAhead};  // never full: only so many chunks exist
  std::exception_ptr error_;
  Chunk chunk_;
  size_t next_ = 0;
  std::thread thread_;
};

/// Opens a file; a FIFO waits for its writer until stop() says true.
int open_file(const std::string& path, const std::function<bool()>& stop) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno != EINTR || (stop && stop())) throw system_error("open", path, errno);
  }
}

/// Reads up to kSniffBytes, finds the compression, and puts the decompressor on top.
void sniff(ByteInput& input, EmptyInput empty, bool threaded) {
  std::vector<uint8_t> first(kSniffBytes);
  size_t n = 0;
  while (n < first.size()) {
    const size_t got = input.source->read(std::span(first).subspan(n));
    if (got == 0) break;
    n += got;
  }
  first.resize(n);
  if (n == 0 && empty == EmptyInput::kError) {
    throw InputError(fmt::format("{}: empty, expected a trace", input.name));
  }
  input.compression = compression_of(first);
  input.source = std::make_unique<PrefixedSource>(std::move(first), std::move(input.source));
  if (input.compression == "none") return;
  input.source = decompress(std::move(input.source), input.compression);
  if (threaded) input.source = std::make_unique<ThreadedSource>(std::move(input.source));
}

}  // namespace

ByteInput open_bytes(const std::string& path, EmptyInput empty, std::function<bool()> stop) {
  ByteInput input;
  input.name = path == "-" ? "<stdin>" : path;
  input.consumed = std::make_shared<std::atomic<uint64_t>>(0);
  input.stop = std::make_shared<std::atomic<bool>>(false);
  const int fd = path == "-" ? STDIN_FILENO : open_file(path, stop);
  auto source = std::make_unique<FileSource>(fd, input, std::move(stop));
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw system_error("stat", path, errno);
  if (S_ISDIR(status.st_mode)) throw InputError(fmt::format("{}: is a directory, expected a trace", input.name));
  if (S_ISREG(status.st_mode)) {
    input.file_bytes = static_cast<uint64_t>(status.st_size);
  } else {
    source->may_block();
  }
  input.source = std::move(source);
  sniff(input, empty, /*threaded=*/true);
  return input;
}

ByteInput open_bytes(std::vector<uint8_t> bytes, std::string name) {
  ByteInput input;
  input.name = std::move(name);
  input.consumed = std::make_shared<std::atomic<uint64_t>>(0);
  input.stop = std::make_shared<std::atomic<bool>>(false);
  input.file_bytes = bytes.size();
  input.source = std::make_unique<MemorySource>(std::move(bytes));
  sniff(input, EmptyInput::kError, /*threaded=*/false);
  return input;
}

ByteReader::ByteReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)), buffer_(kFirstBytes) {}

bool ByteReader::fill(size_t bytes) {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    clean_ -= std::min(clean_, begin_);
    begin_ = 0;
  }
  // Begins small, so that a short trace costs little, and at least doubles, so that a long line does not come in byte
  // by byte.
  if (buffer_.size() < kChunkBytes || buffer_.size() < bytes + kPadding) {
    buffer_.resize(std::max(bytes + kPadding, std::min(4 * buffer_.size(), 2 * kMaxNeed)));
  }
  while (end_ < bytes && !finished_) {
    const size_t n = source_->read(std::span(buffer_).subspan(end_, buffer_.size() - kPadding - end_));
    if (n == 0) finished_ = true;
    end_ += n;
  }
  return end_ >= bytes;
}

/// Moves clean_ to the first NUL byte of the buffer, or to its end.
void ByteReader::find_nul() {
  clean_ = std::max(clean_, begin_);
  const void* nul = std::memchr(buffer_.data() + clean_, 0, end_ - clean_);
  clean_ = nul == nullptr ? end_ : static_cast<size_t>(static_cast<const uint8_t*>(nul) - buffer_.data());
}

bool ByteReader::skip_line() {
  while (need(1)) {
    const void* newline = std::memchr(data(), '\n', available());
    if (newline != nullptr) {
      consume(static_cast<size_t>(static_cast<const uint8_t*>(newline) - data()) + 1);
      return true;
    }
    consume(available());
  }
  return false;
}

std::optional<std::string_view> ByteReader::line() {
  size_t searched = 0;
  for (;;) {
    const uint8_t* start = data();
    const size_t have = available();
    const void* newline = have == searched ? nullptr : std::memchr(start + searched, '\n', have - searched);
    if (newline != nullptr) {
      const size_t length = static_cast<size_t>(static_cast<const uint8_t*>(newline) - start);
      if (length > kMaxLine) throw TraceDamage(fmt::format("line longer than {} bytes", kMaxLine));
      std::string_view text(reinterpret_cast<const char*>(start), length);
      if (begin_ + length > clean_) find_nul();
      if (begin_ + length > clean_) throw TraceDamage("NUL byte in a line of text");
      if (text.ends_with('\r')) text.remove_suffix(1);
      consume(length + 1);
      return text;
    }
    if (have > kMaxLine) throw TraceDamage(fmt::format("line longer than {} bytes", kMaxLine));
    searched = have;
    if (!need(have + 1)) {
      if (have == 0) return std::nullopt;
      throw TraceDamage("truncated: the last line has no end");
    }
  }
}

}  // namespace mmusim
