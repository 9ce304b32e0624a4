// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "models/base/access.h"
#include "models/x86/invalidation.h"

namespace mmusim {

/// Hears what programs make the cores of a machine do, in program order of each core, each before it is done. The same
/// calls on a fresh machine with the same memory give the same run.
class ActivitySink {
 public:
  virtual ~ActivitySink() = default;
  /// Accesses that begin; `awaited` is set in those whose result the program waits for.
  virtual void accesses(unsigned core, std::span<const MemAccess> accesses) = 0;
  /// The core waits until everything under way is done.
  virtual void drained(unsigned core) = 0;
  /// An invalidation that is no part of a write to a control register. `timed`: it takes its time.
  virtual void invalidated(unsigned core, const Invalidation& operation, bool timed) = 0;
  /// Control register `number` becomes `value`; 3: a MOV, with what it removes; 4: set without removing anything.
  virtual void control_written(unsigned core, unsigned number, uint64_t value, bool timed) = 0;
};

}  // namespace mmusim
