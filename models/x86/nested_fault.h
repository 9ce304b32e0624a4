// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/types.h"
#include "models/x86/nested_control.h"
#include "models/x86/translation.h"

namespace mmusim {

/// Everything that can stop a sub-walk. The list is closed: exit_of() says for each what the hypervisor is told.
enum class NestedFaultReason : uint8_t {
  kBeyondWidth,       ///< the GPA has bits that the tables do not translate [N-9]
  kNotPresent,        ///< an entry that is not present
  kReservedBit,       ///< a reserved bit in a present entry [N-10], [N-52]
  kWriteWithoutRead,  ///< EPT: W=1 and R=0 in one entry [N-13 a]
  kExecuteOnly,       ///< EPT: executable, not readable, and the processor does not support that [N-13 b]
  kMemoryType,        ///< EPT: a leaf with memory type 2, 3 or 7 [N-13 d]
  kNoRead,            ///< EPT: read without R in all entries
  kNoWrite,           ///< write without W (R/W) in all entries
  kNoFetch,           ///< fetch without X or XU in all entries, or with XD in one
  kNoUser,            ///< NPT: U/S=0 in an entry [N-53]
};
inline constexpr unsigned kNestedFaultReasons = 10;
const char* name_of(NestedFaultReason reason);   ///< short name for logs, such as "not_present"
const char* describe(NestedFaultReason reason);  ///< one sentence for people

/// Why the processor leaves the guest. The values are the basic exit reason (VMCS) and EXITCODE (VMCB).
enum class ExitReason : uint16_t { kEptViolation = 48, kEptMisconfiguration = 49, kNestedPageFault = 0x400 };
const char* name_of(ExitReason reason);  ///< "EPT violation", ...

/// A sub-walk that failed.
struct NestedFault {
  NestedFaultReason reason = NestedFaultReason::kNotPresent;
  NestedUse use = NestedUse::kFinalRead;
  GuestPhysAddr gpa;             ///< low bits included: of the guest entry, or of the data
  VirtAddr gla;                  ///< the linear address under translation
  uint8_t level = 0;             ///< of the nested entry to blame; 0 for kBeyondWidth
  uint64_t rights = 0;           ///< AND of all entries read, XD of NPT turned around
  std::optional<uint64_t> leaf;  ///< the entry that maps the page, if the sub-walk reached it
  Rights guest;                  ///< of the guest's entries together; counts for a final use
};

/// Exit information for the hypervisor.
struct NestedExit {
  ExitReason reason = ExitReason::kEptViolation;
  uint64_t information = 0;     ///< exit qualification, or EXITINFO1
  GuestPhysAddr gpa;            ///< VMCS 2400H, or EXITINFO2
  std::optional<VirtAddr> gla;  ///< VMCS 640AH, where it is valid (EPT violations)
  bool operator==(const NestedExit&) const = default;
};

/// The exit for a failed sub-walk ([N-28] to [N-34], [N-56], [N-57]). Bits that the manual leaves undefined are 0; of a
/// read-modify-write only the write bit is set.
NestedExit exit_of(const NestedFault& fault, const NestedControl& control);

/// True if a failure under EPT is a misconfiguration, which never depends on the access; else it is a violation.
constexpr bool is_misconfiguration(NestedFaultReason reason) {
  return reason >= NestedFaultReason::kReservedBit && reason <= NestedFaultReason::kMemoryType;
}

}  // namespace mmusim
