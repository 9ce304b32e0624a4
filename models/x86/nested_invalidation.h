// SPDX-License-Identifier: MIT
#pragma once

// Entries that operations of the hypervisor must remove from one core whose cached mappings belong to one guest:
// nested-paging [N-72], [N-78] to [N-81]. What stands in "combined" goes from TLBs and the guest's paging-structure caches. Guest
// operations (INVLPG, MOV CR3, ...) are those of invalidation.h and leave guest-physical mappings alone.

#include "models/x86/invalidation.h"

namespace mmusim {

struct NestedInvalidation {
  Invalidation combined;
  bool guest_physical = false;  ///< the nested TLB and the nested structure caches are emptied
};

namespace nested_invalidation {
inline constexpr Invalidation kAllCombined{InvalidationScope::kAll, true, InvalidationScope::kAll, 0, VirtAddr()};
}

/// INVEPT of the guest's EPTP or of all; also an AMD flush of the guest's ASID: combined and guest-physical mappings.
constexpr NestedInvalidation on_invept() { return {nested_invalidation::kAllCombined, true}; }
/// INVVPID of the guest's VPID or of all: combined mappings of every PCID; with `keep_globals` (type 3) not the global
/// ones. Never guest-physical ones.
constexpr NestedInvalidation on_invvpid(bool keep_globals) {
  return {{InvalidationScope::kAll, !keep_globals, InvalidationScope::kAll, 0, VirtAddr()}, false};
}
/// INVVPID of one address (type 0), and AMD's INVLPGA: combined mappings of `va` in every PCID, global ones too. As with
/// INVLPG, the structure caches lose what `va` uses.
constexpr NestedInvalidation on_invvpid_address(VirtAddr va) {
  return {{InvalidationScope::kAddressOfAll, true, InvalidationScope::kAddressOfAll, 0, va}, false};
}
/// VM entry or exit: with VPIDs or ASIDs nothing; without them the combined mappings.
constexpr NestedInvalidation on_vm_transition(bool tagged) {
  return tagged ? NestedInvalidation{} : NestedInvalidation{nested_invalidation::kAllCombined, false};
}

}  // namespace mmusim
