// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/x86/nested_invalidation.h"
#include "models/x86/space_tag.h"

namespace mmusim {

/// The tags of guests that share one core: which guest and PCID each number of a SpaceTag stands for (nested-paging
/// [N-66], [N-70], [N-77]). A processor compares VPID, EP4TA and PCID; equal numbers here are equal tags there.
class GuestSpaces {
 public:
  /// Returns the tag of one PCID of a guest, with a new number if it has none yet. Nullopt once the 4,096 numbers are
  /// used up: then everything has to leave the core, and forget() frees them.
  std::optional<SpaceTag> tag(const GuestTag& guest, uint16_t pcid);
  void forget();

  /// Returns `operation` confined to the guests of `scope`, for TLBs that hold entries of several. What it points to lives
  /// until the next call.
  Invalidation confine(Invalidation operation, const GuestScope& scope);

 private:
  struct Space {
    uint16_t guest = 0;  // index
    uint16_t pcid = 0;
  };
  std::vector<GuestTag> guests_;
  std::vector<Space> spaces_;  // by SpaceTag::own
  SpaceSet chosen_;
};

}  // namespace mmusim
