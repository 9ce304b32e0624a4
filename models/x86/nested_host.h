// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "models/base/types.h"
#include "models/x86/nested_fault.h"

namespace mmusim {

/// The hypervisor as the processor sees it: what builds the nested tables.
class NestedHost {
 public:
  virtual ~NestedHost() = default;
  /// Called before each sub-walk: a host that maps memory before the guest runs may build the entries for `gpa` now.
  virtual void prepare(GuestPhysAddr gpa) = 0;
  /// The processor leaves the guest for `fault`. Returns what that costs if the guest may try again, nullopt if the
  /// access fails.
  virtual std::optional<Cycles> handle_exit(const NestedFault& fault) = 0;
};

}  // namespace mmusim
