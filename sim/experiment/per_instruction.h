// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/replay/measure.h"

namespace mmusim {

/// The measured part of a replay, by instruction of the traced program: what architecture papers print.
class PerInstruction {
 public:
  /// `run`: with Measured::instructions counted.
  explicit PerInstruction(const Measured& run);

  /// {"instructions", "ipc", "walk_cycles_per_instruction", "memory_level_parallelism", "memory_reads_under_way",
  /// "walks_in_parallel", "misses_per_1000_instructions": {"l1_dtlb", ...}}; without time none of the middle five, without instructions nothing
  /// but their number.
  nlohmann::ordered_json json() const;
  /// Returns the numbers of json() for people, in a few lines.
  std::string text() const;

 private:
  struct Misses {
    std::string structure;
    uint64_t count;
  };
  uint64_t instructions_;
  bool accesses_alone_;  ///< each access counted as one
  uint64_t cycles_;
  uint64_t walk_cycles_;
  uint64_t walk_pending_cycles_ = 0;  ///< of all walks in their walkers, added up
  uint64_t walk_active_cycles_ = 0;   ///< in which a walk is under way
  uint64_t miss_cycles_ = 0;          ///< of all data accesses that miss, added up (window core)
  uint64_t miss_active_cycles_ = 0;   ///< in which one is under way
  uint64_t memory_read_cycles_ = 0;   ///< of all lines read from memory, added up
  std::vector<Misses> misses_;        ///< summed over the cores
};

}  // namespace mmusim
