// SPDX-License-Identifier: MIT
#include "models/walker/page_walker.h"

#include "models/walker/nested_procedure.h"
#include "models/walker/walk_procedure.h"

namespace mmusim {

PageWalkerConfig read_page_walker_config(ConfigReader reader) {
  PageWalkerConfig c;
  reader.read({"walkers", "Walks that can be under way at the same time.", "walks"}, c.walkers, 1, 64);
  reader.read_enum<HitLevel>({"reads_enter_at", "Data cache that walks ask first for entries of page tables."},
                             c.enters, {{"l1d", HitLevel::kL1}, {"l2", HitLevel::kL2}, {"l3", HitLevel::kL3}});
  c.structure_caches = read_structure_caches_config(
      reader.child({"paging_structure_caches", "Caches of upper paging-structure entries; without any, none."}));
  c.nested = read_nested_structures_config(
      reader.child({"nested", "What walks of guests remember of the nested tables; without it, nothing."}));
  reader.ignore("source");
  reader.finish();
  return c;
}

/// Reads and writes entries through the caches, and writes down what it cost.
class PageWalker::EntryPort {
 public:
  EntryPort(PageWalker& walker, LocalClock& clock, WalkCause cause, WalkRecord& record)
      : next_page(walker.config_.next_page_prefetch),
        coalescing(walker.config_.coalescing),
        walker_(walker),
        clock_(clock),
        cause_(cause),
        record_(record) {}

  void looked_up() {
    record_.structure_caches = walker_.config_.structure_caches.lookup;
    clock_.advance(record_.structure_caches);
  }

  void restarted() {
    for (size_t i = 0; i < record_.entries.size(); ++i) record_.restarts += record_.entries[i].cycles;
    record_.entries.clear();
    ++walker_.stats_.restarts;
  }

  uint64_t read(const Walk& walk) {
    const PhysAddr pa = walk.entry_pa();
    const CycleTime begin = clock_.now();
    RecentTables& tables = walker_.tables_;
    if (walk.level() == 1 && !tables.knows(walk.va())) [[unlikely]]
      tables.remember(walk.va(), pa.align_down(kPageBytes), walker_.context_->memory->page(pa));
    const bool cacheable = is_cacheable(walker_.context_->types.at(pa, walk.table_pat_index()));
    const HitLevel hit =
        cacheable ? walker_.memory->read_line(pa.align_down(kLineBytes), RequestReason::kEntry, clock_)
                  : walker_.memory->access_uncached(pa.align_down(kLineBytes), RequestReason::kEntry, clock_);
    clock_.sync();
    const uint64_t value = walk.entry_bytes() == sizeof(uint64_t)
                               ? walker_.context_->memory->load64(pa)
                               : walker_.context_->memory->load(pa, walk.entry_bytes());
    ++walker_.stats_.entry_reads;
    ++walker_.stats_.reads_by_level[walk.level()][hit];
    ++walker_.stats_.by_cause[cause_].reads[hit];
    record_.entries.append() = {
        static_cast<uint8_t>(walk.level()), hit, Dimension::kGuest, pa, value, clock_.now() - begin};
    return value;
  }

  bool update(PhysAddr pa, uint64_t from, uint64_t to) {
    const CycleTime begin = clock_.now();
    walker_.write_line(pa, clock_);
    record_.updates += clock_.now() - begin;
    const unsigned bytes = walker_.context_->control.entry_bytes();
    if (walker_.context_->memory->load(pa, bytes) != from) return false;
    walker_.context_->memory->store(pa, to, bytes);
    ++walker_.stats_.updates;
    return true;
  }

  uint64_t peek(PhysAddr pa) const { return walker_.context_->memory->load64(pa); }

  const bool next_page;
  const bool coalescing;

 private:
  PageWalker& walker_;
  LocalClock& clock_;
  const WalkCause cause_;
  WalkRecord& record_;
};

/// Port of a guest's walk: reads entries of both dimensions, at host-physical addresses.
class PageWalker::GuestPort {
 public:
  GuestPort(PageWalker& walker, LocalClock& clock, WalkCause cause, WalkRecord& record)
      : walker_(walker), clock_(clock), cause_(cause), record_(record) {}

  void looked_up() { look_up(walker_.config_.structure_caches.lookup); }
  void nested_looked_up() { look_up(walker_.config_.nested.lookup); }

