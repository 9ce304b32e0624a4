// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/system/platform.h"

namespace mmusim {

/// What a simulation will take of the host's memory, estimated before anything is built.
class HostMemoryCost {
 public:
  struct Item {
    std::string what;
    uint64_t bytes = 0;
  };

  /// Sums stay at 2^64 - 1 rather than wrap around.
  void add(std::string what, uint64_t bytes);
  void add(const HostMemoryCost& other);
  uint64_t total() const { return total_; }
  const std::vector<Item>& items() const { return items_; }
  /// The item that costs most; there is one.
  const Item& largest() const;

 private:
  std::vector<Item> items_;
  uint64_t total_ = 0;
};

/// The program itself, and the arrays of caches and TLBs of the machine: exact to a few per cent.
HostMemoryCost cost_of(const PlatformConfig& platform);

/// Bytes of host memory that this process may still take: the least of what the kernel calls available
/// (/proc/meminfo), of what its control groups (versions 1 and 2) leave, and of RLIMIT_AS.
uint64_t host_memory_available();

/// Bytes of host memory that this process holds now (resident). Callable from signal handlers.
uint64_t host_memory_in_use();

/// "--max-memory": a size such as "8GiB"; empty: host_memory_available(). Throws InputError.
uint64_t host_memory_limit(const std::string& option);

/// Throws EnvironmentError if `cost` is beyond `limit`: what it is for (`subject`), how much it takes, where most of it
/// goes, and `advice`.
void check_host_memory(const std::string& subject, const HostMemoryCost& cost, uint64_t limit, std::string_view advice);

}  // namespace mmusim
