// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "models/base/types.h"

namespace mmusim {

/// When and where something happened. What happened is said by the structs of mm/observer.h and models/base/records.h.
struct EventStamp {
  CycleTime cycle;  ///< core cycles since the start of the simulation
  uint32_t core = 0;
  uint64_t access = 0;  ///< accesses that the core has begun so far; the last of them is this number
};

/// Gives the moment and core of what runs now.
using EventClock = std::function<EventStamp()>;

/// A phase of the scenario begins.
struct PhaseEvent {
  CycleTime cycle;
  std::string_view stage;  ///< the stage's label in the scenario and in --tables
  std::string_view name;   ///< what kind of phase: "boot", "hot_add", "hvo", "workload", ...
};

/// Kinds of records an event log may hold; values are bits.
enum class EventCategory : unsigned {
  kEntryWrites = 1,  ///< pte: entry writes and what goes with them: alloc, free, zero, fill, flush, step, kernel_log
  kEntryReads = 2,   ///< tables: entry reads of kernel code as well
  kWalks = 4,
  kAccesses = 8,
  kInterrupts = 16,  ///< ipis: interrupts between cores, what kernel functions are called for, and flush
};

/// A set of categories. Phases, header and totals are always logged.
class EventSelection {
 public:
  constexpr EventSelection() = default;
  constexpr EventSelection& add(EventCategory c) {
    bits_ |= static_cast<unsigned>(c);
    return *this;
  }
  constexpr bool has(EventCategory c) const { return (bits_ & static_cast<unsigned>(c)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

  /// "none", or a comma list of pte, tables, walks, accesses, ipis, all. Throws InputError naming the word it does not know.
  static EventSelection parse(std::string_view text);

 private:
  unsigned bits_ = 0;
};

}  // namespace mmusim
