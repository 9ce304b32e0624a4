// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mmusim {

/// Makes text of blocks of records, compresses it and writes it to a file, on a thread of its own.
///
/// The queue is bounded: put() blocks while kQueueBlocks blocks wait. Each block is flushed through the compressor and
/// handed to the kernel whole, so that whatever kills the program afterwards leaves a file that decompresses up to the
/// end of that block. The bytes written depend on the blocks alone, never on time. The first error (disk full) is
/// kept and thrown by the next put() or close() as EnvironmentError.
class ZstdWriter {
 public:
  static constexpr size_t kQueueBlocks = 8;

  /// Makes text of a block: writes it to the beginning of `text`, which it makes larger where needed, and returns its
  /// length. Called on the writer's thread.
  using Render = size_t (*)(std::string_view block, std::string& text);

  /// Creates the file anew (create_new_file()). Throws EnvironmentError.
  ZstdWriter(std::string path, Render render);
  /// Ends the thread; what was put is written if it can be. Errors can no longer be reported: close() first.
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;
  ZstdWriter& operator=(const ZstdWriter&) = delete;

  /// Takes the first `used` bytes of a block and gives back an earlier one to fill: what it holds means nothing.
  std::string put(std::string block, size_t used);
  /// Waits until all is written, ends the frame, writes the file to the disk and closes it.
  void close();

 private:
  struct Compressor;
  struct Block {
    std::string bytes;
    size_t used = 0;
  };

  void run();
  void write_block(const Block& block);
  void finish_frame();
  void stop();
  void throw_error_if_any(std::unique_lock<std::mutex>& lock);

  std::string path_;
  Render render_;
  int fd_ = -1;
  std::unique_ptr<Compressor> compressor_;
  std::string text_;  // of the thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> queue_;         // guarded by mutex_
  std::vector<std::string> empty_;  // guarded by mutex_
  std::exception_ptr error_;        // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace mmusim
