// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <systemc>
#include <vector>

#include "models/fabric/ports.h"
#include "models/tlb/first_level.h"

namespace mmusim {

struct LoadStoreUnitConfig {
  FirstLevelConfig tlbs;
  Cycles flush_cycles{0};  ///< what one TLB invalidation instruction costs
};

struct LoadStoreUnitStats {
  using ByKind = EnumArray<AccessKind, uint64_t>;

  ByKind accesses{};
  ByKind tlb_lookups{};  ///< an access that crosses a page boundary is two
  ByKind tlb_misses{};
  ByKind tlb_merged{};  ///< of the hits, waited for a miss to the same page
  EnumArray<AccessKind, EnumArray<HitLevel, uint64_t>> data_hits{};  ///< lines by kind and where they were
  uint64_t faults = 0, page_crossings = 0, line_crossings = 0, flushes = 0, flushed_entries = 0;
  StageCycles stage{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    for (const AccessKind k : kAllOf<AccessKind>) {
      const std::string kind = name_of(k);
      v(kind + "_accesses", accesses[k], "accesses of the program");
      v(kind + "_tlb_lookups", tlb_lookups[k], "first-level TLB lookups; an access across a page boundary is two");
      v(kind + "_tlb_hits", tlb_lookups[k] - tlb_misses[k], "of these, hits");
      v(kind + "_tlb_merged", tlb_merged[k], "of the hits, those that waited for a miss to the same page under way");
      v(kind + "_tlb_misses", tlb_misses[k], "of these, misses");
      for (const HitLevel hit : kAllOf<HitLevel>) {
        v(fmt::format("{}_lines_{}", kind, name_of(hit)), data_hits[k][hit], "lines by where they were found");
      }
    }
    v("faults", faults, "accesses that raised an exception");
    v("page_crossings", page_crossings, "accesses across a 4 KiB boundary");
    v("line_crossings", line_crossings, "accesses across a line boundary");
    v("flushes", flushes, "TLB invalidation operations");
    v("flushed_entries", flushed_entries, "cached translations these removed");
    for (const Stage s : kAllOf<Stage>) {
      v(std::string("stage_") + name_of(s) + "_cycles", stage[s], "cycles of all accesses in this stage");
    }
  }
};

/// Outcome of one access.
struct AccessResult {
  PhysAddr pa;  ///< of the first byte
  std::optional<FaultReason> fault;
};

constexpr RequestReason reason_of(AccessType type) {
  if (type.is_fetch()) return RequestReason::kFetch;
  return type.is_write() ? RequestReason::kStore : RequestReason::kLoad;
}

/// Load/store unit of one core: first-level TLBs, and the way to everything slower.
///
/// Models   first-level TLB lookup, permission check on each hit, upgrade of clean or too narrow entries by a new walk,
///          merging of misses to one 4 KiB page, accesses across lines and pages, canonical checks, faults.
/// Timing   a first-level TLB lookup costs the TLB's hit_penalty, which is usually 0: it is part of the latency of the
///          first-level cache. Everything else costs what the second-level TLB, the walkers and the caches charge. An
///          access that misses a page for which the same TLB waits already is looked up again in the cycle in which that
///          miss is answered. An access across a line boundary reads its lines one after the other, one across a page
///          boundary translates the lower page first.
/// Omits    speculation.
/// Sources  docs/parameters.md#first-level-tlbs
class LoadStoreUnit : public sc_core::sc_module {
 public:
  sc_core::sc_port<TranslateIf> second_level{"second_level"};
  sc_core::sc_port<MemoryIf> data_cache{"data_cache"};
  sc_core::sc_port<MemoryIf> instruction_cache{"instruction_cache"};

  LoadStoreUnit(const sc_core::sc_module_name& name, const LoadStoreUnitConfig& config, CoreContext& context,
                const ObserverList& observers);

  /// An access as the page or two pages that it touches.
  struct Pieces {
    struct Piece {
      VirtAddr va;
      PhysAddr pa;
      uint16_t bytes = 0;
      bool cacheable = true;
      HeldEntry held;  ///< the first-level TLB entry that translates it
    };
    std::array<Piece, 2> piece;
    unsigned count = 0;
    std::optional<FaultReason> fault;
  };
  /// Translates the pages of an access. On return `clock` stands at the cycle in which the translations, or the fault,
  /// are known; the stages are in `record`.
  Pieces translate(const MemAccess& access, LocalClock& clock, AccessRecord& record);
  /// Performs the rest of an access that translate() has begun: its data, if there was no fault, and retire(). On
  /// return `clock` stands at the cycle in which the access is done.
  AccessResult finish(const MemAccess& access, const Pieces& pieces, LocalClock& clock, AccessRecord& record);
  /// Reads or writes the lines of a translated access.
  void touch_data(const MemAccess& access, const Pieces& pieces, LocalClock& clock, AccessRecord& record);
  /// Adds a finished access to the statistics and delivers its record.
  void retire(const AccessRecord& record);

  FirstLevel& first_level() { return first_level_; }
  /// Removes entries from the first-level TLBs; returns how many.
  unsigned invalidate(const Invalidation& operation) { return first_level_.invalidate(operation); }
  /// Counts an invalidation operation that removed so many entries from all of the core's TLBs.
  void count_flush(unsigned removed) {
    ++stats_.flushes;
    stats_.flushed_entries += removed;
  }

  /// Returns what a lookup in the first-level TLB costs beyond the cache's latency.
  Cycles tlb_hit_cycles(AccessKind kind) const { return tlb_hit_cycles_[kind]; }
  Cycles flush_cycles() const { return config_.flush_cycles; }
  LoadStoreUnitStats stats() const;
  CoreContext& context() { return *context_; }
  const ObserverList& observers() const { return observers_; }

 private:
  bool cacheable(PhysAddr pa, const Translation& translation) const {
    return is_cacheable(context_->types.at(pa, translation.pat_index()));
  }
  /// A page that a first-level TLB has asked the second level for.
  struct PendingPage {
    uint64_t number = 0;            ///< of the 4 KiB page
    const TlbLevel* tlb = nullptr;  ///< that waits; nullptr: none
    SpaceTag space;
    unsigned requester = 0;  ///< whose miss it is
    Signal answered;
  };
  /// A translation of one page, or why there is none.
  struct PageAnswer {
    Translation translation;
    std::optional<FaultReason> fault;
    HeldEntry held;  ///< where the first level has it now
  };

  PageAnswer translate_page(VirtAddr va, const MemAccess& access, LocalClock& clock, AccessRecord& record);
  PageAnswer find_page(VirtAddr va, AccessType type, LocalClock& clock, AccessRecord& record);
  PageAnswer ask_second_level(const TlbQuery& query, AccessType type, const FirstLevel::Search& here, LocalClock& clock,
                              AccessRecord& record);
  PendingPage* pending(const TlbQuery& query, const TlbLevel& tlb);
  PendingPage& begin_pending(const TlbQuery& query, const TlbLevel& tlb, unsigned requester);

  const LoadStoreUnitConfig config_;
  CoreContext* context_;
  const ObserverList& observers_;
  FirstLevel first_level_;
  EnumArray<AccessKind, Cycles> tlb_hit_cycles_{};
  std::vector<std::unique_ptr<PendingPage>> pending_;  // free ones are kept for reuse
  LoadStoreUnitStats stats_;
};

}  // namespace mmusim
