// SPDX-License-Identifier: MIT
#include "sim/host/command_output.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "models/base/errors.h"

namespace mmusim {

namespace {

constexpr size_t kMostBytes = 64 << 20;

std::string content_of(int file) {
  const off_t end = ::lseek(file, 0, SEEK_END);
  std::string text(end < 0 ? 0 : std::min(static_cast<size_t>(end), kMostBytes), '\0');
  const ssize_t size = ::pread(file, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

[[noreturn]] void become(const std::vector<std::string>& arguments, int output, int errors) {
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0) ::_exit(126);
  if (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(errors, STDERR_FILENO) < 0) ::_exit(126);
  std::vector<char*> argv;
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

}  // namespace

CommandOutput run_command(const std::vector<std::string>& arguments) {
  const int output = ::memfd_create("output", MFD_CLOEXEC);
  const int errors = ::memfd_create("errors", MFD_CLOEXEC);
  const pid_t pid = output < 0 || errors < 0 ? -1 : ::fork();
  if (pid == 0) become(arguments, output, errors);
  const int error = errno;
  int status = 0;
  pid_t ended = 0;
  if (pid > 0) {
    do {
      ended = ::waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
  }
  CommandOutput result;
  result.output = content_of(output);
  result.errors = content_of(errors);
  ::close(output);
  ::close(errors);
  if (pid < 0) throw system_error("start", arguments.front(), error);
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) throw system_error("find", "/proc/self/exe", errno);
  return {path, static_cast<size_t>(size)};
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "host";
}

}  // namespace mmusim
