// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/types.h"
#include "models/x86/control.h"
#include "models/x86/translation.h"

namespace mmusim {

/// Everything that can stop a translation. Where a protection key forbids an access that other rights forbid too, the
/// key is the reason, because the error code must say so.
enum class FaultReason : uint8_t {
  kNonCanonical,    ///< first or last byte; #GP, or #SS through the stack segment
  kNotPresent,      ///< an entry (or PAE PDPTE register) with P=0
  kReservedBit,     ///< a present entry with a reserved bit set
  kSupervisorPage,  ///< user access to a supervisor address
  kReadOnly,        ///< write without R/W in all entries
  kNoExecute,       ///< fetch with XD in any entry
  kSmep,            ///< supervisor fetch from a user address
  kSmap,            ///< supervisor data access to a user address
  kProtectionKey,   ///< PKRU or PKRS
  kNested,          ///< the nested tables of a guest: no exception of the guest but an exit (nested_fault.h)
};
inline constexpr unsigned kFaultReasons = 10;

/// Short name for logs, such as "not_present".
const char* name_of(FaultReason reason);
/// One sentence for people.
const char* describe(FaultReason reason);

enum class Vector : uint8_t { kStackFault = 12, kGeneralProtection = 13, kPageFault = 14 };
const char* name_of(Vector vector);  ///< "#SS", "#GP", "#PF"

// Bits of a page-fault error code (SDM vol. 3A 4.7).
inline constexpr uint32_t kErrorPresent = 1U << 0;
inline constexpr uint32_t kErrorWrite = 1U << 1;
inline constexpr uint32_t kErrorUser = 1U << 2;
inline constexpr uint32_t kErrorReserved = 1U << 3;
inline constexpr uint32_t kErrorFetch = 1U << 4;
inline constexpr uint32_t kErrorKey = 1U << 5;

/// A fault as software sees it.
struct Exception {
  Vector vector = Vector::kPageFault;
  uint32_t error_code = 0;
  std::optional<VirtAddr> cr2;  ///< #PF only; the other exceptions leave CR2 alone
  bool operator==(const Exception&) const = default;
};

/// The exception for a fault at linear address `va`: the operand's address for its first page, the first byte of the
/// second page for its second. kNested is none: no error code, no CR2.
Exception exception_of(FaultReason reason, AccessType access, const ControlState& control, VirtAddr va);

/// The first rule that forbids an access which allows() or key_denies() refused.
FaultReason forbidding_rule(const ControlState& control, Rights rights, uint8_t key, AccessType access);

/// The permission rules on the result of a walk or on a TLB entry: nullopt if the access is allowed.
inline std::optional<FaultReason> check_rights(const ControlState& control, const Translation& translation,
                                               AccessType access) {
  if (control.allows(translation.rights(), access) &&
      !control.key_denies(translation.rights(), translation.key(), access)) [[likely]] {
    return std::nullopt;
  }
  return forbidding_rule(control, translation.rights(), translation.key(), access);
}

/// True if the access may use this TLB entry without a walk: it has the rights, and for a write it is dirty. Only a walk
/// may set the flag or decide that the access faults.
inline bool serves(const ControlState& control, const Translation& translation, AccessType access) {
  return !(access.is_write() && !translation.dirty()) && !check_rights(control, translation, access);
}

}  // namespace mmusim
