// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "models/base/types.h"
#include "models/x86/paging.h"
#include "models/x86/space_tag.h"
#include "models/x86/translation.h"

namespace mmusim {

enum class Vendor : uint8_t { kIntel, kAmd };

/// Facts of CPUID that paging depends on.
struct ProcessorTraits {
  unsigned phys_bits = 46;         ///< MAXPHYADDR, 32 to 52
  bool gib_pages = true;           ///< CPUID 80000001H:EDX[26]
  bool pse36 = true;               ///< 4-MByte pages above 4 GiB in 32-bit paging
  Vendor vendor = Vendor::kIntel;  ///< bit 8 of PML4E and PML5E: ignored by Intel, must be 0 for AMD
  bool operator==(const ProcessorTraits&) const = default;
};

/// Registers that paging depends on, as the processor holds them. The defaults are 4-level paging, supervisor
/// protections off, root table at 0.
struct ControlRegisters {
  uint64_t cr0 = kCr0Pe | kCr0Wp | kCr0Pg;
  uint64_t cr3 = 0;
  uint64_t cr4 = kCr4Pae;
  uint64_t efer = kEferLme | kEferLma | kEferNxe;
  uint32_t pkru = 0;
  uint32_t pkrs = 0;
  bool ac = false;                     ///< EFLAGS.AC
  std::array<uint64_t, 4> pdpte = {};  ///< PAE only: the four PDPTE registers
  bool operator==(const ControlRegisters&) const = default;
};

/// The mode that CR0.PG, CR4.PAE, EFER.LME and CR4.LA57 select.
PagingMode paging_mode_of(const ControlRegisters& registers);

/// Why the processor could not be in this state (SDM vol. 3A 2.5, 4.1): a sentence naming the register, or nullopt
/// for a possible one. ControlState itself takes any registers and never fails.
std::optional<std::string> contradiction(const ControlRegisters& registers, const ProcessorTraits& traits);

/// Registers and CPUID decoded once, so that a walk step and a TLB hit are a few loads and masks.
class ControlState {
 public:
  /// Rules for entries of one level. Index 0: entry references a table, 1: it maps a page.
  struct LevelRules {
    uint64_t leaf_bit = 0;  ///< an entry with this bit maps a page: P at level 1, PS where PS is defined, else 0
    std::array<uint64_t, 2> reserved = {};
    uint64_t frame_mask = 0;  ///< address bits of a leaf
    PageSize size = PageSize::k4K;
    uint8_t shift = 0;      ///< lowest linear-address bit of the index
    uint8_t pat_shift = 0;  ///< place of the leaf's PAT bit
  };

  ControlState() : ControlState(ControlRegisters{}, ProcessorTraits{}) {}
  ControlState(const ControlRegisters& registers, const ProcessorTraits& traits);

  // Changing one register. Only decodes anew; what must leave the TLBs is in invalidation.h.
  void set_cr3(uint64_t cr3);  ///< bit 63 (no-invalidate) is dropped, as the register reads
  void set_registers(const ControlRegisters& registers);
  void set_ac(bool ac);
  void set_pkru(uint32_t pkru);
  void set_pdptes(const std::array<uint64_t, 4>& pdptes) {
    registers_.pdpte = pdptes;
  }  ///< PAE mode, see load_pdptes()
  /// Of a guest that shares its core: the tag of its address space. Any change of CR3 or CR4 sets the native one again.
  void set_space(SpaceTag space) { space_ = space; }

  const ControlRegisters& registers() const { return registers_; }
  const ProcessorTraits& traits() const { return traits_; }

