// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "models/dram/dram_system.h"

namespace mmusim {

inline DramConfig shipped_dram(const std::string& name) {
  return load_dram_config(std::string(MMUSIM_SOURCE_DIR) + "/configs/dram/" + name + ".json");
}

/// The reference device without refresh.
inline DramConfig without_refresh() {
  DramConfig config;
  config.timing.refi = 0;
  return config;
}

/// An address of the reference map.
inline PhysAddr reference_address(unsigned bank, uint64_t row, uint64_t line = 0) {
  const uint64_t group = bank / 4, in_group = bank % 4;
  return PhysAddr(row << 17 | in_group << 15 | group << 13 | line << 6);
}

/// xorshift64*: the same numbers on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t operator()() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }
  uint64_t below(uint64_t n) { return (*this)() % n; }

 private:
  uint64_t state_;
};

}  // namespace mmusim
