// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <systemc>

#include "models/base/records.h"
#include "models/base/types.h"
#include "models/fabric/clock.h"

namespace mmusim {

/// Why a line is asked for; caches count each reason apart.
enum class RequestReason : uint8_t { kLoad, kStore, kFetch, kEntry, kPrefetch };
inline constexpr unsigned kRequestReasons = 5;

constexpr const char* name_of(RequestReason reason) {
  switch (reason) {
    case RequestReason::kLoad: return "load";
    case RequestReason::kStore: return "store";
    case RequestReason::kFetch: return "fetch";
    case RequestReason::kEntry: return "entry";
    case RequestReason::kPrefetch: return "prefetch";
  }
  return "?";
}

/// A line that left the cache above.
enum class Eviction : uint8_t { kClean, kDirty };

/// What is below: a cache or the DRAM. Lines are 64 bytes; addresses are line aligned.
class MemoryIf : virtual public sc_core::sc_interface {
 public:
  /// Blocking: on return `clock` stands at the cycle in which the line is there. Returns where it was found.
  /// A store asks for the line to be owned and marks it dirty in the first cache that keeps it.
  virtual HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) = 0;
  /// Posted: takes no time of the caller's, unless the receiver has no room left.
  virtual void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) = 0;
  /// An access that no cache may keep (memory type UC or WC). Blocking, as read_line.
  virtual HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) = 0;
};

}  // namespace mmusim
