// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/recorded/stage_tables.h"

namespace mmusim {

/// How the entries of one level agree with the recorded ones.
struct LevelAgreement {
  uint64_t recorded = 0;
  uint64_t same_place = 0;    ///< an entry with that level, VA and index was built
  uint64_t same_flags = 0;    ///< and its flags are equal, accessed and dirty apart
  uint64_t same_address = 0;  ///< and so are the physical address in it and that of its table
  uint64_t extra = 0;         ///< built, but not recorded
};

/// How a stage agrees. Levels 1 to 5.
struct StageAgreement {
  std::string stage;
  std::array<LevelAgreement, 6> level{};
  std::string first_difference;  ///< empty: none
  bool addresses_determined = false;

  LevelAgreement sum() const;
  /// All entries agree in place and flags, none is extra, and where the inputs determine addresses those agree too.
  bool agrees() const;
};

/// Compares what was built with the `entries` of a recorded stage. Addresses are determined at boot; later ones come
/// from the buddy allocator, whose state is not recorded. Throws InputError if `stage` has no such list.
StageAgreement compare_stage(const StageTables& built, const nlohmann::json& stage, const std::string& where);

}  // namespace mmusim
