// SPDX-License-Identifier: MIT
#pragma once

// The two-dimensional walk: a guest's walk in which every guest-physical address is translated by a sub-walk of its
// own. The same code for `mmusim translate`, the timed walker and the functional machine: what differs is the port
// through which entries are read and written and what is cached.
//
//   struct Port {
//     uint64_t read_guest(const GuestEntry& entry);
//     uint64_t read_nested(const SubWalk& walk, NestedUse use);                    // the entry at walk.entry_pa()
//     bool update_guest(PhysAddr at, uint64_t from, uint64_t to, unsigned bytes);  // false: no longer `from`
//     bool update_nested(PhysAddr at, uint64_t from, uint64_t to);
//     // Caches; NoNestedCaches has none.
//     StructureEntry find_structure(VirtAddr va);
//     bool find_translation(GuestPhysAddr gpa, NestedTranslation& to);
//     void begin_sub_walk(GuestPhysAddr gpa);  // nothing cached serves
//     NestedStructure find_nested_structure(GuestPhysAddr gpa);
//     void keep(VirtAddr va, StructureEntry entry);
//     void keep(const SubWalk& walk, const NestedTranslation& page);
//     void drop(VirtAddr va);         // combined entries for that address
//     void drop(GuestPhysAddr gpa);   // guest-physical mappings used for that address
//   };
//
// Order of events: nested-paging section 6.

#include <cstdint>
#include <optional>

#include "models/x86/fault.h"
#include "models/x86/sub_walk.h"
#include "models/x86/walk.h"

namespace mmusim {

/// A guest entry that is about to be read.
struct GuestEntry {
  PhysAddr at;             ///< host-physical
  VirtAddr va;             ///< under translation
  uint8_t level = 0;       ///< 1 = PTE ... 5 = PML5E
  uint8_t bytes = 8;       ///< 4 in 32-bit paging
  uint8_t type_index = 0;  ///< memory type to read it with, as MemoryTypes::at() takes it
};

/// The part of a port that has no caches.
struct NoNestedCaches {
  StructureEntry find_structure(VirtAddr) { return {}; }
  bool find_translation(GuestPhysAddr, NestedTranslation&) { return false; }
  void begin_sub_walk(GuestPhysAddr) {}
  NestedStructure find_nested_structure(GuestPhysAddr) { return {}; }
  void keep(VirtAddr, StructureEntry) {}
  void keep(const SubWalk&, const NestedTranslation&) {}
  void drop(VirtAddr) {}
  void drop(GuestPhysAddr) {}
};

/// Outcome of the translation of one page of a guest: at most one of `fault` and `exit` is set.
struct NestedOutcome {
  std::optional<FaultReason> fault;  ///< of the guest's tables and rights: the guest's own exception
  std::optional<NestedFault> exit;   ///< of the nested tables
  Translation guest;                 ///< what the guest's entries say; its frame is guest-physical
  NestedTranslation nested;          ///< the final sub-walk
  GuestPhysAddr gpa;                 ///< of the byte asked for
  unsigned level = 0;                ///< of the guest's leaf, or of the guest entry at which it ended
  uint8_t start_level = 0;           ///< of the first guest entry read; 0: none was

  bool ok() const { return !fault && !exit; }
  PhysAddr pa() const { return nested.address(gpa); }
};

/// The PAT type of a guest's access or table read: `index` is 4*PAT + 2*PCD + PWT. Without guest paging it is WB
/// [N-42].
inline MemoryType guest_pat_type(const ControlState& guest, const NestedControl& nested, unsigned index) {
  return guest.mode() == PagingMode::kNone ? MemoryType::kWriteBack : pat_type(nested.registers().guest_pat, index);
}
/// The memory type of an access to a nested page through a guest entry with these PAT bits, before MTRRs [N-41]. UC
/// where the guest's CR0.CD=1.
inline MemoryType memory_type_of(const ControlState& guest, const NestedControl& nested, const NestedTranslation& page,
                                 unsigned pat_index) {
  if ((guest.registers().cr0 & kCr0Cd) != 0) return MemoryType::kUncacheable;
  return nested_memory_type(nested, page, guest_pat_type(guest, nested, pat_index));
}
/// Returns the memory type as an index for MemoryTypes::at(), which adds the MTRRs where they count: only with NPT.
inline uint8_t type_index_of(const ControlState& guest, const NestedControl& nested, const NestedTranslation& page,
                             unsigned pat_index) {
  const auto type = static_cast<unsigned>(memory_type_of(guest, nested, page, pat_index));
  return static_cast<uint8_t>(type + (nested.is_ept() ? kTypeItself : kTypeUnderMtrrs));
}

/// A TLB's entry for a guest's page ([N-90], [N-91]): the smaller of both pages, the rights of the guest and what the
/// nested tables forbid on top, dirty only if both dimensions need no flag any more. Of an outcome that is ok().
Translation combined(const ControlState& guest, const NestedControl& nested, const NestedOutcome& outcome);

/// One page of one access, from the guest's structure caches to the host-physical address.
template <class Port>
class NestedWalk {
 public:
  NestedWalk(const ControlState& guest, const NestedControl& nested, Port& port)
      : guest_(guest), nested_(nested), port_(port) {}

