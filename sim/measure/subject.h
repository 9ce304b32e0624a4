// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "sim/measure/chase.h"
#include "sim/measure/curve.h"

namespace mmusim {

/// A machine that is measured: the one in front of us, or a simulated one whose truth is known.
class Subject {
 public:
  virtual ~Subject() = default;

  /// Returns the cycles that a step of the chase takes in the steady state; nullopt if this machine cannot run it (no
  /// such pages, not enough memory) or was told to stop.
  virtual std::optional<Sample> measure(const Chase& chase) = 0;
  /// Returns the most steps that a chase over such pages may have here; 0: it has no such pages.
  virtual uint64_t most_steps(ChaseKind kind, PageSize pages) const = 0;
  /// Returns the share of a step's height by which a curve may leave its plateau before its knee, because others
  /// (interrupts, the kernel, other tenants) use the same structures. 0 on a machine where nobody else is.
  virtual double foreign_share() const = 0;
  /// Returns true if fetches begin before the jumps to them have run: then a miss does not cost what it takes.
  virtual bool predicts_fetches() const { return false; }
  /// Returns how often a whole curve is measured, so that what disturbs one pass does not disturb the others.
  virtual unsigned passes() const { return 1; }
  /// Returns true once no further chase should be asked for: time is up, or the user has interrupted.
  virtual bool stopped() const { return false; }
};

}  // namespace mmusim
