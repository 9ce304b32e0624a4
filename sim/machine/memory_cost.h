// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/platform.h"

namespace mmusim {

/// Host memory that a simulation will take, estimated before anything is built.
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

/// Returns the host memory of the program and of all cache and TLB arrays, within a few per cent.
HostMemoryCost cost_of(const PlatformConfig& platform);

/// Throws EnvironmentError if `cost` is beyond `limit`: what it is for (`subject`), how much it takes, where most of it
/// goes, and `advice`.
void check_host_memory(const std::string& subject, const HostMemoryCost& cost, uint64_t limit, std::string_view advice);

}  // namespace mmusim