  /// Translates the page of `va` (canonical) for an access of `type`, and stores accessed and dirty flags of both
  /// dimensions if, and only if, both allow it. A failure that a cached entry may have caused is looked at again
  /// without it; what the failure makes the processor drop is dropped ([N-72]).
  NestedOutcome translate(VirtAddr va, AccessType type) {
    StructureEntry from = port_.find_structure(va);
    for (;;) {
      out_ = {};
      if (!attempt(va, type, from)) {  // another processor changed an entry meanwhile
        from = {};
        continue;
      }
      if (out_.ok()) {
        keep_structures(va);
        return out_;
      }
      if (out_.fault || !(nested_.is_ept() && is_misconfiguration(out_.exit->reason))) port_.drop(va);
      if (!from) return out_;
      from = {};
    }
  }

 private:
  /// Place of a guest entry that was read.
  struct Row {
    PhysAddr at;
    uint8_t type_index = 0;
    bool writable = false;  ///< the nested tables allow writes there
  };

  /// One try. False if an entry changed under it.
  bool attempt(VirtAddr va, AccessType type, StructureEntry from) {
    from_ = from;
    rows_.clear();
    va_ = guest_.linear(va);
    bool host_known = static_cast<bool>(from);  // the first table's host address is known [N-68]
    if (!host_known && guest_.mode() == PagingMode::kPae && !nested_.is_ept()) {
      from = read_pdpte();
      if (!out_.ok()) return true;
    }
    walk_.emplace(from ? Walk(guest_, va_, from) : Walk(guest_, va_));
    if (!walk_->done() && out_.start_level == 0) out_.start_level = static_cast<uint8_t>(walk_->level());
    for (; !walk_->done(); host_known = false) {
      if (!read_entry(host_known)) return true;
    }
    out_.level = walk_->level();
    out_.fault = walk_->fault();
    if (out_.fault) return true;
    out_.guest = walk_->translation();
    out_.fault = check_rights(guest_, out_.guest, type);
    if (out_.fault) return true;
    const bool updates = walk_->needs_update(type);
    if (updates && !may_update(type)) return true;
    out_.gpa = GuestPhysAddr(out_.guest.address(va_).raw());
    const auto page = look_up(out_.gpa, final_use(type, out_.guest.rights()));
    if (!page) return true;
    out_.nested = *page;
    if (updates && !update(type)) return false;
    if (type.is_write()) out_.guest.set_dirty();
    return true;
  }

  /// AMD: the PDPTE of a PAE guest is read from memory at each walk [N-62]. It has no rights and no accessed flag.
  StructureEntry read_pdpte() {
    const GuestPhysAddr gpa(guest_.root().raw() + (va_.raw() >> 30 & 3) * kEntryBytes);
    out_.start_level = 3;
    out_.level = 3;
    const auto page = look_up(gpa, NestedUse::kEntryRead);
    if (!page) return {};
    const uint8_t type = type_index_of(guest_, nested_, *page, guest_.root_pat_index());
    const uint64_t pdpte = port_.read_guest(GuestEntry{page->address(gpa), va_, 3, kEntryBytes, type});
    if ((pdpte & pte::kPresent) == 0) {
      out_.fault = FaultReason::kNotPresent;
    } else if ((pdpte & pdpte_reserved_bits(guest_.traits().phys_bits)) != 0) {
      out_.fault = FaultReason::kReservedBit;
    }
    return {entry_address(pdpte), 3, Rights(), pdpte >> 3 & 3};
  }

  /// Finds, reads and feeds the next guest entry. False if its place cannot be translated.
  bool read_entry(bool host_known) {
    Row row{walk_->entry_pa(), walk_->table_pat_index(), from_.table_writable()};
    if (!host_known) {
      const GuestPhysAddr gpa(walk_->entry_pa().raw());
      out_.level = walk_->level();
      const auto page = look_up(gpa, NestedUse::kEntryRead);
      if (!page) return false;
      row.at = page->address(gpa);
      row.type_index = type_index_of(guest_, nested_, *page, walk_->table_pat_index());
      row.writable = !missing_right(nested_, page->rights, NestedUse::kEntryUpdate);
    }
    rows_.append() = row;
    walk_->feed(port_.read_guest(GuestEntry{row.at, va_, static_cast<uint8_t>(walk_->level()),
                                            static_cast<uint8_t>(guest_.entry_bytes()), row.type_index}));
    return true;
  }

