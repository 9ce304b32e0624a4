// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "models/base/access.h"
#include "models/base/types.h"
#include "models/x86/paging.h"

namespace mmusim {

/// Who asks, for the permission rules (SDM vol. 3A 4.6.1). An implicit access (descriptor tables, TSS) is a
/// supervisor access at any CPL, and EFLAGS.AC does not lift SMAP for it.
enum class Privilege : uint8_t { kSupervisor, kUser, kImplicit };

/// All that permission checks and error codes need to know of an access. A read-modify-write is a write.
struct AccessType {
  AccessKind kind = AccessKind::kRead;
  Privilege privilege = Privilege::kSupervisor;
  bool stack = false;  ///< a data reference through the stack segment

  constexpr bool is_write() const { return kind == AccessKind::kWrite; }
  constexpr bool is_fetch() const { return kind == AccessKind::kFetch; }
  constexpr bool is_user() const { return privilege == Privilege::kUser; }
  /// 0..11, for tables with a row for each kind of access.
  constexpr unsigned index() const { return static_cast<unsigned>(privilege) * 4 + static_cast<unsigned>(kind); }
  bool operator==(const AccessType&) const = default;
};
inline constexpr unsigned kAccessTypes = 12;

constexpr AccessType access_type_of(const MemAccess& access) {
  AccessType type;
  type.kind = access.rmw ? AccessKind::kWrite : access.kind;
  type.privilege = access.implicit ? Privilege::kImplicit : access.user ? Privilege::kUser : Privilege::kSupervisor;
  type.stack = access.stack;
  return type;
}

/// What the entries of a walk allow together: user and writable only if all entries say so, executable unless any
/// entry forbids it. Combining is one AND.
class Rights {
 public:
  static constexpr uint8_t kWritableBit = 1;
  static constexpr uint8_t kUserBit = 2;
  static constexpr uint8_t kExecutableBit = 4;
  static constexpr unsigned kCombinations = 8;

  constexpr Rights() = default;  ///< everything: the state before the first entry
  constexpr explicit Rights(uint8_t bits) : bits_(bits) {}
  static constexpr Rights of_entry(uint64_t entry) {
    return Rights(static_cast<uint8_t>(((entry >> 1) & 3) | ((~entry >> 61) & kExecutableBit)));
  }

  constexpr bool user() const { return (bits_ & kUserBit) != 0; }
  constexpr bool writable() const { return (bits_ & kWritableBit) != 0; }
  constexpr bool no_execute() const { return (bits_ & kExecutableBit) == 0; }
  constexpr uint8_t bits() const { return bits_; }
  friend constexpr Rights operator&(Rights a, Rights b) { return Rights(static_cast<uint8_t>(a.bits_ & b.bits_)); }
  bool operator==(const Rights&) const = default;

 private:
  uint8_t bits_ = kWritableBit | kUserBit | kExecutableBit;
};

/// The result of a successful walk, and what a TLB entry holds (SDM vol. 3A 4.10.2.2). Nothing here depends on CPL,
/// WP, SMEP, SMAP, AC or the key registers: those are applied at each use.
struct Translation {
  PhysAddr frame;  ///< physical address of the page's first byte
  PageSize size = PageSize::k4K;
  Rights rights;
  uint8_t key = 0;        ///< protection key of the leaf; 0 outside 4-/5-level paging
  uint8_t pat_index = 0;  ///< 4*PAT + 2*PCD + PWT of the leaf
  bool dirty = false;     ///< D of the leaf, as last read or written by the walk
  bool global = false;    ///< G of the leaf, and CR4.PGE=1
  uint16_t unused = 0;    // the host copies whole words

  /// Made as two words: the host can pass on at once what was stored at once, which it cannot with eight small members.
  static constexpr Translation of(PhysAddr frame, PageSize size, Rights rights, uint64_t key, uint64_t pat_index,
                                  bool dirty, bool global) {
    const uint64_t rest = uint64_t{static_cast<uint8_t>(size)} | uint64_t{rights.bits()} << 8 | key << 16 |
                          pat_index << 24 | uint64_t{dirty} << 32 | uint64_t{global} << 40;
    return std::bit_cast<Translation>(std::array<uint64_t, 2>{frame.raw(), rest});
  }
  constexpr PhysAddr address(VirtAddr va) const { return frame + (va.raw() & (bytes_of(size) - 1)); }
  bool operator==(const Translation&) const = default;
};
static_assert(sizeof(Translation) == 16 && std::endian::native == std::endian::little);

/// What a paging-structure cache holds about one non-leaf entry (SDM vol. 3A 4.10.3): where its table is, and what
/// all entries down to and including it allow. A walk that finds one starts at `level` - 1.
struct StructureEntry {
  PhysAddr table;           ///< of the table it points to
  uint8_t level = 0;        ///< of the entry itself: 2 = PDE, ... 5 = PML5E
  Rights rights;            ///< combined
  uint8_t pat_index = 0;    ///< 2*PCD + PWT of this entry: memory type of the table it points to
  uint8_t unused_byte = 0;  // whole words, as above
  uint32_t unused_word = 0;

  static constexpr StructureEntry of(PhysAddr table, unsigned level, Rights rights, uint64_t pat_index) {
    const uint64_t rest = uint64_t{level} | uint64_t{rights.bits()} << 8 | pat_index << 16;
    return std::bit_cast<StructureEntry>(std::array<uint64_t, 2>{table.raw(), rest});
  }
  bool operator==(const StructureEntry&) const = default;
};
static_assert(sizeof(StructureEntry) == 16);

}  // namespace mmusim
