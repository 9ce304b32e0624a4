// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <systemc>

#include "models/cache/cache_array.h"
#include "models/fabric/ports.h"
#include "models/tlb/first_level.h"

namespace mmusim {

struct LoadStoreUnitConfig {
  FirstLevelConfig tlbs;
  Cycles l1_latency{4};    ///< load to use on a hit
  Cycles flush_cycles{0};  ///< what one TLB invalidation instruction costs
};

struct LoadStoreUnitStats {
  std::array<uint64_t, 3> accesses{};     ///< by AccessKind
  std::array<uint64_t, 3> inline_hits{};  ///< of these, first-level hits in TLB and cache, served inline
  std::array<uint64_t, 3> tlb_lookups{};  ///< an access that crosses a page boundary is two
  std::array<uint64_t, 3> tlb_misses{};
  std::array<std::array<uint64_t, kHitLevels>, 3> data_hits{};  ///< lines by kind and where they were
  uint64_t faults = 0, page_crossings = 0, line_crossings = 0, flushes = 0, flushed_entries = 0;
  StageCycles stage{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    for (unsigned k = 0; k < accesses.size(); ++k) {
      const std::string kind = name_of(static_cast<AccessKind>(k));
      v(kind + "_accesses", accesses[k], "accesses of the program");
      v(kind + "_tlb_lookups", tlb_lookups[k], "first-level TLB lookups; an access across a page boundary is two");
      v(kind + "_tlb_hits", tlb_lookups[k] - tlb_misses[k], "of these, hits");
      v(kind + "_tlb_misses", tlb_misses[k], "of these, misses");
      for (unsigned hit = 0; hit < kHitLevels; ++hit) {
        v(fmt::format("{}_lines_{}", kind, name_of(static_cast<HitLevel>(hit))), data_hits[k][hit],
          "lines by where they were found");
      }
    }
    v("faults", faults, "accesses that raised an exception");
    v("page_crossings", page_crossings, "accesses across a 4 KiB boundary");
    v("line_crossings", line_crossings, "accesses across a line boundary");
    v("flushes", flushes, "TLB invalidation operations");
    v("flushed_entries", flushed_entries, "cached translations these removed");
    for (unsigned s = 0; s < kStages; ++s) {
      v(std::string("stage_") + name_of(static_cast<Stage>(s)) + "_cycles", stage[s],
        "cycles of all accesses in this stage");
    }
  }
};

/// How one access ended.
struct AccessResult {
  PhysAddr pa;  ///< of the first byte
  std::optional<FaultReason> fault;
};

/// Load/store unit of one core: first-level TLBs, and the way to everything slower.
///
/// Models   first-level TLB lookup, permission check on each hit, upgrade of clean or too narrow entries by a new walk,
///          accesses across lines and pages, canonical checks, faults.
/// Timing   a first-level TLB hit takes no time of its own: it is part of the l1_latency of the data access. Everything
///          else costs what the second-level TLB, the walkers and the caches charge. An access across a line boundary
///          reads its lines one after the other, one across a page boundary translates the lower page first.
/// Omits    store-to-load forwarding; speculation.
/// Sources  docs/parameters.md#first-level-tlbs
class LoadStoreUnit : public sc_core::sc_module {
 public:
  sc_core::sc_port<TranslateIf> second_level{"second_level"};
  sc_core::sc_port<MemoryIf> data_cache{"data_cache"};
  sc_core::sc_port<MemoryIf> instruction_cache{"instruction_cache"};

  LoadStoreUnit(const sc_core::sc_module_name& name, const LoadStoreUnitConfig& config, CoreContext& context);

  /// The tags of the first-level data cache, so that a hit is inline. Without it every access takes the slow path.
  void attach(CacheArray& l1d) { l1d_ = &l1d; }

