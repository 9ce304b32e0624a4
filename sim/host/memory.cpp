// SPDX-License-Identifier: MIT
#include "sim/host/memory.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

/// The number that follows `key` in a file of "key number" lines, or the first number if `key` is empty.
std::optional<uint64_t> number_in(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  std::string word;
  if (!key.empty()) {
    while (in >> word && word != key) {
    }
  }
  uint64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

/// Returns the memory that a control group leaves: its limit less what it holds and cannot give back.
uint64_t left_in_group(const std::string& folder, const char* limit_file, const char* usage_file, const char* cache) {
  const auto limit = number_in(folder + limit_file, "");
  if (!limit) return kMost;
  const uint64_t used = number_in(folder + usage_file, "").value_or(0);
  const uint64_t kept = number_in(folder + "memory.stat", cache).value_or(0);
  const uint64_t held = used - std::min(used, kept);
  return *limit - std::min(*limit, held);
}

/// Over the groups of this process and the groups around them.
uint64_t left_in_control_groups() {
  uint64_t least = kMost;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers != "memory") continue;
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (std::string group = line.substr(second + 1);; group.erase(group.rfind('/'))) {
      const std::string folder = root + group + "/";
      least = std::min(least, unified ? left_in_group(folder, "memory.max", "memory.current", "inactive_file")
                                      : left_in_group(folder, "memory.limit_in_bytes", "memory.usage_in_bytes",
                                                      "total_inactive_file"));
      if (group.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

}  // namespace

uint64_t host_memory_available() {
  uint64_t available = kMost;
  if (const auto kib = number_in("/proc/meminfo", "MemAvailable:")) available = *kib * kKiB;
  available = std::min(available, left_in_control_groups());
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    available = std::min<uint64_t>(available, limit.rlim_cur);
  }
  return available;
}

uint64_t host_memory_in_use() {
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  // "size resident shared ...", in pages.
  ssize_t i = 0;
  while (i < size && text[i] != ' ') ++i;
  uint64_t pages = 0;
  for (++i; i < size && text[i] >= '0' && text[i] <= '9'; ++i)
    pages = pages * 10 + static_cast<uint64_t>(text[i] - '0');
  return pages * kPageBytes;
}

uint64_t host_memory_limit(const std::string& option) {
  if (option.empty()) return host_memory_available();
  const auto bytes = parse_size(option);
  if (!bytes || *bytes == 0) {
    throw InputError(fmt::format("--max-memory: \"{}\" is no size, expected one such as 8GiB", option));
  }
  return *bytes;
}

}  // namespace mmusim
