// SPDX-License-Identifier: MIT
#include "models/cache/cache.h"

#include <algorithm>
#include <utility>

#include "models/cache/coherence.h"

namespace mmusim {

CacheConfig read_cache_config(ConfigReader reader, const CacheConfig& defaults) {
  CacheConfig c = defaults;
  uint64_t size_kib = uint64_t{c.geometry.entries} * kLineBytes / kKiB;
  reader.read({"size_kib", "Capacity, in lines of 64 bytes.", "KiB"}, size_kib, 1, 4 * kMiB);
  c.geometry.entries = static_cast<unsigned>(size_kib * kKiB / kLineBytes);
  reader.read({"ways", "Lines of a set; they divide the lines.", "lines"}, c.geometry.ways, 1, 4096);
  reader.check(c.geometry.ways != 0 && c.geometry.entries % std::max(c.geometry.ways, 1u) == 0, "ways",
               "{} ways do not divide the {} lines of {} KiB", c.geometry.ways, c.geometry.entries, size_kib);
  read_replacement(reader, {"replacement", "Rule that picks the line of a full set that makes room."}, c.geometry);
  reader.read({"latency_cycles", "Load to use: what a hit costs in all, counted from the core.", "cycles"}, c.latency,
              1, 100000);
  reader.read({"miss_registers", "Lines that can be under way to the next level at the same time.", "lines"},
              c.miss_registers, 1, 4096);
  reader.read({"ports", "Requests that can start in one cycle.", "requests per cycle"}, c.ports, 1, 64);
  reader.read_enum<CachePolicy>(
      {"policy",
       "How lines come and go: fill on a miss; victim: with what leaves the level above; inclusive: holds all that the "
       "levels above hold."},
      c.policy,
      {{"fill", CachePolicy::kFill}, {"victim", CachePolicy::kVictim}, {"inclusive", CachePolicy::kInclusive}});
  bool next_line = false;
  reader.read({"prefetch_next_line", "A miss fetches the following line as well: prefetcher next_line of degree 1."},
              next_line);
  if (next_line) c.prefetcher.kind = CachePrefetcherKind::kNextLine;
  reader.optional_child({"prefetcher", "Rule by which lines are fetched before they are asked for; without it, none."},
                        [&](ConfigReader r) { c.prefetcher = read_cache_prefetcher_config(std::move(r)); });
  reader.check(!next_line || !reader.has("prefetcher"), "prefetch_next_line", "there is a prefetcher already");
  reader.ignore("source");
  reader.finish();
  return c;
}

Cache::Cache(const sc_core::sc_module_name& name, const CacheConfig& config, HitLevel level, Cycles lookup)
    : sc_module(name),
      config_(config),
      level_(level),
      entrance_(level == HitLevel::kL1),
      tells_of_hits_(level != HitLevel::kL1 && (config.prefetcher.kind == CachePrefetcherKind::kStride ||
                                                config.prefetcher.kind == CachePrefetcherKind::kStream)),
      lookup_(lookup),
      array_(config.geometry),
      registers_(config.miss_registers),
      ports_(config.ports),
      prefetcher_(make_cache_prefetcher(config.prefetcher)) {
  for (auto miss = registers_.rbegin(); miss != registers_.rend(); ++miss)
    free_registers_.push_back(&*miss);  // the first is taken first
}

void Cache::enable_prefetch(const std::vector<LocalClock>& clocks, const PrefetchBoard& board, FiberGroup& fibers) {
  prefetch_board_ = &board;
  for (const LocalClock& clock : clocks) {
    LocalClock* own = prefetch_clocks_.emplace_back(std::make_unique<LocalClock>(clock)).get();
    fibers.join(*own, kFiberStackBytes, FiberGroup::kNobody, [this, own, &fibers] { run_prefetches(*own, fibers); });
  }
}

inline void Cache::keep(const CacheArray::Home& home, bool dirty, LocalClock& clock) {
  const CacheArray::Evicted out = array_.fill(home, dirty);
  if (!out.valid) return;
  ++stats_.evictions;
  if (config_.policy == CachePolicy::kInclusive) return give_up_everywhere(out, clock);
  give_up(out.line, out.dirty, clock);
}

inline void Cache::give_up(PhysAddr line, bool dirty, LocalClock& clock) {
  if (dirty) ++stats_.write_backs;
  below->evict_line(line, dirty ? Eviction::kDirty : Eviction::kClean, clock);
}

/// A line that left an inclusive cache leaves those above too, which may have it dirty.
[[gnu::noinline]] void Cache::give_up_everywhere(const CacheArray::Evicted& out, LocalClock& clock) {
  bool dirty = out.dirty;
  for (int i = 0; i < above.size(); ++i) dirty |= above[i]->back_invalidate(out.line, clock);
  give_up(out.line, dirty, clock);
}

HitLevel Cache::read_line(PhysAddr line, RequestReason reason, LocalClock& clock) {
  return alone(clock) ? read_alone<false>(line, reason, clock) : read_shared(line, reason, clock);
}

HitLevel Cache::read_absent(PhysAddr line, RequestReason reason, LocalClock& clock) {
  return alone(clock) ? read_alone<true>(line, reason, clock) : read_shared(line, reason, clock);
}

/// `kAbsent`: it is known not to be here. perf: a function of its own, so that read_line() needs no stack.
template <bool kAbsent>
[[gnu::noinline]] HitLevel Cache::read_alone(PhysAddr line, RequestReason reason, LocalClock& clock) {
  ++stats_.requests[reason];
  clock.advance(lookup_);
  const bool dirties = reason == RequestReason::kStore && level_ == HitLevel::kL1;
  const CacheArray::Home home = array_.home_of(line);
  const unsigned slot = kAbsent ? CacheArray::kNone : array_.find(home);
  if (slot != CacheArray::kNone) {
    array_.touch(slot);
    if (dirties) array_.mark_dirty(slot);
    if (config_.policy == CachePolicy::kVictim && !array_.dirty(slot)) array_.erase(slot);
    return level_;
  }
  ++stats_.misses[reason];
  const HitLevel found = below->read_line(line, reason, clock);
  if (config_.policy != CachePolicy::kVictim) keep(home, dirties, clock);
  return found;
}

HitLevel Cache::read_shared(PhysAddr line, RequestReason reason, LocalClock& clock) {
  if (entrance_ || tells_of_hits_) clock.sync();
  if (entrance_ && coherence_ != nullptr) coherence_->settle(clock.now());
  if (!one_requester_) take_port(clock);
  ++stats_.requests[reason];
  const bool dirties = reason == RequestReason::kStore && level_ == HitLevel::kL1;
  for (bool waited = false;; waited = true) {  // whoever has waited looks again
    if (const unsigned slot = array_.find(line); slot != CacheArray::kNone) {
      array_.touch(slot);
      if (dirties) {
        mark_written(slot, line, clock);
      } else if (config_.policy == CachePolicy::kVictim && !array_.dirty(slot)) {
        array_.erase(slot);  // it hands a clean line up; a dirty one stays, or its write-back would be lost
      }
      if (tells_of_hits_ && reason != RequestReason::kPrefetch) tell_prefetcher(line, /*hit=*/true, clock);
      clock.advance(lookup_);
      return level_;
    }
    if (Miss* flying = in_flight(line); flying != nullptr) {
      if (!waited) ++stats_.merged;
      clock.wait_for(flying->done, {name(), "a line in flight", line.raw(), flying->requester});
      const HitLevel found = flying->found;
      if (!dirties) return found;
      if (const unsigned slot = array_.find(line); slot != CacheArray::kNone) {
        mark_written(slot, line, clock);
        return found;
      }
    } else if (free_registers_.empty()) {
      const CycleTime asked = clock.now();
      clock.wait_for(register_free_, {name(), "a free miss register", 0, {}});
      clock.sync();
      stats_.waited_for_register += clock.now() - asked;
    } else {
      return miss(line, reason, clock);
    }
  }
}

/// Marks the line in `slot` dirty, when a store may write it. If it leaves the cache while the store waits for that, it has
/// been written all the same.
void Cache::mark_written(unsigned slot, PhysAddr line, LocalClock& clock) {
  if (coherence_ != nullptr && !array_.dirty(slot)) {
    coherence_->own(line, clock);
    slot = array_.find(line);
  }
  if (slot != CacheArray::kNone) array_.mark_dirty(slot);
}

HitLevel Cache::miss(PhysAddr line, RequestReason reason, LocalClock& clock) {
  ++stats_.misses[reason];
  if (one_requester_) {
    clock.advance(lookup_);
    return fetch(line, reason, clock);
  }
  Miss& mine = take_register(line, clock.requester());
  clock.advance(lookup_);
  const HitLevel found = fetch(line, reason, clock);
  release_register(mine);
  mine.found = found;
  clock.notify(mine.done, register_free_);
  return found;
}

HitLevel Cache::fetch(PhysAddr line, RequestReason reason, LocalClock& clock) {
  const HitLevel found = below->read_line(line, reason, clock);
  if (coherence_ != nullptr && level_ == HitLevel::kL1 && reason == RequestReason::kStore) coherence_->own(line, clock);
  if (entrance_ || prefetch_board_ != nullptr) clock.sync();           // the fill happens when the line arrives
  const bool kept = coherence_ == nullptr || coherence_->holds(line);  // or it has been taken away meanwhile
  if (config_.policy != CachePolicy::kVictim && kept) {
    const bool dirty = reason == RequestReason::kStore && level_ == HitLevel::kL1;
    const CacheArray::Home home = array_.home_of(line);
    const unsigned slot = array_.find(home);
    if (slot == CacheArray::kNone) {
      keep(home, dirty, clock);
    } else if (dirty) {  // an eviction from above brought it in meanwhile
      array_.mark_dirty(slot);
    }
  }
  if (prefetch_board_ != nullptr && reason != RequestReason::kPrefetch) tell_prefetcher(line, /*hit=*/false, clock);
  return found;
}

/// Asks for the lines that the prefetcher wants after a request.
void Cache::tell_prefetcher(PhysAddr line, bool hit, LocalClock& clock) {
  wanted_lines_.clear();
  prefetcher_->requested(line.raw() >> kLineShift, hit, wanted_lines_);
  for (const uint64_t wanted : wanted_lines_) ask_prefetch(PhysAddr(wanted << kLineShift), clock);
}

/// Asks for a line. If enough are waiting it takes the place of the oldest of them.
void Cache::ask_prefetch(PhysAddr line, LocalClock& clock) {
  CorePrefetches* const owner =
      clock.requester() < prefetch_board_->size() ? (*prefetch_board_)[clock.requester()] : nullptr;
  if (owner != nullptr) owner->begin();
  if (waiting_prefetches_.size() == config_.prefetcher.degree) {
    if (CorePrefetches* const oldest = waiting_prefetches_.front().owner; oldest != nullptr) oldest->end(clock);
    waiting_prefetches_.pop_front();
  }
  waiting_prefetches_.push_back({line, clock.now(), owner});
  clock.notify(prefetch_asked_);
}

void Cache::evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) {
  const bool dirty = eviction == Eviction::kDirty;
  if (!dirty && config_.policy != CachePolicy::kVictim) return;
  const CacheArray::Home home = array_.home_of(line);
  array_.prefetch_after(home);  // lines that came one after the other often leave so
  if (const unsigned slot = array_.find(home); slot != CacheArray::kNone) {
    if (dirty) array_.mark_dirty(slot);
    return;
  }
  keep(home, dirty, clock);
}

