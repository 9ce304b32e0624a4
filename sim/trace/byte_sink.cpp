// SPDX-License-Identifier: MIT
#include "sim/trace/byte_sink.h"

#include <exception>
#include <thread>

#include "models/base/threads.h"
#include "sim/trace/bounded_queue.h"

namespace mmusim {

namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr size_t kBuffersAhead = 6;

class WriteBehind final : public ByteSink {
 public:
  explicit WriteBehind(std::unique_ptr<ByteSink> sink)
      : sink_(std::move(sink)), thread_(start_thread([this] { run(); })) {}
  ~WriteBehind() override { join(); }
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  void write(std::string_view bytes) override {
    buffer_ += bytes;
    if (buffer_.size() >= kBufferBytes) hand_over();
  }
  void finish() override {
    hand_over();
    join();
    if (error_) std::rethrow_exception(error_);
    sink_->finish();
  }

 private:
  void hand_over() {
    const bool taken = buffers_.push(std::move(buffer_));
    buffer_ = {};
    if (taken) return;
    join();  // the thread gave up
    if (error_) std::rethrow_exception(error_);
  }
  void join() {
    buffers_.close();
    if (thread_.joinable()) thread_.join();
  }
  void run() {
    try {
      while (const std::optional<std::string> buffer = buffers_.pop()) sink_->write(*buffer);
    } catch (const std::exception&) {
      error_ = std::current_exception();  // seen after join()
    }
    buffers_.close();
  }

  std::unique_ptr<ByteSink> sink_;
  std::string buffer_;
  BoundedQueue<std::string> buffers_{kBuffersAhead};
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ByteSink> write_behind(std::unique_ptr<ByteSink> sink) {
  return std::make_unique<WriteBehind>(std::move(sink));
}

}  // namespace mmusim
