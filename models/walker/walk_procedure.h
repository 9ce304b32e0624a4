// SPDX-License-Identifier: MIT
#pragma once

// One page walk from the paging-structure caches to the leaf, the same for the timed walker and for the functional
// model: what differs is the port through which entries are read and written.
//
//   struct EntryPort {
//     void looked_up();                                       // the paging-structure caches were asked
//     void restarted();                                       // what was read since then, or the last restart, is void
//     uint64_t read(const Walk& walk);                        // the entry at walk.entry_pa()
//     bool update(PhysAddr pa, uint64_t from, uint64_t to);   // locked; false if the entry is no longer `from`
//     uint64_t peek(PhysAddr pa);                             // an entry of the line just read: costs nothing
//     bool next_page;                                         // true: the next page's translation is wanted too
//     bool coalescing;                                        // true: coalescible pages are to be found
//   };

#include <optional>

#include "models/walker/structure_caches.h"
#include "models/x86/walk.h"
#include "models/x86/walk_outcome.h"

namespace mmusim {

/// True if the leaf PTE at `pa` and its neighbours map 16 KiB of adjacent frames, aligned, with equal attributes.
template <class EntryPort>
bool is_coalescible(PhysAddr pa, uint64_t leaf, EntryPort& port) {
  constexpr unsigned kRun = 4;
  const PhysAddr first = pa.align_down(kRun * sizeof(uint64_t));
  const uint64_t number = (pa - first) / sizeof(uint64_t);
  const uint64_t base = leaf - number * kPageBytes;  // what the first of the four must be
  if ((entry_address(base).raw() & (kRun * kPageBytes - 1)) != 0) return false;
  for (unsigned i = 0; i < kRun; ++i) {
    if (i != number && port.peek(first + i * sizeof(uint64_t)) != base + i * kPageBytes) return false;
  }
  return true;
}

/// The translation of the 4 KiB page after `va`, if its PTE lies in the line of the one just read, is present, has its
/// accessed flag set and is no fault to look at. `above` is the entry that the page table hangs on.
template <class EntryPort>
std::optional<Translation> next_page_of(const ControlState& control, VirtAddr va, PhysAddr pte, StructureEntry above,
                                        EntryPort& port) {
  const PhysAddr next = pte + sizeof(uint64_t);
  if (next.is_aligned(kLineBytes)) return std::nullopt;
  Walk walk(control, va + kPageBytes, above);
  walk.feed(port.peek(next));
  if (walk.fault() || !walk.steps()[0].all_accessed()) return std::nullopt;
  return walk.translation();
}

/// Walks `va` for an access of `type`. On a fault that a stale paging-structure-cache entry may have caused, the
/// entries for `va` are dropped and the walk starts again from the root (x86-paging 11.4).
template <class EntryPort>
[[gnu::always_inline]] inline WalkOutcome perform_walk(StructureCaches& caches, const ControlState& control,
                                                       VirtAddr va, AccessType type, EntryPort& port) {
  WalkOutcome out;
  StructureCaches::Absent absent;
  StructureEntry from = caches.find(control, va, absent);
  const unsigned found_level = from ? from.level() : kMaxLevels + 1;  // what lies below is not in the caches
  const uint64_t puts = caches.puts();
  port.looked_up();
  for (;;) {
    Walk walk = from ? Walk(control, va, from) : Walk(control, va);
    out.start_level = static_cast<uint8_t>(walk.level());
    while (!walk.done()) walk.feed(port.read(walk));
    out.fault = walk.fault();
    if (!out.fault) {
      out.translation = walk.translation();
      out.fault = check_rights(control, out.translation, type);
    }
    if (out.fault) {
      const bool stale_possible = static_cast<bool>(from);
      caches.invalidate(control, on_page_fault(control, va));
      from = {};
      if (!stale_possible) return out;
      port.restarted();
      continue;
    }
    bool changed = false;
    if (walk.needs_update(type)) {
      for (const Walk::Step& step : walk.steps()) {
        const auto value = walk.updated(step, type);
        if (value && !port.update(step.entry_pa, step.entry, *value)) changed = true;
      }
      if (type.is_write()) out.translation.set_dirty();
    }
    if (changed) {  // another processor wrote the entry meanwhile
      from = {};
      port.restarted();
      continue;
    }
    const auto steps = walk.steps();
    if (steps.empty()) return out;  // no paging
    const bool as_found = caches.puts() == puts;
    for (const Walk::Step& step : steps.first(steps.size() - 1)) {
      const StructureEntry entry = Walk::structure_entry(step);
      if (as_found && step.level < found_level) {
        caches.put_absent(control, va, entry, absent);
      } else {
        caches.put(control, va, entry);
      }
    }
    if (steps.back().level != 1 || control.entry_bytes() != sizeof(uint64_t)) return out;
    if (port.coalescing) {
      const auto stored = walk.updated(steps.back(), type);
      out.coalescible = is_coalescible(steps.back().entry_pa, stored.value_or(steps.back().entry), port);
    }
    if (port.next_page) {
      const StructureEntry above = steps.size() > 1 ? Walk::structure_entry(steps[steps.size() - 2]) : from;
      out.next_page = next_page_of(control, va, steps.back().entry_pa, above, port);
    }
    return out;
  }
}

}  // namespace mmusim
