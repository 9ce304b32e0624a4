// SPDX-License-Identifier: MIT
#include "sim/host/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/interrupts.h"

namespace mmusim {

namespace {

constexpr size_t kBufferBytes = 256 * 1024;

bool is_special(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

}  // namespace

void write_fully(int fd, const char* bytes, size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t written = ::write(fd, bytes, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      throw system_error("write", path, errno);
    }
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  temporary_ = is_special(path_) ? path_ : fmt::format("{}.tmp-{}", path_, ::getpid());
  if (temporary_ != path_) remember_temporary(temporary_);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    const int error = errno;
    if (temporary_ != path_) forget_temporary(temporary_);
    throw system_error("create", path_, error);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty() && temporary_ != path_) {
    ::unlink(temporary_.c_str());
    forget_temporary(temporary_);
  }
}

void AtomicFile::write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::flush() {
  write_fully(fd_, buffer_.data(), buffer_.size(), path_);
  buffer_.clear();
}

void AtomicFile::commit() {
  flush();
  if (::close(std::exchange(fd_, -1)) != 0) throw system_error("close", path_, errno);
  if (temporary_ == path_) return;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw system_error("rename into place", path_, errno);
  forget_temporary(temporary_);
  temporary_.clear();
}

void write_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

OutputDirectory::OutputDirectory(const std::string& path) {
  make_directory(path);
  fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) throw system_error("open directory", path, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw EnvironmentError(fmt::format("{}: another run writes its results there: give this one another --out", path));
  }
}

OutputDirectory::~OutputDirectory() { ::close(fd_); }

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw system_error("create directory", path, error.value());
  if (!std::filesystem::is_directory(path, error)) throw system_error("create directory", path, ENOTDIR);
}

}  // namespace mmusim