  uint64_t read_guest(const GuestEntry& entry) {
    const CycleTime begin = clock_.now();
    const HitLevel hit = fetch(entry.at, is_cacheable(walker_.context_->types.at(entry.at, entry.type_index)));
    ++walker_.stats_.entry_reads;
    ++walker_.stats_.reads_by_level[entry.level][hit];
    ++walker_.stats_.by_cause[cause_].reads[hit];
    const uint64_t value = walker_.context_->memory->load(entry.at, entry.bytes);
    note({entry.level, hit, Dimension::kGuest, entry.at, value, clock_.now() - begin});
    return value;
  }
  uint64_t read_nested(const SubWalk& walk, bool cacheable) {
    const PhysAddr at = walk.entry_pa();
    const unsigned level = walk.level();
    const CycleTime begin = clock_.now();
    const HitLevel hit = fetch(at, cacheable);
    NestedCounts& counts = walker_.context_->nested->counts;
    ++counts.reads_by_level[level][hit];
    counts.read_cycles += clock_.now() - begin;
    const uint64_t value = walker_.context_->memory->load64(at);
    note({static_cast<uint8_t>(level), hit, Dimension::kNested, at, value, clock_.now() - begin});
    return value;
  }
  bool update(PhysAddr pa, uint64_t from, uint64_t to, unsigned bytes) {
    const CycleTime begin = clock_.now();
    walker_.write_line(pa, clock_);
    record_.updates += clock_.now() - begin;
    if (walker_.context_->memory->load(pa, bytes) != from) return false;
    walker_.context_->memory->store(pa, to, bytes);
    ++walker_.stats_.updates;
    return true;
  }
  void exit(Cycles cycles) {
    clock_.advance(cycles);
    clock_.sync();
    record_.exits += cycles;
  }

 private:
  void look_up(Cycles cycles) {
    record_.structure_caches += cycles;
    clock_.advance(cycles);
  }
  HitLevel fetch(PhysAddr at, bool cacheable) {
    const PhysAddr line = at.align_down(kLineBytes);
    const HitLevel hit = cacheable ? walker_.memory->read_line(line, RequestReason::kEntry, clock_)
                                   : walker_.memory->access_uncached(line, RequestReason::kEntry, clock_);
    clock_.sync();
    return hit;
  }
  void note(const EntryRead& read) {
    if (record_.entries.full()) {
      ++record_.omitted;
    } else {
      record_.entries.append() = read;
    }
  }

