// SPDX-License-Identifier: MIT
#include "models/x86/nested_control.h"

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr unsigned of(NestedUse use) { return static_cast<unsigned>(use); }
constexpr uint8_t bit(NestedUse use) { return static_cast<uint8_t>(1U << of(use)); }

std::optional<std::string> ept_contradiction(const NestedRegisters& r, unsigned phys_bits) {
  const uint64_t type = r.root & 7;
  const uint64_t length = (r.root >> 3 & 7) + 1;
  if (type != 0 && type != ept::kPointerWriteBack) {
    return fmt::format("EPTP {:#x} has memory type {}, expected 0 (UC) or 6 (WB)", r.root, type);
  }
  if (length != 4 && length != 5)
    return fmt::format("EPTP {:#x} has a walk length of {}, expected 4 or 5", r.root, length);
  if ((r.root & (bit_range(11, 8) | bit_range(63, phys_bits))) != 0) {
    return fmt::format("EPTP {:#x} has reserved bits set (MAXPHYADDR is {})", r.root, phys_bits);
  }
  return std::nullopt;
}

}  // namespace

const char* name_of(NestedKind kind) { return kind == NestedKind::kEpt ? "EPT" : "NPT"; }

std::optional<std::string> contradiction(const NestedRegisters& r, unsigned phys_bits) {
  if (!is_valid_pat(r.guest_pat)) return fmt::format("guest PAT {:#x} has a reserved memory type", r.guest_pat);
  if (r.kind == NestedKind::kEpt) return ept_contradiction(r, phys_bits);
  if (!is_valid_pat(r.host_pat)) return fmt::format("host PAT {:#x} has a reserved memory type", r.host_pat);
  if ((r.host_cr4 & kCr4Pae) == 0 || (r.host_efer & kEferLme) == 0) {
    return "the host is not in long mode (CR4.PAE, EFER.LME): nested tables of 32-bit and PAE hosts are not modelled";
  }
  if ((r.root & bit_range(63, phys_bits)) != 0) {
    return fmt::format("nCR3 {:#x} has reserved bits set (MAXPHYADDR is {})", r.root, phys_bits);
  }
  return std::nullopt;
}

NestedControl::NestedControl(const NestedRegisters& registers, const ProcessorTraits& traits) : registers_(registers) {
  root_ = entry_address(registers.root);
  if (is_ept()) {
    decode_ept(traits.phys_bits);
  } else {
    decode_npt(traits);
  }
  width_ = levels_ == 4 ? 48 : 57;
}

void NestedControl::decode_ept(unsigned phys_bits) {
  const bool mbec = registers_.mode_based_execute;
  levels_ = static_cast<uint8_t>((registers_.root >> 3 & 7) + 1);
  present_ = ept::kRead | ept::kWrite | ept::kExecute | (mbec ? ept::kUserExecute : 0);
  if ((registers_.root & ept::kPointerAccessedDirty) != 0) {
    accessed_ = ept::kAccessed;
    dirty_ = ept::kDirty;
  }
  const uint64_t always = bit_range(51, phys_bits);
  constexpr uint64_t kTypeAndPat = bit_range(6, 3);
  rules_[1] = {present_, {always, always}, bit_range(51, 12), PageSize::k4K, 12, 0};
  rules_[2] = {
      ept::kLargePage, {always | kTypeAndPat, always | bit_range(20, 12)}, bit_range(51, 21), PageSize::k2M, 21, 0};
  rules_[3] = {
      ept::kLargePage, {always | kTypeAndPat, always | bit_range(29, 12)}, bit_range(51, 30), PageSize::k1G, 30, 0};
  if (!registers_.gib_pages) rules_[3].reserved[1] |= ept::kLargePage;
  const uint64_t upper = always | kTypeAndPat | ept::kLargePage;
  for (unsigned level = 4; level <= kMaxLevels; ++level) {
    rules_[level] = {0, {upper, upper}, 0, PageSize::k1G, static_cast<uint8_t>(level_shift(level)), 0};
  }
  const uint64_t entry_read = accessed_dirty() ? ept::kWrite : ept::kRead;
  const uint64_t user_fetch = mbec ? ept::kUserExecute : ept::kExecute;
  need_ = {entry_read, ept::kWrite, ept::kRead, ept::kRead, ept::kWrite, user_fetch, ept::kExecute};
  writes_ = bit(NestedUse::kEntryUpdate) | bit(NestedUse::kFinalWrite);
  if (accessed_dirty()) writes_ |= bit(NestedUse::kEntryRead);
  for (unsigned row = 0; row < 16; ++row) {
    const bool read = (row & 1) != 0;
    const bool write = (row & 2) != 0;
    const bool execute = (row & 4) != 0 || (mbec && (row & 8) != 0);
    const bool bad = !read && (write || (execute && !registers_.execute_only));
    bad_rights_ = static_cast<uint16_t>(bad_rights_ | unsigned{bad} << row);
  }
  bad_types_ = 1U << 2 | 1U << 3 | 1U << 7;
}

void NestedControl::decode_npt(const ProcessorTraits& traits) {
  ControlRegisters host;
  host.cr4 = registers_.host_cr4;
  host.efer = registers_.host_efer;
  ProcessorTraits amd = traits;
  amd.vendor = Vendor::kAmd;
  amd.gib_pages = registers_.gib_pages;
  const ControlState ordinary(host, amd);  // nested entries have the ordinary format and reserved bits [N-52]
  levels_ = static_cast<uint8_t>(ordinary.levels());
  for (unsigned level = 1; level <= kMaxLevels; ++level) rules_[level] = ordinary.rules(level);
  present_ = pte::kPresent;
  inverted_ = pte::kNoExecute;
  accessed_ = pte::kAccessed;
  dirty_ = pte::kDirty;
  constexpr uint64_t kUserWrite = pte::kUser | pte::kWritable;
  constexpr uint64_t kUserFetch = pte::kUser | pte::kNoExecute;  // turned around: 1 where it may be executed
  need_ = {kUserWrite, kUserWrite, kUserWrite, pte::kUser, kUserWrite, kUserFetch, kUserFetch};
  writes_ = bit(NestedUse::kEntryRead) | bit(NestedUse::kEntryUpdate) | bit(NestedUse::kPdpteLoad) |
            bit(NestedUse::kFinalWrite);
}

}  // namespace mmusim
