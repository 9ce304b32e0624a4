// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/config.h"
#include "models/base/histogram.h"
#include "models/base/translation_counts.h"
#include "models/fabric/host_prefetch.h"
#include "models/fabric/ports.h"
#include "models/walker/nested_structures.h"
#include "models/walker/structure_caches.h"

namespace mmusim {

struct PageWalkerConfig {
  unsigned walkers = 2;             ///< walks at the same time
  HitLevel enters = HitLevel::kL1;  ///< the data cache that reads of entries ask first
  StructureCachesConfig structure_caches;
  NestedStructuresConfig nested;    ///< of guests
  bool next_page_prefetch = false;  ///< take the next page's PTE from the line just read, if it is there
  bool coalescing = false;  ///< tell the TLBs which pages could share an entry (set from the TLBs' configuration)
};
/// Reads "walkers", "reads_enter_at", "paging_structure_caches" and "nested".
PageWalkerConfig read_page_walker_config(ConfigReader reader);

struct PageWalkerStats {
  uint64_t walks = 0, faults = 0, entry_reads = 0, updates = 0, merged = 0, restarts = 0;
  EnumArray<WalkCause, WalkCounts> by_cause{};
  std::array<uint64_t, 6> by_start_level{};                       ///< by level of the first entry read
  std::array<EnumArray<HitLevel, uint64_t>, 6> reads_by_level{};  ///< level of entry x where it hit
  Cycles waited_for_walker{}, pending{}, active{};
  Histogram latency;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("walks", walks, "page walks, faulting ones included");
    v("faults", faults, "walks that ended in a fault");
    v("entry_reads", entry_reads, "paging-structure entries read");
    v("ad_updates", updates, "entries written to set accessed or dirty flags");
    v("merged", merged, "requests that waited for a walk to the same page");
    v("restarts", restarts, "walks begun again from the root, because a cached or read entry had changed in memory");
    for (const WalkCause cause : kAllOf<WalkCause>) {
      v(std::string("for_") + name_of(cause), by_cause[cause], "walks by what asked for them");
    }
    for (unsigned level = 1; level < by_start_level.size(); ++level) {
      v(fmt::format("start_level_{}", level), by_start_level[level],
        "walks by level of the first entry read (1 = PTE)");
    }
    for (unsigned level = 1; level < reads_by_level.size(); ++level) {
      for (const HitLevel hit : kAllOf<HitLevel>) {
        v(fmt::format("level_{}_reads_{}", level, name_of(hit)), reads_by_level[level][hit],
          "entries read by level and where they were found");
      }
    }
    v("waited_for_walker_cycles", waited_for_walker, "cycles requests queued for a free walker");
    v("pending_cycles", pending, "cycles of all walks added up, from start to end");
    v("active_cycles", active, "cycles in which at least one walk was in progress");
    v("latency_cycles", latency, "cycles of each walk, queueing included");
  }
};

/// The page walkers of one core and its paging-structure caches.
///
/// Models   a pool of walkers; the longest match in the paging-structure caches decides where a walk starts; entries
/// are
///          read as data through the cache hierarchy; accessed and dirty flags are set with locked updates; a request
///          for a page that a walk is under way to waits for that walk.
/// Timing   a walk asked for in cycle t starts at t, or when the first walker comes free; looks into the
///          paging-structure caches (all at once) for `lookup_cycles`; then each entry costs its read, each flag update
///          one write of the same line. A cache below the first level, where the reads enter there, takes what it takes
///          beyond the level above; copies that the levels above may have are not looked at.
///          In a guest each guest-physical address is translated too (nested_procedure.h); its reads are reads like
///          any other, a lookup of the nested structures takes their lookup_cycles.
/// Omits    walks on wrong paths; next pages and coalescible pages in guests.
/// Sources  docs/parameters.md#page-walkers
class PageWalker : public sc_core::sc_module, public WalkerIf {
 public:
  sc_core::sc_port<MemoryIf> memory{"memory"};  ///< where entries are read: the data cache PageWalkerConfig::enters

  PageWalker(const sc_core::sc_module_name& name, const PageWalkerConfig& config, CoreContext& context,
             const ObserverList& observers, StructureStore* second_level_tlb);

  Reply walk(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) override;
  void leave(LocalClock& clock) override;

  StructureCaches& structure_caches() { return caches_; }
  /// Returns where the page tables read lately are on the host, for prefetches.
  const RecentTables& recent_tables() const { return tables_; }
  const PageWalkerStats& stats() const { return stats_; }
  /// A line of text for each walk in progress, for the report on a simulation that stands still.
  std::string in_progress(const WaitBoard& names) const;

 private:
  class EntryPort;
  enum class WalkerState : uint8_t { kFree, kKept, kBusy };
  class GuestPort;
  struct Walker {
    VirtAddr page;  ///< of the walk in progress
    uint16_t pcid = 0;
    WalkerState state = WalkerState::kFree;
    uint8_t number = 0;
    unsigned requester = 0;  ///< that it works for, or is kept for
    Signal done;
  };
  /// The place of a request in the queue for a walker.
  struct Ticket {
    unsigned requester;
    Signal turn;
  };

  void write_line(PhysAddr entry, LocalClock& clock);
  bool waited(const TranslateRequest& request, LocalClock& clock, StageCycles& stage);
  void hand_over(Walker& walker, LocalClock& clock);
  WalkOutcome walk_guest(const TranslateRequest& request, LocalClock& clock, WalkRecord& record);
  Walker* same_page(VirtAddr va);
  Walker* kept_for(unsigned requester);
  Walker* free_walker();
  /// A walk begins or ends its service: keeps the books of cycles with at least one walk, in all and by cause.
  void begin_service(WalkCause cause, CycleTime now);
  void end_service(WalkCause cause, CycleTime now);
  void count(const WalkRecord& record, const WalkOutcome& outcome);

  const PageWalkerConfig config_;
  CoreContext* context_;
  const ObserverList& observers_;
  StructureCaches caches_;
  RecentTables tables_;
  PageWalkerStats stats_;
  std::vector<std::unique_ptr<Walker>> walkers_;
  std::deque<Ticket*> queue_;  // for a walker, in order of arrival
  /// Walks in service, and since when there has been one.
  struct Service {
    unsigned busy = 0;
    CycleTime since;
  };
  Service all_;
  EnumArray<WalkCause, Service> by_cause_;
};

}  // namespace mmusim
