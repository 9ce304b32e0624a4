// SPDX-License-Identifier: MIT
#include "sim/host/output_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

namespace {

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

void make_directory(const std::string& path) {
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (is_directory(part)) continue;
    if (::mkdir(part.c_str(), 0777) == 0) {
      sync_directory(parent_directory(part));
    } else if (errno != EEXIST || !is_directory(part)) {  // else another program was faster
      throw system_error("create directory", path, errno == EEXIST ? ENOTDIR : errno);
    }
  }
}

void make_own_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return;
  if (errno != EEXIST) throw system_error("create directory", path, errno);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) throw system_error("create directory", path, errno);
  if (S_ISLNK(info.st_mode)) {
    throw EnvironmentError(fmt::format(
        "{}: is a symbolic link, and following it would overwrite files elsewhere: remove it, or give another --out",
        path));
  }
  if (!S_ISDIR(info.st_mode)) throw system_error("create directory", path, ENOTDIR);
}

OutputDirectory::OutputDirectory(const std::string& path) : path_(path) {
  make_directory(path);
  fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) throw system_error("open directory", path, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw EnvironmentError(fmt::format("{}: another run writes its results there: give this one another --out", path));
  }
}

OutputDirectory::~OutputDirectory() { ::close(fd_); }

void OutputDirectory::remove(const std::vector<std::string>& names, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    struct stat wanted {};
    struct stat result {};
    if (::stat(input.c_str(), &wanted) != 0) continue;
    for (const std::string& name : names) {
      if (::fstatat(fd_, name.c_str(), &result, 0) != 0 || !same_file(wanted, result)) continue;
      throw InputError(fmt::format("{}: this run would overwrite it with its own {}: give another --out", input, name));
    }
  }
  for (const std::string& name : names) {
    if (::unlinkat(fd_, name.c_str(), 0) != 0) {
      if (errno == ENOENT) continue;
      throw system_error("remove the former", path_ + "/" + name, errno);
    }
    if (name == names.front()) sync_file(fd_, path_);
  }
  sync_file(fd_, path_);
}

}  // namespace mmusim
