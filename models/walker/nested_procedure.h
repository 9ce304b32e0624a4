// SPDX-License-Identifier: MIT
#pragma once

// A guest's walk with all that is cached, the same for the timed walker and for the functional model, as
// walk_procedure.h is for a native one. What differs is the port:
//
//   struct EntryPort {
//     void looked_up();                              // the guest's paging-structure caches were asked
//     void nested_looked_up();                       // the nested TLB and the nested structure caches were asked
//     uint64_t read_guest(const GuestEntry& entry);
//     uint64_t read_nested(const SubWalk& walk, bool cacheable);  // the entry at walk.entry_pa()
//     bool update(PhysAddr pa, uint64_t from, uint64_t to, unsigned bytes);  // false if the entry is no longer `from`
//     void exit(Cycles cycles);                      // the hypervisor took so long
//   };
//
// Combined entries in the guest's own structure caches, nested TLB, nested structure caches: which are asked when, and
// what goes into them, is nested-paging 13 and the README of the nested textbook machine.

#include "models/walker/nested_structures.h"
#include "models/walker/structure_caches.h"
#include "models/x86/nested_walk.h"
#include "models/x86/walk_outcome.h"

namespace mmusim {

/// The port of NestedWalk: caches in front of an EntryPort.
template <class EntryPort>
class CachedNestedPort {
 public:
  CachedNestedPort(StructureCaches& caches, NestedContext& nested, const ControlState& guest, EntryPort& port)
      : caches_(caches), nested_(nested), guest_(guest), port_(port) {}

  StructureEntry find_structure(VirtAddr va) {
    const StructureEntry entry = caches_.find(guest_, va);
    port_.looked_up();
    return entry;
  }
  bool find_translation(GuestPhysAddr gpa, NestedTranslation& to) {
    ++nested_.counts.lookups;
    port_.nested_looked_up();
    return nested_.structures.find(gpa, to);
  }
  void begin_sub_walk(GuestPhysAddr gpa) {
    ++nested_.counts.walks;
    nested_.host->prepare(gpa);
  }
  NestedStructure find_nested_structure(GuestPhysAddr gpa) { return nested_.structures.find_structure(gpa); }

  uint64_t read_guest(const GuestEntry& entry) { return port_.read_guest(entry); }
  uint64_t read_nested(const SubWalk& walk, NestedUse) {
    ++nested_.counts.entry_reads;
    const NestedRegisters& r = nested_.control.registers();
    const bool cacheable = r.kind == NestedKind::kNpt || (r.root & 7) == ept::kPointerWriteBack;  // [N-40]
    return port_.read_nested(walk, cacheable);
  }
  bool update_guest(PhysAddr at, uint64_t from, uint64_t to, unsigned bytes) {
    return port_.update(at, from, to, bytes);
  }
  bool update_nested(PhysAddr at, uint64_t from, uint64_t to) {
    ++nested_.counts.updates;
    return port_.update(at, from, to, kEntryBytes);
  }

  void keep(VirtAddr va, StructureEntry entry) { caches_.put(guest_, va, entry); }
  void keep(const SubWalk& walk, const NestedTranslation& page) { nested_.structures.keep(walk, page); }
  void drop(VirtAddr va) { caches_.invalidate(guest_, on_page_fault(guest_, va)); }
  void drop(GuestPhysAddr gpa) { nested_.structures.drop(gpa); }

 private:
  StructureCaches& caches_;
  NestedContext& nested_;
  const ControlState& guest_;
  EntryPort& port_;
};

/// Walks `va` of a guest for an access of `type`. Exits that the hypervisor handles cost their cycles, and the walk
/// begins again; one that it does not handle is FaultReason::kNested, with nested.failure. Next pages and coalescible
/// pages are not told: no public source says how they combine with nested pages.
template <class EntryPort>
WalkOutcome perform_nested_walk(StructureCaches& caches, NestedContext& nested, const ControlState& guest, VirtAddr va,
                                AccessType type, EntryPort& port) {
  CachedNestedPort cached(caches, nested, guest, port);
  NestedWalk walk(guest, nested.control, cached);
  WalkOutcome out;
  for (;;) {
    const NestedOutcome outcome = walk.translate(va, type);
    out.start_level = outcome.start_level;
    out.fault = outcome.fault;
    if (outcome.ok()) {
      out.translation = combined(guest, nested.control, outcome);
      return out;
    }
    if (outcome.fault) return out;
    ++nested.counts.exits;
    const auto cost = nested.host->handle_exit(*outcome.exit);
    if (!cost) {
      nested.failure = outcome.exit;
      out.fault = FaultReason::kNested;
      return out;
    }
    nested.counts.exit_cycles += *cost;
    if (nested.left_guest) nested.left_guest();
    port.exit(*cost);
  }
}

}  // namespace mmusim
