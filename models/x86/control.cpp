// SPDX-License-Identifier: MIT
#include "models/x86/control.h"

#include <algorithm>

#include "models/base/format.h"

namespace mmusim {

namespace {

/// SDM vol. 3A 4.6.1, one cell: may an access of this type use an address with these combined rights?
bool rights_allow(const ControlState& control, Rights rights, AccessType access) {
  const bool executable = !(control.nxe() && rights.no_execute());
  if (access.is_user()) {
    if (!rights.user()) return false;
    return access.is_fetch() ? executable : !access.is_write() || rights.writable();
  }
  if (access.is_fetch()) return executable && !(rights.user() && control.smep());
  if (rights.user() && control.smap() && (access.privilege() == Privilege::kImplicit || !control.ac())) return false;
  return !access.is_write() || rights.writable() || !control.wp();
}

/// By AccessKind: bit 8 * n for each combination n of what nested tables forbid (Rights::kNestedAt) that lets accesses
/// of the kind pass.
constexpr std::array<uint64_t, 3> kNestedAllows = [] {
  std::array<uint64_t, 3> masks{};
  for (unsigned kind = 0; kind < masks.size(); ++kind) {
    for (unsigned n = 0; n < Rights::kAllCombinations / Rights::kCombinations; ++n) {
      if ((n >> kind & 1) == 0) masks[kind] |= uint64_t{1} << Rights::kCombinations * n;
    }
  }
  return masks;
}();

}  // namespace

PagingMode paging_mode_of(const ControlRegisters& r) {
  if ((r.cr0 & kCr0Pg) == 0) return PagingMode::kNone;
  if ((r.cr4 & kCr4Pae) == 0) return PagingMode::k32Bit;
  if ((r.efer & kEferLme) == 0) return PagingMode::kPae;
  return (r.cr4 & kCr4La57) == 0 ? PagingMode::k4Level : PagingMode::k5Level;
}

std::optional<std::string> contradiction(const ControlRegisters& r, const ProcessorTraits& traits) {
  const PagingMode mode = paging_mode_of(r);
  if (traits.phys_bits < 32 || traits.phys_bits > kMaxPhysBits) {
    return fmt::format("MAXPHYADDR is {}, expected 32 to {}", traits.phys_bits, kMaxPhysBits);
  }
  if ((r.cr0 & bit_range(63, 32)) != 0) return "CR0 has a bit above 31 set";
  if ((r.cr0 & kCr0Pg) != 0 && (r.cr0 & kCr0Pe) == 0) return "CR0 has PG=1 with PE=0";
  if ((r.cr0 & kCr0Nw) != 0 && (r.cr0 & kCr0Cd) == 0) return "CR0 has NW=1 with CD=0";
  if ((r.cr0 & kCr0Pg) != 0 && (r.efer & kEferLme) != 0 && (r.cr4 & kCr4Pae) == 0) {
    return "EFER.LME=1 and CR0.PG=1 with CR4.PAE=0";
  }
  if ((r.efer & kEferLma) != 0 && !is_long_mode(mode)) return "EFER.LMA=1 outside 4- and 5-level paging";
  if ((r.cr4 & kCr4Pcide) != 0 && !is_long_mode(mode)) return "CR4.PCIDE=1 outside 4- and 5-level paging";
  if ((r.cr4 & kCr4Cet) != 0 && (r.cr0 & kCr0Wp) == 0) return "CR4.CET=1 with CR0.WP=0";
  if (is_long_mode(mode)) {
    if ((r.cr3 & bit_range(60, traits.phys_bits)) != 0 || (r.cr3 & kCr3NoInvalidate) != 0) {
      return fmt::format("CR3 {:#x} has reserved bits set (MAXPHYADDR is {})", r.cr3, traits.phys_bits);
    }
  } else if ((r.cr3 & bit_range(63, 32)) != 0) {
    return fmt::format("CR3 {:#x} has a bit above 31 set", r.cr3);
  }
  return std::nullopt;
}

ControlState::ControlState(const ControlRegisters& registers, const ProcessorTraits& traits)
    : registers_(registers), traits_(traits) {
  decode();
}

void ControlState::set_cr3(uint64_t cr3) {
  registers_.cr3 = cr3 & ~kCr3NoInvalidate;
  decode_root();
}

void ControlState::set_registers(const ControlRegisters& registers) {
  registers_ = registers;
  decode();
}

void ControlState::set_ac(bool ac) {
  registers_.ac = ac;
  decode_rights();
}

void ControlState::set_pkru(uint32_t pkru) {
  registers_.pkru = pkru;
  decode_rights();
}

void ControlState::decode() {
  mode_ = paging_mode_of(registers_);
  const bool wide = is_long_mode(mode_);
  linear_bits_ = !wide ? 32 : mode_ == PagingMode::k4Level ? 48 : 57;
  linear_mask_ = wide ? ~uint64_t{0} : bit_range(31, 0);
  entry_shift_ = mode_ == PagingMode::k32Bit ? 2 : 3;
  index_mask_ = mode_ == PagingMode::k32Bit ? 0x3ff : kEntriesPerTable - 1;
  decode_rules();
  decode_rights();
  decode_root();
}

void ControlState::decode_root() {
  const uint64_t cr3 = registers_.cr3;
  pcid_ = pcide() ? static_cast<uint16_t>(cr3 & kCr3PcidMask) : uint16_t{0};
  space_ = pcid_;
  root_pat_index_ = pcide() ? uint8_t{0} : static_cast<uint8_t>(cr3 >> 3 & 3);
  switch (mode_) {
    case PagingMode::kNone:
    case PagingMode::k32Bit:
      root_ = PhysAddr(cr3 & bit_range(31, 12));
      break;
    case PagingMode::kPae:
      root_ = PhysAddr(cr3 & bit_range(31, 5));
      break;
    case PagingMode::k4Level:
    case PagingMode::k5Level:
      root_ = PhysAddr(cr3 & pte::kAddressMask);
      break;
  }
}

void ControlState::decode_rules() {
  rules_ = {};
  if (mode_ == PagingMode::k32Bit) {
    const bool pse = (registers_.cr4 & kCr4Pse) != 0;
    const unsigned width = traits_.pse36 ? std::clamp(traits_.phys_bits, 32U, 40U) : 32U;
    rules_[1] = {pte::kPresent, {0, 0}, bit_range(31, 12), PageSize::k4K, 12, 7};
    // Bit 21, and the bits of 20:13 that would address memory beyond the physical width (bit 13 is address bit 32).
    const uint64_t reserved = (uint64_t{1} << 21) | bit_range(20, width - 19);
    rules_[2] = {pse ? pte::kPageSize : 0, {0, reserved}, bit_range(31, 22), PageSize::k4M, 22, 12};
    return;
  }
  uint64_t always = bit_range(51, traits_.phys_bits);
  if (!nxe()) always |= pte::kNoExecute;
  if (mode_ == PagingMode::kPae) always |= bit_range(62, 52);
  rules_[1] = {pte::kPresent, {always, always}, bit_range(51, 12), PageSize::k4K, 12, 7};
  rules_[2] = {pte::kPageSize, {always, always | bit_range(20, 13)}, bit_range(51, 21), PageSize::k2M, 21, 12};
  rules_[3] = {pte::kPageSize, {always, always | bit_range(29, 13)}, bit_range(51, 30), PageSize::k1G, 30, 12};
  if (!traits_.gib_pages) rules_[3].reserved[1] |= pte::kPageSize;
  uint64_t upper = always | pte::kPageSize;
  if (traits_.vendor == Vendor::kAmd) upper |= pte::kGlobal;
  for (unsigned level = 4; level <= kMaxLevels; ++level) {
    rules_[level] = {0, {upper, upper}, 0, PageSize::k1G, static_cast<uint8_t>(level_shift(level)), 12};
  }
}

void ControlState::decode_rights() {
  key_register_ = {pks() ? registers_.pkrs : 0, pke() ? registers_.pkru : 0};
  allowed_ = {};
  for (const Privilege privilege : {Privilege::kSupervisor, Privilege::kUser, Privilege::kImplicit}) {
    for (const AccessKind kind : {AccessKind::kRead, AccessKind::kWrite, AccessKind::kFetch}) {
      const AccessType access{kind, privilege, false};
      uint64_t row = 0;  // of what the guest's entries allow
      for (unsigned bits = 0; bits < Rights::kCombinations; ++bits) {
        const bool ok = mode_ == PagingMode::kNone || rights_allow(*this, Rights(static_cast<uint8_t>(bits)), access);
        row |= uint64_t{ok} << bits;
      }
      allowed_[access.index()] = row * kNestedAllows[static_cast<unsigned>(kind)];
    }
  }
}

bool cr3_is_valid(const ControlState& control, uint64_t source) {
  if (!is_long_mode(control.mode())) return (source & bit_range(63, 32)) == 0;
  if (control.pcide()) source &= ~kCr3NoInvalidate;
  return (source & bit_range(63, control.traits().phys_bits)) == 0;
}

bool ControlState::key_denies_slow(uint32_t deny, uint8_t key, AccessType access) const {
  if (access.is_fetch()) return false;
  const unsigned bits = deny >> (2 * key) & 3;
  const bool access_disable = (bits & 1) != 0;
  const bool write_disable = (bits & 2) != 0;
  return access_disable || (write_disable && access.is_write() && (access.is_user() || wp()));
}

}  // namespace mmusim
