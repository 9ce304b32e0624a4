// SPDX-License-Identifier: MIT
#include "sim/host/atomic_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/interrupts.h"

namespace mmusim {

namespace {

constexpr size_t kBufferBytes = 256 * 1024;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

/// The open descriptor that `path` names, if it names one: "/dev/stdout", "/dev/fd/63".
std::optional<int> descriptor_named(std::string_view path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(folder)) continue;
    const std::string_view number = path.substr(folder.size());
    int fd = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), fd);
    if (error == std::errc{} && end == number.data() + number.size() && fd >= 0) return fd;
  }
  return std::nullopt;
}

/// Opens what is written in place; -1: `path` is to be a regular file. Links are not followed, descriptors apart.
int open_in_place(const std::string& path) {
  if (const auto named = descriptor_named(path)) {
    const int fd = ::fcntl(*named, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) throw system_error("write", path, errno);
    return fd;
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return -1;
  if (S_ISDIR(info.st_mode)) throw system_error("create", path, EISDIR);
  if (S_ISBLK(info.st_mode)) throw EnvironmentError(fmt::format("{}: cannot create: is a block device", path));
  if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode)) return -1;
  for (;;) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (fd >= 0) return fd;
    if (errno != EINTR) throw system_error("create", path, errno);
    if (interrupt_requested()) throw InterruptedError(path);
  }
}

uint64_t random_number() {
  uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    if (errno != EINTR) throw system_error("read", "random numbers of the kernel", errno);
  }
  return number;
}

}  // namespace

std::string parent_directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash + 1);
}

void write_fully(int fd, const char* bytes, size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t written = ::write(fd, bytes, size);
    if (written < 0) {
      if (errno != EINTR) throw system_error("write", path, errno);
      continue;
    }
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

void sync_file(int fd, const std::string& path) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == ENOTSUP || errno == ENOSYS) return;
    throw system_error("write to the disk", path, errno);
  }
}

void sync_directory(const std::string& path) {
  const std::string& name = path.empty() ? "." : path;
  const int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) return;
  if (fd < 0) throw system_error("open directory", name, errno);
  try {
    sync_file(fd, name);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
}

int create_new_file(const std::string& path) {
  // Whoever plants links between the two calls is only put off: the next round removes those as well.
  for (int round = 0;; ++round) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw system_error("create", path, errno);
    const int fd = ::open(path.c_str(), kNewFile, 0666);
    if (fd >= 0) return fd;
    if (errno != EINTR && (errno != EEXIST || round == 16)) throw system_error("create", path, errno);
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), fd_(open_in_place(path_)) {
  if (fd_ < 0) open_temporary();
}

void AtomicFile::open_temporary() {
  for (int round = 0;; ++round) {
    temporary_ = fmt::format("{}.mmusim-{:016x}.tmp",
                             path_.find('/') == std::string::npos ? "" : parent_directory(path_), random_number());
    remember_temporary(temporary_);
    fd_ = ::open(temporary_.c_str(), kNewFile, 0666);
    if (fd_ >= 0) return;
    const int error = errno;
    forget_temporary(temporary_);
    if (error != EINTR && (error != EEXIST || round == 16)) throw system_error("create", path_, error);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) {
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
  if (!temporary_.empty()) sync_file(fd_, path_);
  if (::close(std::exchange(fd_, -1)) != 0) throw system_error("close", path_, errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw system_error("rename into place", path_, errno);
  forget_temporary(temporary_);
  temporary_.clear();
  sync_directory(parent_directory(path_));
}

void write_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace mmusim
