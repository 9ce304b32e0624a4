// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/recorded/resource_tree.h"
#include "sim/recorded/stage_tables.h"

namespace mmusim {

/// Agreement of the entries of one level with the recorded ones.
struct LevelAgreement {
  uint64_t recorded = 0;
  uint64_t same_place = 0;    ///< an entry with that level, VA and index was built
  uint64_t same_flags = 0;    ///< and its flags are equal, accessed and dirty apart
  uint64_t same_address = 0;  ///< and so are the physical address in it and that of its table
  uint64_t extra = 0;         ///< built, but not recorded
};

/// Sets of leaves: recorded, built, and those that are equal in both.
struct SetAgreement {
  uint64_t recorded = 0;
  uint64_t built = 0;
  uint64_t equal = 0;

  bool agrees() const { return recorded == equal && built == equal; }
};

/// Agreement of a stage. Levels 1 to 5.
struct StageAgreement {
  std::string stage;
  std::array<LevelAgreement, 6> level{};
  /// Groups of two or more leaves that map one page (HVO tails, compound device pages): determined even where the
  /// page's address is not.
  SetAgreement shared;
  /// Leaves that map memory which was not there at boot (memmap_on_memory, a device's own storage), with their
  /// addresses: these are determined at any stage.
  SetAgreement placed;
  std::string first_difference;  ///< empty: none
  bool addresses_determined = false;

  LevelAgreement sum() const;
  /// All entries agree in place and flags, none is extra, the same leaves share pages, leaves in added memory have the
  /// same addresses, and where the inputs determine all addresses those agree too.
  bool agrees() const;
};

/// Compares what was built with the `entries` of a recorded stage. Addresses are determined at boot; later ones come
/// from the buddy allocator, whose state is not recorded. `boot_memory` tells memory that was added later. Throws
/// InputError if `stage` has no list of entries.
StageAgreement compare_stage(const StageTables& built, const nlohmann::json& stage, const std::string& where,
                             const std::vector<PhysRange>& boot_memory);

}  // namespace mmusim
