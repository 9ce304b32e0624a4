// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mmusim {

/// A moment or a length of time in cycles of the DRAM clock (tCK; two transfers on each data pin for each cycle).
using DramCycle = uint64_t;

/// Commands that the controller sends over the command bus. A precharge-all is kPrecharge to each open bank at once.
enum class DramCommand : uint8_t { kActivate, kPrecharge, kRead, kWrite, kRefresh };
inline constexpr unsigned kDramCommands = 5;

constexpr unsigned index_of(DramCommand command) { return static_cast<unsigned>(command); }
constexpr const char* name_of(DramCommand command) {
  constexpr const char* kNames[kDramCommands] = {"ACT", "PRE", "RD", "WR", "REF"};
  return kNames[index_of(command)];
}

}  // namespace mmusim
