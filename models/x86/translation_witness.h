// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "models/base/types.h"
#include "models/x86/control.h"
#include "models/x86/fault.h"
#include "models/x86/invalidation.h"
#include "models/x86/translation.h"

namespace mmusim {

/// Who looks over a machine's shoulder (--paranoid): hears every translation that the machine used.
class TranslationWitness {
 public:
  virtual ~TranslationWitness() = default;

  /// `core` translated one page: to `translation`, or `fault`. `access` is the number of the access on that core.
  virtual void translated(unsigned core, const ControlState& control, VirtAddr va, AccessType type,
                          const Translation& translation, std::optional<FaultReason> fault, uint64_t access,
                          CycleTime now) = 0;
  /// The same for a first-level hit on the fast path, which only knows where the access went.
  virtual void hit(unsigned core, const ControlState& control, VirtAddr va, AccessType type, PhysAddr pa,
                   uint64_t access, CycleTime now) = 0;
  /// Software stored to an entry that was present before: cached translations of [va, va + bytes) may be stale until
  /// they are flushed. `bytes` 0: it is not known which addresses the entry maps.
  virtual void entry_changed(VirtAddr va, uint64_t bytes) = 0;
};

}  // namespace mmusim
