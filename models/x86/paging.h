// SPDX-License-Identifier: MIT
#pragma once

// Format of x86 paging structures: entry bits, levels, indices, canonical addresses.
// Sources: Intel SDM vol. 3A chapter 4 (4.3-4.5 for the formats), AMD APM vol. 2 chapter 5.

#include <array>
#include <cstdint>

#include "models/base/types.h"

namespace mmusim {

/// Bits hi:lo, inclusive; none if hi is below lo. hi is below 64.
constexpr uint64_t bit_range(unsigned hi, unsigned lo) {
  return hi < lo ? 0 : (~uint64_t{0} >> (63 - hi)) & (~uint64_t{0} << lo);
}

/// Bits of an entry. They have the same place in all modes; 4-byte entries end at bit 31.
namespace pte {
inline constexpr uint64_t kPresent = uint64_t{1} << 0;
inline constexpr uint64_t kWritable = uint64_t{1} << 1;
inline constexpr uint64_t kUser = uint64_t{1} << 2;
inline constexpr uint64_t kWriteThrough = uint64_t{1} << 3;  ///< PWT
inline constexpr uint64_t kCacheDisable = uint64_t{1} << 4;  ///< PCD
inline constexpr uint64_t kAccessed = uint64_t{1} << 5;
inline constexpr uint64_t kDirty = uint64_t{1} << 6;
inline constexpr uint64_t kPageSize = uint64_t{1} << 7;  ///< PS: a leaf at level 2 or 3
inline constexpr uint64_t kGlobal = uint64_t{1} << 8;
inline constexpr uint64_t kPatSmall = uint64_t{1} << 7;   ///< PAT of a level-1 entry
inline constexpr uint64_t kPatLarge = uint64_t{1} << 12;  ///< PAT of a larger leaf
inline constexpr uint64_t kNoExecute = uint64_t{1} << 63;

inline constexpr unsigned kKeyShift = 59;  ///< protection key of a leaf, bits 62:59, 4- and 5-level paging
inline constexpr unsigned kKeyMask = 0xf;
inline constexpr uint64_t kAddressMask = 0x000f'ffff'ffff'f000;  ///< bits 51:12
}  // namespace pte

inline constexpr unsigned kMaxLevels = 5;
inline constexpr unsigned kTableIndexBits = 9;  ///< of tables with 8-byte entries
inline constexpr unsigned kEntriesPerTable = 1U << kTableIndexBits;
inline constexpr unsigned kEntryBytes = 8;
inline constexpr unsigned kMaxPhysBits = 52;

enum class PagingMode : uint8_t { kNone, k32Bit, kPae, k4Level, k5Level };

constexpr const char* name_of(PagingMode mode) {
  switch (mode) {
    case PagingMode::kNone:
      return "no paging";
    case PagingMode::k32Bit:
      return "32-bit";
    case PagingMode::kPae:
      return "PAE";
    case PagingMode::k4Level:
      return "4-level";
    case PagingMode::k5Level:
      return "5-level";
  }
  return "?";
}

inline constexpr std::array<uint8_t, 5> kLevelsOfMode = {0, 2, 3, 4, 5};
/// Levels are numbered from the page upwards: 1 = PTE, 2 = PDE, 3 = PDPTE, 4 = PML4E, 5 = PML5E.
/// PAE has 3, although its PDPTEs are registers and not read by a walk.
constexpr unsigned levels_of(PagingMode mode) { return kLevelsOfMode[static_cast<unsigned>(mode)]; }

constexpr bool is_long_mode(PagingMode mode) { return mode == PagingMode::k4Level || mode == PagingMode::k5Level; }

/// The manual's name of an entry at `level`.
constexpr const char* entry_name(unsigned level) {
  constexpr const char* kNames[] = {"?", "PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
  return level <= kMaxLevels ? kNames[level] : "?";
}

/// Lowest address bit that an entry of `level` in a table of 8-byte entries selects: 12, 21, 30, 39, 48.
constexpr unsigned level_shift(unsigned level) { return kPageShift + kTableIndexBits * (level - 1); }
/// Bytes that one entry of `level` covers (8-byte entries).
constexpr uint64_t level_bytes(unsigned level) { return uint64_t{1} << level_shift(level); }
/// Index into the table of `level` (8-byte entries).
constexpr unsigned level_index(VirtAddr va, unsigned level) {
  return static_cast<unsigned>(va.raw() >> level_shift(level)) & (kEntriesPerTable - 1);
}

/// Frame or table base of an 8-byte entry, not minding a large leaf's PAT bit.
constexpr PhysAddr entry_address(uint64_t entry) { return PhysAddr(entry & pte::kAddressMask); }

/// Size of a leaf at `level` in tables of 8-byte entries (1, 2 or 3).
constexpr PageSize leaf_size(unsigned level) {
  return level == 1 ? PageSize::k4K : level == 2 ? PageSize::k2M : PageSize::k1G;
}

/// Bits 63:bits-1 all equal; `bits` is 48 or 57.
constexpr bool is_canonical(VirtAddr va, unsigned bits) {
  const auto value = static_cast<int64_t>(va.raw());
  const unsigned spare = 64 - bits;
  return static_cast<int64_t>(va.raw() << spare) >> spare == value;
}

// Bits of control registers and MSRs.
inline constexpr uint64_t kCr0Pe = uint64_t{1} << 0;
inline constexpr uint64_t kCr0Wp = uint64_t{1} << 16;
inline constexpr uint64_t kCr0Nw = uint64_t{1} << 29;
inline constexpr uint64_t kCr0Cd = uint64_t{1} << 30;
inline constexpr uint64_t kCr0Pg = uint64_t{1} << 31;
inline constexpr uint64_t kCr3NoInvalidate = uint64_t{1} << 63;
inline constexpr uint64_t kCr3PcidMask = 0xfff;
inline constexpr uint64_t kCr4Pse = uint64_t{1} << 4;
inline constexpr uint64_t kCr4Pae = uint64_t{1} << 5;
inline constexpr uint64_t kCr4Pge = uint64_t{1} << 7;
inline constexpr uint64_t kCr4La57 = uint64_t{1} << 12;
inline constexpr uint64_t kCr4Pcide = uint64_t{1} << 17;
inline constexpr uint64_t kCr4Smep = uint64_t{1} << 20;
inline constexpr uint64_t kCr4Smap = uint64_t{1} << 21;
inline constexpr uint64_t kCr4Pke = uint64_t{1} << 22;
inline constexpr uint64_t kCr4Cet = uint64_t{1} << 23;
inline constexpr uint64_t kCr4Pks = uint64_t{1} << 24;
inline constexpr uint64_t kEferLme = uint64_t{1} << 8;
inline constexpr uint64_t kEferLma = uint64_t{1} << 10;
inline constexpr uint64_t kEferNxe = uint64_t{1} << 11;

}  // namespace mmusim
