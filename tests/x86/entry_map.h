// SPDX-License-Identifier: MIT
#pragma once

#include <map>

#include "models/x86/translate.h"

namespace mmusim::test {

/// Sparse entries; everything else reads as zero. Counts what a walk does.
struct EntryMap {
  std::map<uint64_t, uint64_t> entries;
  unsigned loads = 0;
  unsigned stores = 0;

  uint64_t load_entry(PhysAddr pa, unsigned /*bytes*/) {
    ++loads;
    const auto at = entries.find(pa.raw());
    return at == entries.end() ? 0 : at->second;
  }
  void store_entry(PhysAddr pa, uint64_t value, unsigned /*bytes*/) {
    ++stores;
    entries[pa.raw()] = value;
  }
  uint64_t operator[](uint64_t pa) const { return entries.at(pa); }
};

inline constexpr AccessType kUserRead{AccessKind::kRead, Privilege::kUser};
inline constexpr AccessType kUserWrite{AccessKind::kWrite, Privilege::kUser};
inline constexpr AccessType kUserFetch{AccessKind::kFetch, Privilege::kUser};
inline constexpr AccessType kSupervisorRead{AccessKind::kRead, Privilege::kSupervisor};
inline constexpr AccessType kSupervisorWrite{AccessKind::kWrite, Privilege::kSupervisor};
inline constexpr AccessType kSupervisorFetch{AccessKind::kFetch, Privilege::kSupervisor};
inline constexpr AccessType kImplicitRead{AccessKind::kRead, Privilege::kImplicit};
inline constexpr AccessType kImplicitWrite{AccessKind::kWrite, Privilege::kImplicit};

inline constexpr uint64_t kCr0Paging = kCr0Pe | kCr0Pg | kCr0Wp;
inline constexpr uint64_t kEferLong = kEferLme | kEferLma;

/// Registers for a mode with NXE and WP set and every optional protection off.
inline ControlRegisters registers_for(PagingMode mode, uint64_t cr3 = 0) {
  ControlRegisters r;
  r.cr0 = mode == PagingMode::kNone ? kCr0Pe : kCr0Paging;
  r.cr3 = cr3;
  r.cr4 = mode == PagingMode::k32Bit ? kCr4Pse : kCr4Pae;
  if (mode == PagingMode::k5Level) r.cr4 |= kCr4La57;
  r.efer = kEferNxe | (is_long_mode(mode) ? kEferLong : 0);
  return r;
}

inline ProcessorTraits traits_with(unsigned phys_bits) {
  ProcessorTraits traits;
  traits.phys_bits = phys_bits;
  return traits;
}

}  // namespace mmusim::test