  /// True if the nested tables let the guest's flags be set: a write to each entry that changes, root first [N-22].
  bool may_update(AccessType type) {
    const auto steps = walk_->steps();
    for (size_t i = 0; i < steps.size(); ++i) {
      if (rows_[i].writable || !walk_->updated(steps[i], type)) continue;
      // A cached entry knows the table's host address only: from_ makes translate() walk once more, from the root.
      const GuestPhysAddr gpa(steps[i].entry_pa.raw());
      const auto page = i == 0 && from_ ? std::nullopt : look_up(gpa, NestedUse::kEntryUpdate);
      if (page) continue;
      if (!out_.exit) out_.exit = fault_of(NestedFaultReason::kNoWrite, NestedUse::kEntryUpdate, gpa);
      return false;
    }
    return true;
  }
  bool update(AccessType type) {
    const auto steps = walk_->steps();
    for (size_t i = 0; i < steps.size(); ++i) {
      const auto value = walk_->updated(steps[i], type);
      if (value && !port_.update_guest(rows_[i].at, steps[i].entry, *value, guest_.entry_bytes())) return false;
    }
    return true;
  }

  /// One sub-walk, or what caches know instead. On failure out_.exit is set.
  std::optional<NestedTranslation> look_up(GuestPhysAddr gpa, NestedUse use) {
    NestedTranslation cached;
    bool stale_possible = port_.find_translation(gpa, cached);
    if (stale_possible && serves(nested_, cached, use)) return cached;
    port_.begin_sub_walk(gpa);
    NestedStructure from = stale_possible ? NestedStructure() : port_.find_nested_structure(gpa);
    for (;;) {
      SubWalk walk = from ? SubWalk(nested_, gpa, from) : SubWalk(nested_, gpa);
      while (!walk.done()) walk.feed(port_.read_nested(walk, use));
      auto fault = walk.fault();
      if (!fault) fault = missing_right(nested_, walk.rights(), use);
      if (fault) {
        if (!(nested_.is_ept() && is_misconfiguration(*fault))) port_.drop(gpa);
        if (from || stale_possible) {
          from = {};
          stale_possible = false;
          continue;
        }
        fail(walk, *fault, use);
        return std::nullopt;
      }
      NestedTranslation page = walk.translation();
      if (nested_.accessed_dirty() && !set_flags(walk, use, page)) {
        from = {};
        continue;
      }
      port_.keep(walk, page);
      return page;
    }
  }
  bool set_flags(const SubWalk& walk, NestedUse use, NestedTranslation& page) {
    for (const SubWalk::Step& step : walk.steps()) {
      const auto value = walk.updated(step, use);
      if (!value) continue;
      if (!port_.update_nested(step.entry_pa, step.entry, *value)) return false;
      if (step.level == walk.level()) page.leaf = *value;
    }
    return true;
  }
  NestedFault fault_of(NestedFaultReason reason, NestedUse use, GuestPhysAddr gpa) const {
    NestedFault fault;
    fault.reason = reason;
    fault.use = use;
    fault.gpa = gpa;
    fault.gla = va_;
    return fault;
  }
  void fail(const SubWalk& walk, NestedFaultReason reason, NestedUse use) {
    NestedFault fault = fault_of(reason, use, walk.gpa());
    fault.level = static_cast<uint8_t>(walk.level());
    fault.rights = walk.rights();
    if (!walk.fault()) fault.leaf = walk.leaf();
    fault.guest = out_.guest.rights();
    out_.exit = fault;
  }

  /// Keeps the guest's non-leaf entries with the host addresses of their tables.
  void keep_structures(VirtAddr va) {
    const auto steps = walk_->steps();
    for (size_t i = 0; i + 1 < steps.size(); ++i) {
      StructureEntry entry(rows_[i + 1].at.align_down(kPageBytes), steps[i].level, steps[i].rights(),
                           rows_[i + 1].type_index);
      if (rows_[i + 1].writable) entry.set_table_writable();
      port_.keep(va, entry);
    }
  }

  const ControlState& guest_;
  const NestedControl& nested_;
  Port& port_;
  VirtAddr va_;
  StructureEntry from_;
  std::optional<Walk> walk_;
  InlineList<Row, kMaxLevels> rows_;
  NestedOutcome out_;
};

}  // namespace mmusim