  PagingMode mode() const { return mode_; }
  unsigned levels() const { return levels_of(mode_); }
  /// Bits of a linear address: 32, 48 or 57.
  unsigned linear_bits() const { return linear_bits_; }
  unsigned entry_bytes() const { return mode_ == PagingMode::k32Bit ? 4 : 8; }
  bool wp() const { return (registers_.cr0 & kCr0Wp) != 0; }
  bool nxe() const { return (registers_.efer & kEferNxe) != 0; }
  bool smep() const { return (registers_.cr4 & kCr4Smep) != 0; }
  bool smap() const { return (registers_.cr4 & kCr4Smap) != 0; }
  bool pge() const { return (registers_.cr4 & kCr4Pge) != 0; }
  bool pcide() const { return (registers_.cr4 & kCr4Pcide) != 0; }
  bool pke() const { return is_long_mode(mode_) && (registers_.cr4 & kCr4Pke) != 0; }
  bool pks() const { return is_long_mode(mode_) && (registers_.cr4 & kCr4Pks) != 0; }
  bool ac() const { return registers_.ac; }
  uint16_t pcid() const { return pcid_; }    ///< 0 unless CR4.PCIDE=1
  SpaceTag space() const { return space_; }  ///< under which its mappings are cached
  PhysAddr root() const { return root_; }    ///< top table; in PAE mode the table the PDPTEs were loaded from
  uint8_t root_pat_index() const { return root_pat_index_; }

  const LevelRules& rules(unsigned level) const { return rules_[level]; }
  unsigned index(VirtAddr va, unsigned level) const {
    return static_cast<unsigned>(va.raw() >> rules_[level].shift) & index_mask_;
  }
  /// Address of the entry for `va` in the table of `level` at `table`.
  PhysAddr entry_pa(PhysAddr table, VirtAddr va, unsigned level) const {
    return table + (uint64_t{index(va, level)} << entry_shift_);
  }

  /// The address as the MMU sees it: wrapped at 4 GiB in 32-bit and PAE mode and without paging.
  VirtAddr linear(VirtAddr va) const { return VirtAddr(va.raw() & linear_mask_); }
  bool canonical(VirtAddr va) const { return linear_bits_ == 32 || is_canonical(va, linear_bits_); }

  /// True if the combined rights of a walk (U/S, R/W, XD) allow the access: SDM 4.6.1, keys apart.
  bool allows(Rights rights, AccessType access) const { return (allowed_[access.index()] >> rights.bits() & 1) != 0; }
  /// True if a protection key forbids the access: SDM 4.6.2.
  bool key_denies(Rights rights, uint8_t key, AccessType access) const {
    const uint32_t deny = key_register_[rights.user() ? 1 : 0];
    if (deny == 0) [[likely]]
      return false;
    return key_denies_slow(deny, key, access);
  }

 private:
  void decode();
  void decode_rules();
  void decode_rights();
  void decode_root();
  bool key_denies_slow(uint32_t deny, uint8_t key, AccessType access) const;

  std::array<uint64_t, kAccessTypes> allowed_ = {};  // bit n: allowed where the combined rights are n
  std::array<uint32_t, 2> key_register_ = {};        // supervisor pages, user pages; 0 where keys are off
  PagingMode mode_ = PagingMode::kNone;
  uint8_t linear_bits_ = 48;
  uint8_t entry_shift_ = 3;
  uint8_t root_pat_index_ = 0;
  uint16_t pcid_ = 0;
  SpaceTag space_;
  uint32_t index_mask_ = kEntriesPerTable - 1;
  uint64_t linear_mask_ = ~uint64_t{0};
  PhysAddr root_;
  std::array<LevelRules, kMaxLevels + 1> rules_ = {};
  ControlRegisters registers_;
  ProcessorTraits traits_;
};

/// True if `source` of a MOV to CR3 has no reserved bit: 62:MAXPHYADDR in 4- and 5-level paging (63 is the
/// no-invalidate flag with CR4.PCIDE=1, else reserved), 63:32 in the other modes.
bool cr3_is_valid(const ControlState& control, uint64_t source);

/// Bits of a PAE PDPTE that must be 0 if it is present: 2:1, 8:5, 63:MAXPHYADDR.
constexpr uint64_t pdpte_reserved_bits(unsigned phys_bits) { return ~((uint64_t{1} << phys_bits) - 1) | 0x1e6; }

}  // namespace mmusim
