// SPDX-License-Identifier: MIT
// A layer between a program and its files, loaded with LD_PRELOAD: it carries each operation out and notes it in a
// journal, from which power_loss_test.py works out what a disk may hold if the power fails at any moment.
//
// POWER_LOSS_JOURNAL names the journal, POWER_LOSS_ROOT the directory whose files count. With POWER_LOSS_NO_SYNC the
// program's fsync() calls are not noted: the test uses that to see that it would notice their absence.
// A record is "OPERATION bytes-of-first bytes-of-second\n", then the two texts.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace {

/// State of the layer; never destroyed, because files are closed until the very end.
struct Layer {
  std::recursive_mutex mutex;
  int journal = -1;
  bool syncs = true;
  std::string root;
  std::map<int, std::string> open;  // path of each descriptor that counts

  Layer() {
    const char* name = getenv("POWER_LOSS_JOURNAL");
    const char* folder = getenv("POWER_LOSS_ROOT");
    if (name == nullptr || folder == nullptr) return;
    journal = static_cast<int>(syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    root = std::string(folder) + "/";
    syncs = getenv("POWER_LOSS_NO_SYNC") == nullptr;
  }
  /// The absolute path; empty if it does not count.
  std::string counted(int directory, const char* path) const {
    std::string full = path;
    if (full.empty() || full[0] != '/') {
      char cwd[PATH_MAX] = "";
      const auto found = open.find(directory);
      if (found != open.end()) {
        full = found->second + "/" + full;
      } else if (getcwd(cwd, sizeof cwd) != nullptr) {
        full = std::string(cwd) + "/" + full;
      }
    }
    while (full.size() > 1 && full.back() == '/') full.pop_back();
    for (size_t at; (at = full.find("/./")) != std::string::npos;) full.erase(at, 2);
    if (full.size() > 2 && full.compare(full.size() - 2, 2, "/.") == 0) full.resize(full.size() - 2);
    return (full + "/").compare(0, root.size(), root) == 0 ? full : "";
  }
  void note(const char* operation, const std::string& first, const std::string& second = "") const {
    if (journal < 0) return;
    std::string record = std::string(operation) + " " + std::to_string(first.size()) + " " +
                         std::to_string(second.size()) + "\n" + first + second;
    (void)!syscall(SYS_write, journal, record.data(), record.size());
  }
};

Layer& layer() {
  static Layer* one = new Layer;
  return *one;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int open_noted(int directory, const char* path, int flags, unsigned mode) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const std::string full = l.counted(directory, path);
  struct stat info {};
  const bool existed = !full.empty() && lstat(full.c_str(), &info) == 0;
  const int fd = static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
  if (fd < 0 || full.empty()) return fd;
  l.open[fd] = full;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes && !existed) l.note("create", full);
  if (writes && existed && (flags & O_TRUNC) != 0) l.note("truncate", full);
  return fd;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return open_noted(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return open_noted(directory, path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char* path, int flags, ...) __attribute__((alias("openat")));

int close(int fd) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  l.open.erase(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}

ssize_t write(int fd, const void* bytes, size_t size) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const ssize_t written = syscall(SYS_write, fd, bytes, size);
  const auto found = l.open.find(fd);
  if (written > 0 && found != l.open.end()) {
    l.note("write", found->second, std::string(static_cast<const char*>(bytes), static_cast<size_t>(written)));
  }
  return written;
}

int fsync(int fd) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const int result = static_cast<int>(syscall(SYS_fsync, fd));
  const auto found = l.open.find(fd);
  if (result == 0 && found != l.open.end() && l.syncs) l.note("sync", found->second);
  return result;
}

int fdatasync(int fd) { return fsync(fd); }

int rename(const char* from, const char* to) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const std::string full_from = l.counted(AT_FDCWD, from);
  const std::string full_to = l.counted(AT_FDCWD, to);
  const int result = next<int(const char*, const char*)>("rename")(from, to);
  if (result == 0 && !full_to.empty()) l.note("rename", full_from, full_to);
  return result;
}

int unlinkat(int directory, const char* path, int flags) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const std::string full = l.counted(directory, path);
  const int result = static_cast<int>(syscall(SYS_unlinkat, directory, path, flags));
  if (result == 0 && !full.empty()) l.note("unlink", full);
  return result;
}

int unlink(const char* path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char* path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int remove(const char* path) {
  if (unlink(path) == 0) return 0;
  return errno == EISDIR ? rmdir(path) : -1;
}

int mkdir(const char* path, mode_t mode) {
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const std::string full = l.counted(AT_FDCWD, path);
  const int result = static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
  if (result == 0 && !full.empty()) l.note("mkdir", full);
  return result;
}

}  // extern "C"
