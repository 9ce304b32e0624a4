// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

#include "models/x86/nested_translate.h"
#include "tests/x86/entry_map.h"

namespace mmusim::test {

/// Tables of both dimensions for one guest address: built once, cold, with leaves of any size. Guest-physical address g
/// of tables is at host-physical g + kHostOffset; of data too.
class NestedTables {
 public:
  static constexpr uint64_t kHostOffset = uint64_t{1} << 36;
  static constexpr uint64_t kGuestTables = 0x4000'0000;  ///< one page for each guest level, 4 KiB apart
  static constexpr uint64_t kData = 0x8000'0000;         ///< guest-physical address of the page, 1-GByte aligned

  /// `guest_leaf`: level of the guest's leaf. `table_leaf`, `data_leaf`: those of the nested leaves for the guest's
  /// tables and for the data.
  NestedTables(NestedKind kind, PagingMode mode, unsigned guest_leaf, unsigned host_levels, unsigned table_leaf,
               unsigned data_leaf, bool accessed_dirty = false)
      : kind_(kind), host_levels_(host_levels) {
    NestedRegisters nested;
    nested.kind = kind;
    nested.root = kNestedRoot;
    if (kind == NestedKind::kEpt) {
      nested.root |= ept::kPointerWriteBack | (host_levels == 5 ? ept::kPointer5Levels : ept::kPointer4Levels) |
                     (accessed_dirty ? ept::kPointerAccessedDirty : 0);
    } else if (host_levels == 5) {
      nested.host_cr4 |= kCr4La57;
    }
    ProcessorTraits traits = traits_with(46);
    traits.vendor = kind == NestedKind::kEpt ? Vendor::kIntel : Vendor::kAmd;
    control = NestedControl(nested, traits);
    ControlRegisters registers = registers_for(mode, kGuestTables);
    if (mode == PagingMode::kPae) registers.pdpte[va().raw() >> 30 & 3] = (kGuestTables + 0x1000) | pte::kPresent;
    guest = ControlState(registers, traits);
    build_guest(mode, guest_leaf);
    if (mode != PagingMode::kNone) {
      for (unsigned page = 0; page < 5; ++page) map(kGuestTables + page * 0x1000, table_leaf);
    }
    map(data_gpa(mode, guest_leaf), data_leaf);
  }
  /// Guest-physical address of va() with a guest leaf of that level.
  static uint64_t data_gpa(PagingMode mode, unsigned guest_leaf) {
    if (mode == PagingMode::kNone) return va().raw();
    const unsigned shift = mode == PagingMode::k32Bit && guest_leaf == 2 ? 22 : level_shift(guest_leaf);
    return kData + (va().raw() & ((uint64_t{1} << shift) - 1));
  }

  /// The address whose tables these are: fits into 31 bits, so that every mode has it.
  static VirtAddr va() { return VirtAddr(0x5020'3000); }

  NestedAccessOutcome translate(AccessType type = kSupervisorRead) {
    return translate_nested(guest, control, va(), 8, type, memory);
  }
  /// Host address of the nested entry of `level` for a guest-physical address.
  PhysAddr nested_entry(uint64_t gpa, unsigned level) const {
    PhysAddr table(kNestedRoot);
    for (unsigned l = host_levels_;; --l) {
      const PhysAddr at = control.entry_pa(table, GuestPhysAddr(gpa), l);
      if (l == level) return at;
      table = entry_address(memory.entries.at(at.raw()));
    }
  }

  ControlState guest;
  NestedControl control;
  EntryMap memory;

 private:
  static constexpr uint64_t kNestedRoot = 0x10'0000;

  void build_guest(PagingMode mode, unsigned leaf) {
    constexpr uint64_t kFlags = pte::kPresent | pte::kWritable | pte::kAccessed | pte::kDirty;
    if (mode == PagingMode::kNone) return;
    const bool registers = mode == PagingMode::kPae && kind_ == NestedKind::kEpt;
    unsigned level = registers ? 2 : guest.levels();
    uint64_t table = registers ? kGuestTables + 0x1000 : kGuestTables;
    for (;; --level) {
      const bool pdpte = mode == PagingMode::kPae && level == 3;
      const unsigned shift = mode == PagingMode::k32Bit && level == 2 ? 22 : level_shift(level);
      const uint64_t index = va().raw() >> shift & (mode == PagingMode::k32Bit ? 0x3ff : 0x1ff);
      uint64_t& entry = memory.entries[kHostOffset + table + index * guest.entry_bytes()];
      if (level == leaf) {
        entry = kData | kFlags | (level > 1 ? pte::kPageSize : 0);
        return;
      }
      table += 0x1000;
      entry = table | (pdpte ? pte::kPresent : kFlags & ~pte::kDirty);
    }
  }
  void map(uint64_t gpa, unsigned leaf) {
    const bool ept = kind_ == NestedKind::kEpt;
    const uint64_t flags = ept ? 7 : pte::kPresent | pte::kWritable | pte::kUser;
    PhysAddr table(kNestedRoot);
    for (unsigned level = host_levels_;; --level) {
      uint64_t& entry = memory.entries[control.entry_pa(table, GuestPhysAddr(gpa), level).raw()];
      if (level == leaf) {
        const uint64_t base = (gpa + kHostOffset) & ~(level_bytes(level) - 1);
        entry = base | flags | (ept ? 0x30 : 0) | (level > 1 ? pte::kPageSize : 0);
        return;
      }
      if (entry == 0) {
        next_ += 0x1000;
        entry = next_ | flags;
      }
      table = entry_address(entry);
    }
  }

  NestedKind kind_;
  unsigned host_levels_;
  uint64_t next_ = kNestedRoot;
};

}  // namespace mmusim::test