  PageWalker& walker_;
  LocalClock& clock_;
  const WalkCause cause_;
  WalkRecord& record_;
};

PageWalker::PageWalker(const sc_core::sc_module_name& name, const PageWalkerConfig& config, CoreContext& context,
                       const ObserverList& observers, StructureStore* second_level_tlb)
    : sc_module(name),
      config_(config),
      context_(&context),
      observers_(observers),
      caches_(config.structure_caches, second_level_tlb) {
  for (unsigned i = 0; i < config_.walkers; ++i) {
    walkers_.push_back(std::make_unique<Walker>());
    walkers_.back()->number = static_cast<uint8_t>(i);
  }
}

/// Waits for the walk to the same page, or for a walker, if need be; true if it has waited. Then a walker may be kept for
/// the request, and the caller looks its page up again.
bool PageWalker::waited(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) {
  const CycleTime begin = clock.now();
  if (Walker* other = same_page(request.va); other != nullptr) {
    leave(clock);
    ++stats_.merged;
    clock.wait_for(other->done, {name(), "the walk under way to that page", request.va.raw(), other->requester});
  } else if (kept_for(clock.requester()) == nullptr && free_walker() == nullptr) {
    Ticket ticket{clock.requester(), {}};
    queue_.push_back(&ticket);
    clock.wait_for(ticket.turn, {name(), "a free walker", 0, {}});
    stats_.waited_for_walker += clock.now() - begin;
  } else {
    return false;
  }
  stage[Stage::kWalkQueue] += clock.now() - begin;
  return true;
}

/// Gets the line of an entry that is written, and marks it dirty.
void PageWalker::write_line(PhysAddr entry, LocalClock& clock) {
  const PhysAddr line = entry.align_down(kLineBytes);
  const bool first = config_.enters == HitLevel::kL1;
  memory->read_line(line, first ? RequestReason::kStore : RequestReason::kEntry, clock);
  clock.sync();
  if (!first)
    memory->evict_line(line, Eviction::kDirty, clock);  // a store would ask only a first-level cache to keep it
}

void PageWalker::leave(LocalClock& clock) {
  if (Walker* walker = kept_for(clock.requester()); walker != nullptr) hand_over(*walker, clock);
}

/// Keeps a walker that has come free for the request that has waited longest, or for the next one.
void PageWalker::hand_over(Walker& walker, LocalClock& clock) {
  walker.state = WalkerState::kFree;
  if (queue_.empty()) return;
  Ticket& next = *queue_.front();
  queue_.pop_front();
  walker.state = WalkerState::kKept;
  walker.requester = next.requester;
  clock.notify(next.turn);
}

WalkOutcome PageWalker::walk_guest(const TranslateRequest& request, LocalClock& clock, WalkRecord& record) {
  record.guest = true;
  GuestPort port(*this, clock, request.cause, record);
  return perform_nested_walk(caches_, *context_->nested, context_->control, request.va, request.type, port);
}

WalkerIf::Reply PageWalker::walk(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) {
  const bool meets_nobody = context_->meets_nobody(clock);
  if (!meets_nobody) {
    clock.sync();
    if (waited(request, clock, stage)) return {{}, /*walked=*/false};
  }
  Walker* kept = meets_nobody ? nullptr : kept_for(clock.requester());
  Walker& walker = kept != nullptr ? *kept : *free_walker();
  walker.state = WalkerState::kBusy;
  walker.requester = clock.requester();
  walker.page = request.va.align_down(kPageBytes);
  walker.space = context_->control.space();
  WalkRecord record;
  record.walker = walker.number;
  record.queue = clock.now() - request.asked;
  begin_service(request.cause, clock.now());

  EntryPort port(*this, clock, request.cause, record);
  const WalkOutcome outcome = context_->nested == nullptr
                                  ? perform_walk(caches_, context_->control, request.va, request.type, port)
                                  : walk_guest(request, clock, record);

  clock.sync();
  end_service(request.cause, clock.now());
  record.id = ++stats_.walks;
  record.access = request.access;
  record.begin = request.asked;
  record.end = clock.now();
  record.core = context_->core;
  record.va = request.va;
  record.cause = request.cause;
  record.user = request.type.is_user();
  record.start_level = outcome.start_level;
  if (outcome.fault) {
    record.page_fault_error_code = exception_of(*outcome.fault, request.type, context_->control, request.va).error_code;
  } else {
    record.page_size = outcome.translation.size();
  }
  count(record, outcome);
  const Cycles reads =
      record.end - record.begin - record.queue - record.structure_caches - record.updates - record.exits;
  stage[Stage::kStructureCaches] += record.structure_caches;
  stage[Stage::kEntryReads] += reads;
  stage[Stage::kUpdates] += record.updates;
  stage[Stage::kStall] += record.exits;
  if (observers_.wants(kWalkNotices)) observers_.walk(record);
  walker.state = WalkerState::kFree;
  if (!meets_nobody) {
    clock.notify(walker.done);
    hand_over(walker, clock);
  }
  return {outcome, /*walked=*/true};
}

PageWalker::Walker* PageWalker::same_page(VirtAddr va) {
  for (const auto& walker : walkers_) {
    if (walker->state == WalkerState::kBusy && walker->page == va.align_down(kPageBytes) &&
        walker->space == context_->control.space())
      return walker.get();
  }
  return nullptr;
}

PageWalker::Walker* PageWalker::kept_for(unsigned requester) {
  for (const auto& walker : walkers_) {
    if (walker->state == WalkerState::kKept && walker->requester == requester) return walker.get();
  }
  return nullptr;
}

PageWalker::Walker* PageWalker::free_walker() {
  for (const auto& walker : walkers_) {
    if (walker->state == WalkerState::kFree) return walker.get();
  }
  return nullptr;
}

void PageWalker::begin_service(WalkCause cause, CycleTime now) {
  if (all_.busy++ == 0) all_.since = now;
  Service& own = by_cause_[cause];
  if (own.busy++ == 0) own.since = now;
}

void PageWalker::end_service(WalkCause cause, CycleTime now) {
  if (--all_.busy == 0) stats_.active += now - all_.since;
  Service& own = by_cause_[cause];
  if (--own.busy == 0) stats_.by_cause[cause].active += (now - own.since).count;
}

std::string PageWalker::in_progress(const WaitBoard& names) const {
  std::string text;
  for (size_t i = 0; i < walkers_.size(); ++i) {
    const Walker& walker = *walkers_[i];
    if (walker.state != WalkerState::kBusy) continue;
    text += fmt::format("  {} walker {} walks {} for {}\n", names.short_name(name()), i, walker.page,
                        names.name_of(walker.requester));
  }
  return text;
}

void PageWalker::count(const WalkRecord& record, const WalkOutcome& outcome) {
  WalkCounts& of_cause = stats_.by_cause[record.cause];
  of_cause.complete(page_group(outcome.translation.size(), /*coalesced=*/false));
  of_cause.pending += (record.end - record.begin - record.queue).count;
  if (record.start_level < stats_.by_start_level.size()) ++stats_.by_start_level[record.start_level];
  stats_.pending += record.end - record.begin - record.queue;
  stats_.latency.add(record.end - record.begin);
  if (outcome.fault) ++stats_.faults;
}

}  // namespace mmusim
