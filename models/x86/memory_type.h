// SPDX-License-Identifier: MIT
#pragma once

// Memory types: PAT and MTRRs, and how they combine. SDM vol. 3A chapter 12 (11 in older editions): tables 12-2
// (encodings), 12-7 (combination with PAT), 12.11 (MTRRs), 12.12 (PAT).

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/base/types.h"

namespace mmusim {

/// The values are the encodings in PAT and MTRRs. 2 and 3 are reserved.
enum class MemoryType : uint8_t {
  kUncacheable = 0,
  kWriteCombining = 1,
  kWriteThrough = 4,
  kWriteProtected = 5,
  kWriteBack = 6,
  kUncacheableMinus = 7,  ///< PAT only: UC, but an MTRR may make it WC
};

const char* name_of(MemoryType type);  ///< "UC", "WC", "WT", "WP", "WB", "UC-"

/// True if reads may hit and fill a cache.
constexpr bool is_cacheable(MemoryType type) {
  return type == MemoryType::kWriteBack || type == MemoryType::kWriteThrough || type == MemoryType::kWriteProtected;
}

/// IA32_PAT after reset: WB, WT, UC-, UC, and the same again.
inline constexpr uint64_t kPatAtReset = 0x0007'0406'0007'0406;
/// False where WRMSR IA32_PAT raises #GP(0): a reserved encoding or reserved bits.
bool is_valid_pat(uint64_t pat);
/// Entry `index` (4*PAT + 2*PCD + PWT) of a valid PAT.
constexpr MemoryType pat_type(uint64_t pat, unsigned index) { return static_cast<MemoryType>(pat >> (8 * index) & 7); }

/// The effective type: row MTRR, column PAT. `mtrr` is not UC-.
MemoryType combine(MemoryType mtrr, MemoryType pat);

/// The memory-type range registers. As made here: enabled, everything WB, no ranges.
class Mtrrs {
 public:
  static constexpr size_t kFixedRegisters = 11;  ///< FIX64K_00000, FIX16K_80000, FIX16K_A0000, FIX4K_C0000 ... F8000

  /// IA32_MTRR_DEF_TYPE: type in 7:0, FE bit 10, E bit 11. False, and nothing changed, where WRMSR would raise #GP(0).
  bool set_default(uint64_t def_type);
  /// One of the fixed-range registers, in the order above; eight types of a byte each. False as above.
  bool set_fixed(size_t which, uint64_t types);
  /// A pair IA32_MTRR_PHYSBASEn / PHYSMASKn; V=0 in the mask adds nothing. False as above.
  bool add_variable(uint64_t phys_base, uint64_t phys_mask);

  /// The type of the 4 KiB page at `pa`. Overlapping ranges: UC wins, WT beats WB, any other mix (undefined in the
  /// manual) counts as UC.
  MemoryType type_at(PhysAddr pa) const;
  /// The type if it is the same everywhere.
  std::optional<MemoryType> uniform() const;

 private:
  struct Range {
    uint64_t base = 0;
    uint64_t mask = 0;
    MemoryType type = MemoryType::kUncacheable;
  };
  MemoryType fixed_type(PhysAddr pa) const;

  bool enabled_ = true;
  bool fixed_enabled_ = false;
  MemoryType default_ = MemoryType::kWriteBack;
  std::array<uint64_t, kFixedRegisters> fixed_ = {};
  std::vector<Range> ranges_;
};

/// Indices of MemoryTypes::at() beyond those of the PAT, for guests, whose type is known before: plus a MemoryType, the
/// type itself (EPT, where MTRRs have no effect), or that type combined with the MTRRs (NPT).
inline constexpr unsigned kTypeItself = 8;
inline constexpr unsigned kTypeUnderMtrrs = 16;

/// PAT, MTRRs and CR0.CD together: the type an access uses.
class MemoryTypes {
 public:
  MemoryTypes() : MemoryTypes(Mtrrs{}, kPatAtReset, false) {}
  MemoryTypes(const Mtrrs& mtrrs, uint64_t pat, bool cache_disable);

  /// For the byte at `pa`, referenced through an entry with this 4*PAT + 2*PCD + PWT (a leaf for data, the entry above
  /// or CR3 for a table), or with an index of kTypeItself or kTypeUnderMtrrs. Without paging the index is 0. A large
  /// page over several MTRR types has each page its own.
  MemoryType at(PhysAddr pa, unsigned pat_index) const {
    if (uniform_) [[likely]]
      return uniform_types_[pat_index];
    return at_slow(pa, pat_index);
  }

 private:
  MemoryType at_slow(PhysAddr pa, unsigned index) const;
  MemoryType type_of(MemoryType mtrr, unsigned index) const;

  bool uniform_ = true;
  std::array<MemoryType, 24> uniform_types_ = {};
  std::array<MemoryType, 8> pat_ = {};
  Mtrrs mtrrs_;
};

}  // namespace mmusim
