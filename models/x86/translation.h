// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/access.h"
#include "models/base/types.h"
#include "models/x86/paging.h"

namespace mmusim {

/// Privilege of an access, for the permission rules (SDM vol. 3A 4.6.1). An implicit access (descriptor tables, TSS) is
/// a supervisor access at any CPL, and EFLAGS.AC does not lift SMAP for it.
enum class Privilege : uint8_t { kSupervisor, kUser, kImplicit };

/// All that permission checks and error codes need to know of an access. A read-modify-write is a write. One byte,
/// which the host passes on in a register.
class AccessType {
 public:
  constexpr AccessType() = default;
  /// `stack`: a data reference through the stack segment.
  constexpr AccessType(AccessKind kind, Privilege privilege, bool stack = false)
      : bits_(static_cast<uint8_t>(static_cast<unsigned>(kind) | static_cast<unsigned>(privilege) << 2 |
                                   (stack ? kStackBit : 0U))) {}

  constexpr AccessKind kind() const { return static_cast<AccessKind>(bits_ & 3); }
  constexpr Privilege privilege() const { return static_cast<Privilege>(bits_ >> 2 & 3); }
  constexpr bool stack() const { return (bits_ & kStackBit) != 0; }
  constexpr bool is_write() const { return kind() == AccessKind::kWrite; }
  constexpr bool is_fetch() const { return kind() == AccessKind::kFetch; }
  constexpr bool is_user() const { return privilege() == Privilege::kUser; }
  /// 0..11, for tables with a row for each kind of access.
  constexpr unsigned index() const { return bits_ & 15U; }
  bool operator==(const AccessType&) const = default;

 private:
  static constexpr unsigned kStackBit = 16;

  uint8_t bits_ = 0;  // a supervisor's read
};
inline constexpr unsigned kAccessTypes = 12;

constexpr AccessType access_type_of(const MemAccess& access) {
  const Privilege privilege = access.implicit ? Privilege::kImplicit
                              : access.user   ? Privilege::kUser
                                              : Privilege::kSupervisor;
  return {kind_of(access), privilege, access.stack};
}

/// Rights that the entries of a walk allow together: user and writable only if all entries say so, executable unless
/// any entry forbids it. In a guest three bits more say what the nested tables forbid on top, whatever CR0.WP and EFER.NXE
/// of the guest are.
class Rights {
 public:
  static constexpr uint8_t kWritableBit = 1;
  static constexpr uint8_t kUserBit = 2;
  static constexpr uint8_t kExecutableBit = 4;
  static constexpr unsigned kCombinations = 8;  ///< of those three
  static constexpr unsigned kNestedAt = 3;  ///< lowest of the three bits of what nested tables forbid, by AccessKind
  static constexpr unsigned kAllCombinations = 64;

  constexpr Rights() = default;  ///< everything: the state before the first entry
  constexpr explicit Rights(uint8_t bits) : bits_(bits) {}
  /// Returns the rights of entries whose AND, with XD inverted, is `all`.
  static constexpr Rights of_entries(uint64_t all) {
    return Rights(static_cast<uint8_t>((all >> 1 & 3) | (all >> 61 & kExecutableBit)));
  }
  /// Inverse of that: R/W, U/S and XD (inverted) as these rights allow, all other bits 1.
  constexpr uint64_t entries() const {
    constexpr uint64_t kOthers = ~(pte::kWritable | pte::kUser | pte::kNoExecute);
    return kOthers | (bits_ & 3U) << 1 | (uint64_t{bits_} & kExecutableBit) << 61;
  }

  constexpr bool user() const { return (bits_ & kUserBit) != 0; }
  constexpr bool writable() const { return (bits_ & kWritableBit) != 0; }
  constexpr bool no_execute() const { return (bits_ & kExecutableBit) == 0; }
  /// True if the nested tables forbid accesses of that kind.
  constexpr bool nested_denies(AccessKind kind) const {
    return (bits_ >> (kNestedAt + static_cast<unsigned>(kind)) & 1) != 0;
  }
  constexpr void deny_nested(AccessKind kind) {
    bits_ = static_cast<uint8_t>(bits_ | 1U << (kNestedAt + static_cast<unsigned>(kind)));
  }
  constexpr uint8_t bits() const { return bits_; }
  bool operator==(const Rights&) const = default;

