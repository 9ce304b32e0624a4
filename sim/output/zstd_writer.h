// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mmusim {

/// Compresses blocks of text and writes them to a file, on a thread of its own.
///
/// The queue is bounded: put() blocks while kQueueBlocks blocks wait. Each block is flushed through the compressor and
/// handed to the kernel whole, so that whatever kills the program afterwards leaves a file that decompresses up to the
/// end of that block. The bytes written depend on the blocks alone, never on time. The first error (disk full) is
/// kept and thrown by the next put() or close() as EnvironmentError.
class ZstdWriter {
 public:
  static constexpr size_t kQueueBlocks = 32;

  /// Creates (or truncates) the file. Throws EnvironmentError.
  explicit ZstdWriter(std::string path);
  /// Ends the thread; what was put is written if it can be. Errors can no longer be reported: close() first.
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;
  ZstdWriter& operator=(const ZstdWriter&) = delete;

  /// Takes a block and gives back an empty one to fill (with its capacity kept).
  std::string put(std::string block);
  /// Waits until all is written, ends the frame, closes the file.
  void close();

 private:
  struct Compressor;

  void run();
  void write_block(const std::string& block);
  void finish_frame();
  void stop();
  void throw_error_if_any(std::unique_lock<std::mutex>& lock);

  std::string path_;
  int fd_ = -1;
  std::unique_ptr<Compressor> compressor_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;   // guarded by mutex_
  std::vector<std::string> empty_;  // guarded by mutex_
  std::exception_ptr error_;        // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace mmusim
