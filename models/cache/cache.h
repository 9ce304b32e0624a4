// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/config.h"
#include "models/cache/cache_array.h"
#include "models/cache/prefetcher.h"
#include "models/fabric/fibers.h"
#include "models/fabric/port_schedule.h"
#include "models/fabric/ports.h"
#include "models/fabric/prefetch_board.h"

namespace mmusim {

/// Lines that a cache keeps.
enum class CachePolicy : uint8_t {
  kFill,       ///< keeps every line it fetches; lines evicted above it are written into it when dirty
  kVictim,     ///< keeps only what the cache above evicts, clean or dirty (AMD L3; Intel's non-inclusive L3 from
               ///< Skylake-SP)
  kInclusive,  ///< as kFill, and what leaves it leaves the caches above too
};

struct CacheConfig {
  Geometry geometry;             ///< entries are lines
  Cycles latency{4};             ///< load to use, counted from the core: what a hit here costs in all
  unsigned miss_registers = 16;  ///< lines in flight
  unsigned ports = 2;            ///< requests that can start in one cycle
  CachePolicy policy = CachePolicy::kFill;
  CachePrefetcherConfig prefetcher;

  bool prefetches() const { return prefetcher.kind != CachePrefetcherKind::kNone; }
};
/// Reads "size_kib", "ways", "replacement", "latency_cycles", "miss_registers", "ports", "policy" (fill, victim,
/// inclusive), "prefetch_next_line" or "prefetcher". Sets need not be a power of two.
CacheConfig read_cache_config(ConfigReader reader, const CacheConfig& defaults);

struct CacheStats {
  EnumArray<RequestReason, uint64_t> requests{};
  EnumArray<RequestReason, uint64_t> misses{};
  uint64_t merged = 0, evictions = 0, write_backs = 0, uncached = 0;
  Cycles waited_for_register{}, waited_for_port{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    for (const RequestReason r : kAllOf<RequestReason>) {
      const std::string name = name_of(r);
      v(name + "_requests", requests[r], "lines asked for, by reason");
      v(name + "_misses", misses[r], "of these, not found here");
    }
    v("merged", merged, "of the others, those that waited for a line already in flight");
    v("evictions", evictions, "lines that had to leave");
    v("write_backs", write_backs, "of these, dirty");
    v("uncached", uncached, "accesses that no cache may keep, passed on");
    v("waited_for_register_cycles", waited_for_register, "cycles misses waited for a miss register");
    v("waited_for_port_cycles", waited_for_port, "cycles requests waited for a port");
  }
};

/// Takes lines away from a cache when an inclusive cache below gives them up.
class BackInvalidateIf : virtual public sc_core::sc_interface {
 public:
  /// Returns true if the line was dirty here or above. `clock` is that of the requester for which it has to go.
  virtual bool back_invalidate(PhysAddr line, LocalClock& clock) = 0;
};

class CoherenceAgent;

/// One level of the cache hierarchy, write-back and write-allocate.
///
/// Models   tags with a replacement policy, miss registers with merging, ports, victim, fill or inclusive keeping,
///          optional prefetch by a rule (prefetcher.h).
/// Timing   a request that starts in cycle t (later if all ports are taken) has its line on a hit at t + lookup, lookup
///          being latency minus the latency of the level above. On a miss it holds a miss register from t until its
///          line is there, asks the level below at t + lookup, and fills in the cycle in which the line arrives. A
///          second request for that line waits for that cycle; it counts as merged, not as a miss. With all registers
///          taken a request waits for the first to come free, and then looks again whether its line has come. Evictions
///          take no time of the requester. Requests meet in the order in which they entered the first level: a level
///          further down sees them in that order, each at its own cycle.
/// Prefetch the prefetcher hears of a miss in the cycle in which the line arrives, and, below the first level, of a hit in
///          the cycle in which it was asked for. What it wants is asked for in that cycle. Its degree is how many prefetches
///          can be under way; of lines asked for meanwhile as many are kept, the last ones. A line that is here or in
///          flight by then is left out, as is one that finds no free miss register.
/// Omits    bank conflicts; write-combining. Coherence between private caches is in coherence.h.
/// Sources  docs/parameters.md#caches
class Cache : public sc_core::sc_module, public MemoryIf, public BackInvalidateIf {
 public:
  sc_core::sc_port<MemoryIf> below{"below"};  ///< next cache or DRAM
  sc_core::sc_port<BackInvalidateIf, 0, sc_core::SC_ZERO_OR_MORE_BOUND> above{
      "above"};  ///< only under an inclusive cache

  /// `level` is what a hit here is called; `lookup` the cycles beyond the level above.
  Cache(const sc_core::sc_module_name& name, const CacheConfig& config, HitLevel level, Cycles lookup);

  HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) override;
  void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override;
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override;
  bool back_invalidate(PhysAddr line, LocalClock& clock) override;

  /// Makes this a private cache of one of several cores, whose lines others may take away. `agent` outlives this.
  void share(CoherenceAgent& agent) { coherence_ = &agent; }
  /// Performs read_line() for a line that the caller knows not to be in this cache.
  HitLevel read_absent(PhysAddr line, RequestReason reason, LocalClock& clock);
  /// Returns the tags, which the core's fast path probes.
  CacheArray& array() { return array_; }
  /// Reserves a port for a request that is ready in cycle `ready`, and that the fast path will perform; returns the cycle
  /// in which it starts.
  CycleTime reserve_port(CycleTime ready) {
    const CycleTime start = ports_.reserve(ready);
    stats_.waited_for_port += start - ready;
    return start;
  }
  /// Returns what a hit here costs in all, counted from the core.
  Cycles latency() const { return config_.latency; }
  const CacheStats& stats() const { return stats_; }
  /// A line of text for each miss in flight, for the report on a simulation that stands still.
  std::string in_progress(const WaitBoard& names) const;
  /// Gives prefetches of this cache clocks of their own, one for each that can be under way; without it there are none.
  /// `board` tells which core's they are; it lives as long as this.
  void enable_prefetch(const std::vector<LocalClock>& clocks, const PrefetchBoard& board, FiberGroup& fibers);
  /// Says that page walkers ask this cache first, though it is no first-level one.
  void let_walks_enter() { entrance_ = true; }
  /// Says that one requester alone asks this cache, one request after the other: a blocking core without prefetchers. It
  /// never finds a port or a miss register taken, nor its line on the way, so these are left out.
  void serve_one_requester() { one_requester_ = true; }

 private:
  /// A line in flight.
  struct Miss {
    unsigned requester = 0;  ///< that fetches it
    unsigned place = 0;      // in in_flight_
    HitLevel found = HitLevel::kDram;
    Signal done;
  };

  struct Flight {
    PhysAddr line;
    Miss* miss;
  };

  /// A line to be prefetched.
  struct Prefetch {
    PhysAddr line;
    CycleTime asked;
    CorePrefetches* owner;  ///< nullptr: of no core
  };

  /// True if the requester is the only one: then nothing can happen between its steps.
  bool alone(const LocalClock& clock) const { return clock.alone() && prefetch_board_ == nullptr; }
  template <bool kAbsent>
  HitLevel read_alone(PhysAddr line, RequestReason reason, LocalClock& clock);
  HitLevel read_shared(PhysAddr line, RequestReason reason, LocalClock& clock);
  HitLevel miss(PhysAddr line, RequestReason reason, LocalClock& clock);
  HitLevel fetch(PhysAddr line, RequestReason reason, LocalClock& clock);
  void mark_written(unsigned slot, PhysAddr line, LocalClock& clock);
  Miss* in_flight(PhysAddr line);
  Miss& take_register(PhysAddr line, unsigned requester);
  void release_register(Miss& miss);
  void take_port(LocalClock& clock);
  /// Puts a line that is not there into its set; what has to leave goes below.
  [[gnu::always_inline]] void keep(const CacheArray::Home& home, bool dirty, LocalClock& clock);
  void give_up(PhysAddr line, bool dirty, LocalClock& clock);
  void give_up_everywhere(const CacheArray::Evicted& out, LocalClock& clock);
  void tell_prefetcher(PhysAddr line, bool hit, LocalClock& clock);
  void ask_prefetch(PhysAddr line, LocalClock& clock);
  void run_prefetches(LocalClock& clock, FiberGroup& fibers);
  void prefetch_next(LocalClock& clock);

  const CacheConfig config_;
  const HitLevel level_;
  bool entrance_;  // requests enter the hierarchy here
  bool one_requester_ = false;
  const bool tells_of_hits_;  // to the prefetcher
  const Cycles lookup_;
  CacheArray array_;
  CoherenceAgent* coherence_ = nullptr;  // of a core of several
  CacheStats stats_;
  std::vector<Flight> in_flight_;  // in no order
  std::vector<Miss> registers_;
  std::vector<Miss*> free_registers_;
  Signal register_free_;
  PortSchedule ports_;
  std::unique_ptr<CachePrefetcher> prefetcher_;
  std::vector<std::unique_ptr<LocalClock>> prefetch_clocks_;
  const PrefetchBoard* prefetch_board_ = nullptr;  // nullptr: no prefetches
  std::deque<Prefetch> waiting_prefetches_;
  std::vector<uint64_t> wanted_lines_;  // by the prefetcher, for tell_prefetcher()
  Signal prefetch_asked_;
};

}  // namespace mmusim