  /// What the first-level TLB remembers of the access's page, if the access lies in one line and needs nothing else of
  /// the TLB; else nullptr. Any change of what is remembered makes it nullptr.
  const PageMemos::Memo* recall(const MemAccess& access) const {
    const PageMemos::Memo* memo = first_level_.recall(access.va, access_type_of(access));
    if (memo == nullptr || (access.va.raw() & (kLineBytes - 1)) + access.bytes > kLineBytes) return nullptr;
    return memo;
  }
  /// The fast path: true if the access, of which recall() told, is a hit in the first-level cache too; then it is done
  /// and costs l1_latency; `pa` is where its first byte is.
  bool hits(const MemAccess& access, const PageMemos::Memo& memo, PhysAddr& pa) {
    const unsigned slot = l1d_->find(line_of(access, memo));
    if (slot == CacheArray::kNone) return false;
    const AccessKind kind = kind_of(access);
    memo.array->touch(memo.slot);
    l1d_->touch(slot);
    if (kind == AccessKind::kWrite) l1d_->mark_dirty(slot);
    ++stats_.inline_hits[static_cast<unsigned>(kind)];
    pa = memo.frame + (access.va.raw() & (kPageBytes - 1));
    return true;
  }
  bool hits(const MemAccess& access, PhysAddr& pa) {
    const PageMemos::Memo* memo = recall(access);
    return memo != nullptr && hits(access, *memo, pa);
  }
  /// The same for so many more accesses into the line of one that was just done: what they touch is the most recent
  /// already, and dirty if they write.
  bool hits_again(const MemAccess& access, const PageMemos::Memo& memo, uint64_t times) {
    if (times == 0) return true;
    if (l1d_->find(line_of(access, memo)) == CacheArray::kNone) return false;
    stats_.inline_hits[static_cast<unsigned>(kind_of(access))] += times;
    return true;
  }
  /// The same, for those whom it matters that a first-level hit is one: searches the TLB where hits() has forgotten.
  bool hits_after_search(const MemAccess& access, PhysAddr& pa) {
    const AccessType type = access_type_of(access);
    return first_level_.find_again(access, type, context_->control, context_->types) && hits(access, pa);
  }

  /// The other half of hits(), which said no: its line comes from further away. As access(), but nobody wants a record.
  PhysAddr fetch_line(const MemAccess& access, const PageMemos::Memo& memo, LocalClock& clock);

  /// Only about speed: what the host will need for an access that comes soon, and for one that comes later.
  void expect(VirtAddr soon, VirtAddr later) {
    context_->hints.prefetch(later);
    if (const std::byte* entry = context_->hints.entry(soon); entry != nullptr) expect_lines(soon, entry);
  }

  /// Tells the sink of an access that hits() has served, begun at `begin`.
  void report_hit(const MemAccess& access, uint64_t id, CycleTime begin, PhysAddr pa);

  /// The whole access. On return `clock` stands at the cycle in which it is done; `record` holds its stages.
  AccessResult access(const MemAccess& access, LocalClock& clock, AccessRecord& record);
  /// Its two parts, for a core that lets stores retire once they are translated.
  struct Pieces {
    struct Piece {
      VirtAddr va;
      PhysAddr pa;
      uint16_t bytes = 0;
      bool cacheable = true;
    };
    std::array<Piece, 2> piece;
    unsigned count = 0;
    std::optional<FaultReason> fault;
  };
  Pieces translate(const MemAccess& access, LocalClock& clock, AccessRecord& record);
  void touch_data(const MemAccess& access, const Pieces& pieces, LocalClock& clock, AccessRecord& record);
  /// Adds a finished access to the statistics.
  void retire(const AccessRecord& record);

  FirstLevel& first_level() { return first_level_; }
  /// Removes entries from the first-level TLBs; returns how many.
  unsigned invalidate(const Invalidation& operation) { return first_level_.invalidate(operation); }
  /// Counts an invalidation operation that removed so many entries from all of the core's TLBs.
  void count_flush(unsigned removed) {
    ++stats_.flushes;
    stats_.flushed_entries += removed;
  }
  /// Forgets the answers that hits() remembers: when a control register changed what accesses are allowed.
  void forget() { first_level_.forget(); }

  Cycles l1_latency() const { return config_.l1_latency; }
  Cycles flush_cycles() const { return config_.flush_cycles; }
  LoadStoreUnitStats stats() const;
  CoreContext& context() { return *context_; }

 private:
  static PhysAddr line_of(const MemAccess& access, const PageMemos::Memo& memo) {
    return memo.frame + (access.va.raw() & (kPageBytes - kLineBytes));
  }
  bool cacheable(PhysAddr pa, const Translation& translation) const {
    return is_cacheable(context_->types.at(pa, translation.pat_index()));
  }
  void expect_lines(VirtAddr va, const std::byte* entry);
  PageAnswer translate_page(VirtAddr va, const MemAccess& access, LocalClock& clock, AccessRecord& record);

  const LoadStoreUnitConfig config_;
  CoreContext* context_;
  FirstLevel first_level_;
  CacheArray* l1d_ = nullptr;
  LoadStoreUnitStats stats_;
};

}  // namespace mmusim
