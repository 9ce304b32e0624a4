// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace mmusim {

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same directory; commit() flushes, closes and renames it. Without commit() the
/// destructor removes it, and so do the handlers of sim/host/interrupts.h when the program is interrupted for good.
/// Every write and the close are checked: all functions throw EnvironmentError with path and errno text.
/// Paths that are no regular file ("/dev/stdout", a FIFO) are written in place, since they cannot be renamed over.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends; buffered.
  void write(std::string_view bytes);
  /// Makes the file appear. Call once, last.
  void commit();

 private:
  void flush();

  std::string path_;
  std::string temporary_;  // equal to path_ when written in place
  std::string buffer_;
  int fd_ = -1;
};

/// Writes a whole file through AtomicFile.
void write_file(const std::string& path, std::string_view bytes);

/// Makes a directory and its parents; no error if it is there already.
void make_directory(const std::string& path);

/// Makes a directory for results and keeps every other program of this kind out of it as long as it lives (flock(2) on
/// the directory: nothing stays behind, however the program ends). File systems without locks are used as they are.
class OutputDirectory {
 public:
  /// Throws EnvironmentError if it cannot be made, or if another program writes there.
  explicit OutputDirectory(const std::string& path);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

 private:
  int fd_;
};

/// Writes all bytes to `fd`, going on after short writes and interrupts; `path` is for the error text.
void write_fully(int fd, const char* bytes, size_t size, const std::string& path);

}  // namespace mmusim