HitLevel Cache::access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) {
  ++stats_.uncached;
  clock.advance(lookup_);
  return below->access_uncached(line, reason, clock);
}

bool Cache::back_invalidate(PhysAddr line, LocalClock& clock) {
  bool dirty = false;
  for (int i = 0; i < above.size(); ++i) dirty |= above[i]->back_invalidate(line, clock);
  if (const unsigned slot = array_.find(line); slot != CacheArray::kNone) {
    dirty |= array_.dirty(slot);
    array_.erase(slot);
  }
  return dirty;
}

Cache::Miss* Cache::in_flight(PhysAddr line) {
  for (const Flight& flight : in_flight_) {
    if (flight.line == line) return flight.miss;
  }
  return nullptr;
}

/// Takes a free miss register for `line`.
Cache::Miss& Cache::take_register(PhysAddr line, unsigned requester) {
  Miss& miss = *free_registers_.back();
  free_registers_.pop_back();
  miss.requester = requester;
  miss.place = static_cast<unsigned>(in_flight_.size());
  in_flight_.push_back({line, &miss});
  return miss;
}

void Cache::release_register(Miss& miss) {
  const Flight& last = in_flight_.back();
  last.miss->place = miss.place;
  in_flight_[miss.place] = last;
  in_flight_.pop_back();
  free_registers_.push_back(&miss);
}