 private:
  uint8_t bits_ = kWritableBit | kUserBit | kExecutableBit;
};

/// The result of a successful walk, and what a TLB entry holds (SDM vol. 3A 4.10.2.2). Nothing here depends on CPL,
/// WP, SMEP, SMAP, AC or the key registers: those are applied at each use.
///
/// Two words, because the host copies these all the time and a struct of eight small members piece by piece.
class Translation {
 public:
  struct Parts {
    PhysAddr frame = {};  ///< physical address of the page's first byte
    PageSize size = PageSize::k4K;
    Rights rights = {};
    uint8_t key = 0;        ///< protection key of the leaf; 0 outside 4-/5-level paging
    uint8_t pat_index = 0;  ///< 4*PAT + 2*PCD + PWT of the leaf; combined: as MemoryTypes::at() takes it
    bool dirty = false;     ///< D of the leaf, as last read or written by the walk
    bool global = false;    ///< G of the leaf, and CR4.PGE=1
    /// Set if it is only a fragment of the guest's page, because the nested page is smaller: shift of that page
    /// (nested-paging [N-92]); else 0.
    uint8_t guest_shift = 0;
  };

  constexpr Translation() : Translation(Parts{}) {}
  constexpr explicit Translation(const Parts& parts)
      : frame_(parts.frame.raw()),
        rest_(uint64_t{static_cast<uint8_t>(parts.size)} | uint64_t{parts.rights.bits()} << kRightsAt |
              uint64_t{parts.key} << kKeyAt | uint64_t{parts.pat_index} << kPatIndexAt |
              uint64_t{parts.dirty} << kDirtyAt | uint64_t{parts.global} << kGlobalAt |
              uint64_t{parts.guest_shift} << kGuestShiftAt) {}

  constexpr PhysAddr frame() const { return PhysAddr(frame_); }
  constexpr PageSize size() const { return static_cast<PageSize>(rest_ & 0xff); }
  constexpr Rights rights() const { return Rights(static_cast<uint8_t>(rest_ >> kRightsAt)); }
  constexpr uint8_t key() const { return static_cast<uint8_t>(rest_ >> kKeyAt); }
  constexpr uint8_t pat_index() const { return static_cast<uint8_t>(rest_ >> kPatIndexAt); }
  constexpr bool dirty() const { return (rest_ >> kDirtyAt & 1) != 0; }
  constexpr bool global() const { return (rest_ >> kGlobalAt & 1) != 0; }

  /// Lowest linear-address bit above the page that this is, or is a fragment of.
  constexpr unsigned mapping_shift() const {
    return std::max(shift_of(size()), static_cast<unsigned>(rest_ >> kGuestShiftAt & 0xff));
  }

  constexpr void set_dirty() { rest_ |= uint64_t{1} << kDirtyAt; }
  constexpr void set_frame(PhysAddr frame) { frame_ = frame.raw(); }

  constexpr PhysAddr address(VirtAddr va) const { return frame() + (va.raw() & (bytes_of(size()) - 1)); }
  bool operator==(const Translation&) const = default;

 private:
  static constexpr unsigned kRightsAt = 8, kKeyAt = 16, kPatIndexAt = 24, kDirtyAt = 32, kGlobalAt = 33,
                            kGuestShiftAt = 40;

  uint64_t frame_;
  uint64_t rest_;  // size in the lowest byte, the others from their bit on
};

/// Entry of a paging-structure cache: one non-leaf entry (SDM vol. 3A 4.10.3), where its table is, and what
/// all entries down to and including it allow. A walk that finds one starts at level() - 1. One word, as the entry is.
/// In a guest (combined entries, nested-paging [N-68]) table() is the host-physical address of the guest's table.
class StructureEntry {
 public:
  constexpr StructureEntry() = default;  ///< none
  /// `table`: of the table it points to. `level`: of the entry itself, 2 = PDE, ... 5 = PML5E. `pat_index`: 2*PCD + PWT
  /// of the entry, the memory type of the table it points to; in a guest as MemoryTypes::at() takes it.
  constexpr StructureEntry(PhysAddr table, unsigned level, Rights rights, uint64_t pat_index)
      : word_(table.raw() | level | uint64_t{rights.bits()} << kRightsAt | pat_index << kPatIndexAt) {}

  constexpr explicit operator bool() const { return word_ != 0; }
  constexpr PhysAddr table() const { return entry_address(word_); }
  constexpr unsigned level() const { return word_ & 7; }
  constexpr Rights rights() const { return Rights(word_ >> kRightsAt & 7); }
  constexpr uint8_t pat_index() const { return word_ >> kPatIndexAt & 31; }
  /// Of a combined entry: the nested tables allow writes to the table.
  constexpr bool table_writable() const { return (word_ >> kWritableAt & 1) != 0; }
  constexpr void set_table_writable() { word_ |= uint64_t{1} << kWritableAt; }
  bool operator==(const StructureEntry&) const = default;

 private:
  static constexpr unsigned kRightsAt = 3, kPatIndexAt = 6, kWritableAt = 11;

  uint64_t word_ = 0;  // the table's address in bits 51:12
};

}  // namespace mmusim
