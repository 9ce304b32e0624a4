// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <systemc>

#include "models/base/phys_mem.h"
#include "models/base/records.h"
#include "models/base/types.h"
#include "models/fabric/clock.h"
#include "models/fabric/host_prefetch.h"
#include "models/fabric/observer.h"
#include "models/x86/memory_type.h"
#include "models/x86/structure_store.h"
#include "models/x86/walk_outcome.h"

namespace mmusim {

/// Why a line is asked for; caches count each reason apart.
enum class RequestReason : uint8_t { kLoad, kStore, kFetch, kEntry, kPrefetch };
template <>
inline constexpr size_t kCountOf<RequestReason> = 5;

constexpr const char* name_of(RequestReason reason) {
  switch (reason) {
    case RequestReason::kLoad:
      return "load";
    case RequestReason::kStore:
      return "store";
    case RequestReason::kFetch:
      return "fetch";
    case RequestReason::kEntry:
      return "entry";
    case RequestReason::kPrefetch:
      return "prefetch";
  }
  return "?";
}

/// A line that left the cache above.
enum class Eviction : uint8_t { kClean, kDirty };

/// Interface to the memory below: a cache or the DRAM. Lines are 64 bytes; addresses are line aligned.
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

/// A translation that the first-level TLB could not give.
struct TranslateRequest {
  VirtAddr va;
  AccessType type;
  WalkCause cause = WalkCause::kLoad;
  uint64_t access = 0;          ///< number of the access that asks
  bool in_first_level = false;  ///< the first level has an entry, but it is clean (write) or forbids the access
  CycleTime asked;              ///< of walks: when the first walk() was called for it
};

struct TranslateReply {
  Translation translation;
  std::optional<FaultReason> fault;
  bool coalescible = false;  ///< four adjacent 4 KiB pages can share an entry
  bool second_level_hit = false;
};

/// The second-level TLB, for the load/store unit.
class TranslateIf : virtual public sc_core::sc_interface {
 public:
  /// Blocking: on return `clock` stands at the cycle in which the translation (or the fault) is known. Adds the cycles
  /// to `stage`.
  virtual TranslateReply translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) = 0;
};

/// The page walkers, for the second-level TLB.
class WalkerIf : virtual public sc_core::sc_interface {
 public:
  struct Reply {
    WalkOutcome outcome;  ///< of the walk
    bool walked =
        false;  ///< false: the request has waited, and must look its translation up again before it asks again
  };
  /// Walks; blocking, as translate(). If another walk to the same page is under way, or no walker is free, waits for that
  /// and returns without a walk. The walker that comes free is kept for the request until it calls walk() or leave().
  virtual Reply walk(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) = 0;
  /// Ends a request that has waited in walk() and needs no walk any more.
  virtual void leave(LocalClock& clock) = 0;
};

struct NestedContext;

/// Architectural state of one core, which its modules share. Owned by the machine.
struct CoreContext {
  PhysMem* memory = nullptr;
  ControlState control;
  MemoryTypes types;
  unsigned core = 0;                ///< number of the core
  NestedContext* nested = nullptr;  ///< of a core that runs a guest; nullptr: native
  CycleTime kernel_until;           ///< the kernel maps pages on this core until then; the program waits
  DemandMapper* mapper = nullptr;   ///< builds mappings on first touch, where an address space wants that
  bool one_requester = false;       ///< a blocking core of several, which prefetches nothing

  /// Returns true if a request with that clock meets no other one in the parts that only this core has.
  bool meets_nobody(const LocalClock& clock) const { return one_requester || clock.alone(); }
};

}  // namespace mmusim