std::string Cache::in_progress(const WaitBoard& names) const {
  std::string text;
  for (const Flight& flight : in_flight_) {
    text += fmt::format("  {} miss register {} holds line 0x{:x} for {}\n", names.short_name(name()),
                        flight.miss - registers_.data(), flight.line.raw(), names.name_of(flight.miss->requester));
  }
  return text;
}

void Cache::take_port(LocalClock& clock) {
  const CycleTime asked = clock.now();
  const CycleTime start = reserve_port(asked);
  if (start == asked) return;
  clock.advance_to(start);
  clock.sync();
}

void Cache::run_prefetches(LocalClock& clock, FiberGroup& fibers) {
  while (fibers.rest(clock, prefetch_asked_)) {
    while (!waiting_prefetches_.empty()) prefetch_next(clock);
  }
}

/// Brings the line that waits longest, unless it is there or on its way.
void Cache::prefetch_next(LocalClock& clock) {
  const Prefetch wanted = waiting_prefetches_.front();
  waiting_prefetches_.pop_front();
  clock.advance_to(wanted.asked);
  clock.sync();
  if (coherence_ != nullptr) coherence_->settle(clock.now());
  if (array_.find(wanted.line) == CacheArray::kNone && in_flight(wanted.line) == nullptr && !free_registers_.empty()) {
    read_line(wanted.line, RequestReason::kPrefetch, clock);
    clock.sync();
  }
  if (wanted.owner != nullptr) wanted.owner->end(clock);
}

}  // namespace mmusim
