// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "models/x86/translate.h"
#include "models/x86/walk.h"

namespace mmusim {

/// One page that the tables map, with the entry that maps it.
struct Mapping {
  VirtAddr va;  ///< first byte, canonical
  Translation translation;
  Walk::Step leaf;
};

/// Calls fn(const Mapping&) for every mapped page of the address space of `control`, ascending, by the pure walk: what
/// a walk would refuse (not present, reserved bits) is not there. Stores nothing. Tables that refer to themselves are
/// followed like any others. 4- and 5-level paging.
template <EntryMemory M, class Fn>
void for_each_mapping(const ControlState& control, M&& memory, Fn&& fn) {
  MMUSIM_INVARIANT(is_long_mode(control.mode()), "4- or 5-level paging");
  const unsigned spare = 64 - control.linear_bits();
  VirtAddr va;
  do {
    Walk walk(control, va);
    while (!walk.done()) walk.feed(memory.load_entry(walk.entry_pa(), kEntryBytes));
    if (!walk.fault()) fn(Mapping{va, walk.translation(), walk.steps().back()});
    const VirtAddr next = (va + level_bytes(walk.level())).align_down(level_bytes(walk.level()));
    va =
        VirtAddr(static_cast<uint64_t>(static_cast<int64_t>(next.raw() << spare) >> spare));  // over the canonical hole
  } while (va.raw() != 0);
}

}  // namespace mmusim
