// SPDX-License-Identifier: MIT
#include "models/x86/nested_fault.h"

namespace mmusim {

namespace {

/// Exit qualification of an EPT violation [N-28].
uint64_t qualification(const NestedFault& fault, const NestedControl& control) {
  const bool final = is_final(fault.use);
  uint64_t q = 0;
  if (is_fetch(fault.use)) {
    q |= 1U << 2;
  } else if (!control.counts_as_write(fault.use)) {
    q |= 1U << 0;
  } else {
    q |= final ? 1U << 1 : 3U;  // an access to a guest entry that counts as a write is reported as read and write
  }
  const bool rights_known = fault.reason != NestedFaultReason::kNotPresent &&
                            fault.reason != NestedFaultReason::kBeyondWidth;  // else the AND is 0 [N-29]
  if (rights_known) {
    q |= (fault.rights & 7) << 3;
    if (control.registers().mode_based_execute && (fault.rights & ept::kUserExecute) != 0) q |= 1U << 6;
  }
  if (fault.use == NestedUse::kPdpteLoad) return q;
  q |= 1U << 7;
  if (final) {
    q |= 1U << 8;
    if (control.registers().advanced_information) {
      q |= uint64_t{fault.guest.user()} << 9 | uint64_t{fault.guest.writable()} << 10 |
           uint64_t{fault.guest.no_execute()} << 11;
    }
  }
  const bool shadow_stacks = (control.registers().root & ept::kPointerShadowStack) != 0;
  if (shadow_stacks && fault.leaf && (*fault.leaf & ept::kShadowStack) != 0) q |= 1U << 14;
  return q;
}

/// EXITINFO1 of #VMEXIT(NPF) [N-57].
uint64_t exit_information_1(const NestedFault& fault, const NestedControl& control) {
  const bool absent = fault.reason == NestedFaultReason::kNotPresent || fault.reason == NestedFaultReason::kBeyondWidth;
  const bool fetches_show =
      (control.registers().host_efer & kEferNxe) != 0 || (control.registers().host_cr4 & kCr4Smep) != 0;
  uint64_t info = 1U << 2;
  if (!absent) info |= 1U << 0;
  if (control.counts_as_write(fault.use)) info |= 1U << 1;
  if (fault.reason == NestedFaultReason::kReservedBit) info |= 1U << 3;
  if (is_fetch(fault.use) && fetches_show) info |= 1U << 4;
  return info | uint64_t{1} << (is_final(fault.use) ? 32 : 33);
}

}  // namespace

NestedExit exit_of(const NestedFault& fault, const NestedControl& control) {
  if (!control.is_ept()) {
    return {ExitReason::kNestedPageFault, exit_information_1(fault, control), fault.gpa, std::nullopt};
  }
  if (is_misconfiguration(fault.reason)) {
    return {ExitReason::kEptMisconfiguration, 0, fault.gpa, std::nullopt};
  }
  const bool has_gla = fault.use != NestedUse::kPdpteLoad;
  return {ExitReason::kEptViolation, qualification(fault, control), fault.gpa,
          has_gla ? std::optional(fault.gla) : std::nullopt};
}

const char* name_of(NestedFaultReason reason) {
  constexpr const char* kNames[kNestedFaultReasons] = {
      "beyond_width", "not_present", "reserved_bit", "write_without_read", "execute_only",
      "memory_type",  "no_read",     "no_write",     "no_fetch",           "no_user"};
  return kNames[static_cast<unsigned>(reason)];
}

const char* describe(NestedFaultReason reason) {
  constexpr const char* kTexts[kNestedFaultReasons] = {
      "the guest-physical address has more bits than the nested tables translate",
      "the nested entry is not present",
      "a reserved bit is set in a present nested entry",
      "the EPT entry allows writes but no reads",
      "the EPT entry allows fetches but no reads, which this processor does not support",
      "the memory type of the EPT leaf is reserved",
      "a read that some EPT entry forbids (R=0)",
      "a write that some nested entry forbids",
      "an instruction fetch that some nested entry forbids",
      "a nested entry is for the supervisor only (U/S=0); every nested access is a user access"};
  return kTexts[static_cast<unsigned>(reason)];
}

const char* name_of(ExitReason reason) {
  switch (reason) {
    case ExitReason::kEptViolation:
      return "EPT violation";
    case ExitReason::kEptMisconfiguration:
      return "EPT misconfiguration";
    case ExitReason::kNestedPageFault:
      return "nested page fault";
  }
  return "?";
}

}  // namespace mmusim
