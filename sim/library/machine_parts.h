// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>

#include "sim/library/internal.h"
#include "sim/machine/growing_tables.h"

namespace mmusim {
inline namespace v0 {

/// Passes what the machine reports on as public events.
class EventTranslator;

/// Returns the simulation of this process.
Simulation& the_simulation();

struct Machine::Parts {
  explicit Parts(const Platform& p) : platform(p) {}

  /// Returns the tables that map() fills; loads their root when they are made.
  GrowingTables& tables();

  Platform platform;
  std::unique_ptr<internal::Machine> timed;  ///< one of these two
  std::unique_ptr<FunctionalMachine> functional;
  std::unique_ptr<Target> target;  ///< drives the one that is there
  std::optional<GrowingTables> own_tables;
  std::unique_ptr<EventTranslator> events;
};

}  // namespace v0
}  // namespace mmusim
