// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace mmusim {

/// A file that appears under its name only when it is complete, and then survives a loss of power.
///
/// Bytes go to a temporary file in the same directory; commit() writes them to the disk (fsync), renames the file and
/// writes the directory to the disk. Without commit() the destructor removes it, and so do the handlers of
/// sim/host/interrupts.h when the program is interrupted for good. The temporary file is new (O_EXCL), has a name that
/// cannot be guessed, and rename() replaces what bears the final name: neither a symbolic nor a hard link that stands
/// there is written through.
/// Every write and the close are checked: all functions throw EnvironmentError with path and errno text.
/// A FIFO, a character device and an open descriptor ("/dev/stdout", "/dev/fd/N") are written in place, since they
/// cannot be renamed over; opening a FIFO waits for its reader, or throws InterruptedError.
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
  void open_temporary();

  std::string path_;
  std::string temporary_;  // empty: written in place, or no longer there
  std::string buffer_;
  int fd_ = -1;
};

/// Writes a whole file through AtomicFile.
void write_file(const std::string& path, std::string_view bytes);

/// Creates `path` for writing and returns its descriptor. What bore the name is unlinked, never written through: links
/// that another user planted lead nowhere. Throws EnvironmentError.
int create_new_file(const std::string& path);

/// Writes all bytes to `fd`, going on after short writes and interrupts; `path` is for the error text.
void write_fully(int fd, const char* bytes, size_t size, const std::string& path);

/// Writes an open file to the disk. File systems that cannot are taken as they are. Throws EnvironmentError.
void sync_file(int fd, const std::string& path);

/// Writes the names of a directory to the disk, as sync_file() does for a file. `path` may be empty: the working
/// directory. A directory that may not be read is left out.
void sync_directory(const std::string& path);

/// Returns the directory in which `path` names an entry: "." if it names none.
std::string parent_directory(const std::string& path);

}  // namespace mmusim
