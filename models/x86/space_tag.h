// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <cstdint>

namespace mmusim {

/// The numbers under which TLBs and paging-structure caches keep what belongs to one address space: one for what is its
/// own, one for its global translations. Natively, and where one guest has a core for itself, they are the PCID and one
/// number for all; guests that share a core have numbers given out by GuestSpaces.
struct SpaceTag {
  static constexpr uint16_t kFirstGlobal = 0x1000;  ///< beyond the 12 bits of a PCID

  constexpr SpaceTag() = default;
  constexpr SpaceTag(uint16_t pcid) : own(pcid) {}  // NOLINT: a PCID is a tag
  constexpr SpaceTag(uint16_t own_number, uint16_t global_number) : own(own_number), global(global_number) {}
  bool operator==(const SpaceTag&) const = default;

  uint16_t own = 0;                ///< below kFirstGlobal
  uint16_t global = kFirstGlobal;  ///< from kFirstGlobal on
};

/// A set of such numbers, of both kinds.
using SpaceSet = std::bitset<2 * SpaceTag::kFirstGlobal>;

}  // namespace mmusim
