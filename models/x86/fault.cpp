// SPDX-License-Identifier: MIT
#include "models/x86/fault.h"

namespace mmusim {

const char* name_of(FaultReason reason) {
  switch (reason) {
    case FaultReason::kNonCanonical:
      return "non_canonical";
    case FaultReason::kNotPresent:
      return "not_present";
    case FaultReason::kReservedBit:
      return "reserved_bit";
    case FaultReason::kSupervisorPage:
      return "supervisor_page";
    case FaultReason::kReadOnly:
      return "read_only";
    case FaultReason::kNoExecute:
      return "no_execute";
    case FaultReason::kSmep:
      return "smep";
    case FaultReason::kSmap:
      return "smap";
    case FaultReason::kProtectionKey:
      return "protection_key";
    case FaultReason::kNested:
      return "nested";
  }
  return "?";
}

const char* describe(FaultReason reason) {
  switch (reason) {
    case FaultReason::kNonCanonical:
      return "the address of the first or the last byte is not canonical";
    case FaultReason::kNotPresent:
      return "the entry is not present (P=0)";
    case FaultReason::kReservedBit:
      return "a reserved bit is set in a present entry";
    case FaultReason::kSupervisorPage:
      return "a user access to an address that some entry keeps for the supervisor (U/S=0)";
    case FaultReason::kReadOnly:
      return "a write to an address that some entry makes read-only (R/W=0)";
    case FaultReason::kNoExecute:
      return "an instruction fetch from an address that some entry makes non-executable (XD=1)";
    case FaultReason::kSmep:
      return "a supervisor fetch from a user address while CR4.SMEP=1";
    case FaultReason::kSmap:
      return "a supervisor data access to a user address while CR4.SMAP=1 and EFLAGS.AC does not lift it";
    case FaultReason::kProtectionKey:
      return "the page's protection key forbids the access";
    case FaultReason::kNested:
      return "the nested tables do not allow the access: the processor leaves the guest";
  }
  return "?";
}

const char* name_of(Vector vector) {
  switch (vector) {
    case Vector::kStackFault:
      return "#SS";
    case Vector::kGeneralProtection:
      return "#GP";
    case Vector::kPageFault:
      return "#PF";
  }
  return "?";
}

Exception exception_of(FaultReason reason, AccessType access, const ControlState& control, VirtAddr va) {
  if (reason == FaultReason::kNonCanonical) {
    const bool stack = access.stack() && !access.is_fetch();
    return {stack ? Vector::kStackFault : Vector::kGeneralProtection, 0, std::nullopt};
  }
  if (reason == FaultReason::kNested) return {Vector::kPageFault, 0, std::nullopt};
  uint32_t code = 0;
  if (reason != FaultReason::kNotPresent) code |= kErrorPresent;
  if (access.is_write()) code |= kErrorWrite;
  if (access.is_user()) code |= kErrorUser;
  if (reason == FaultReason::kReservedBit) code |= kErrorReserved;
  const bool nx_paging = control.nxe() && (control.registers().cr4 & kCr4Pae) != 0;
  if (access.is_fetch() && (control.smep() || nx_paging)) code |= kErrorFetch;
  if (reason == FaultReason::kProtectionKey) code |= kErrorKey;
  return {Vector::kPageFault, code, control.linear(va)};
}

FaultReason forbidding_rule(const ControlState& control, Rights rights, uint8_t key, AccessType access) {
  if (control.key_denies(rights, key, access)) return FaultReason::kProtectionKey;
  if (access.is_user() && !rights.user()) return FaultReason::kSupervisorPage;
  if (access.is_fetch()) {
    const bool smep = !access.is_user() && rights.user() && control.smep();
    return smep ? FaultReason::kSmep : FaultReason::kNoExecute;
  }
  const bool smap = !access.is_user() && rights.user() && control.smap() &&
                    (access.privilege() == Privilege::kImplicit || !control.ac());
  return smap ? FaultReason::kSmap : FaultReason::kReadOnly;
}

}  // namespace mmusim
