// SPDX-License-Identifier: MIT
#include "models/cache/coherence.h"

#include <algorithm>
#include <utility>

namespace mmusim {

CoherenceHome::CoherenceHome(const CoherenceConfig& config, Cache& l3)
    : config_(config), l3_(l3), directory_(config.protocol, config.directory, config.lines) {}

/// Returns the entry of a line, once no other request for the line is under way.
DirectoryLine& CoherenceHome::lock(PhysAddr line, LocalClock& clock, const char* module) {
  for (;;) {
    DirectoryLine& entry = directory_.open(line);
    if (!std::exchange(entry.locked, true)) return entry;
    clock.wait_for(unlocked_[line.raw()], {module, "the request of another core for its line", line.raw(), {}});
  }
}

void CoherenceHome::unlock(PhysAddr line, DirectoryLine& entry, const LocalClock& clock) {
  directory_.unlock(entry);
  if (unlocked_.empty()) return;
  if (auto waited_for = unlocked_.extract(line.raw())) clock.notify(waited_for.mapped());
}

bool CoherenceHome::back_invalidate(PhysAddr line, LocalClock& clock) {
  DirectoryLine* const held = directory_.find(line);
  if (held == nullptr || held->locked) return false;
  const bool dirty = held->state == DirectoryLine::State::kModified || held->state == DirectoryLine::State::kOwned;
  const CycleTime at = std::max(clock.now(), held->settled) + config_.least;
  held->holders.for_each([&](unsigned core) {
    agents_[core]->post({at, line, CoherenceAgent::Change::kBackInvalidate});
  });
  directory_.forget(*held);
  return dirty;
}

/// Gives a line its entry in the directory.
void CoherenceHome::admit(PhysAddr line, LocalClock& clock) {
  const std::optional<PhysAddr> victim = directory_.admit(line);
  if (!victim) return;
  const bool dirty = back_invalidate(*victim, clock);
  l3_.evict_line(*victim, dirty ? Eviction::kDirty : Eviction::kClean, clock);
}

CoherenceAgent::CoherenceAgent(const std::string& name, unsigned core, CoherenceHome& home)
    : name_(name), core_(core), home_(home), second_level_(*this) {
  MMUSIM_INVARIANT(home.agents_.size() == core, "cores are made in the order of their numbers");
  home.agents_.push_back(this);
}

void CoherenceAgent::attach(Cache& l1d, Cache* l1i, Cache& l2) {
  l2_ = &l2;
  first_level_ = {&l1d.array()};
  if (l1i != nullptr) first_level_.push_back(&l1i->array());
  all_ = first_level_;
  all_.push_back(&l2.array());
  l1_latency_ = l1d.latency();
  l2_latency_ = l2.latency();
}

HitLevel CoherenceAgent::read_line(PhysAddr line, RequestReason reason, LocalClock& clock) {
  take_pending(line, /*carry_out=*/true);
  const CycleTime asked = clock.now();
  DirectoryLine& held = home_.lock(line, clock, name_.c_str());
  asked_ = &held;
  stats_.waited += clock.now() - asked;
  HitLevel found = HitLevel::kL3;
  if (held.others(core_).none()) {
    found = read_below(line, held, reason, clock);
  } else if (reason == RequestReason::kStore) {
    ++stats_.transfers;
    const Cycles after = farthest(held.others(core_));
    clock.advance_to(take_over(line, held, std::max(asked + (after - l2_latency_), held.settled + after)));
  } else if (held.owner != DirectoryLine::kNobody && held.owner != core_) {
    found = read_from_owner(line, held, asked, clock);
  } else {
    found = read_shared(line, held, asked, reason, clock);
  }
  home_.admit(line, clock);
  home_.unlock(line, held, clock);
  return found;
}

/// Reads a line that no other core has.
HitLevel CoherenceAgent::read_below(PhysAddr line, DirectoryLine& held, RequestReason reason, LocalClock& clock) {
  const HitLevel found = home_.l3_.read_line(line, reason, clock);
  if (reason == RequestReason::kStore) {
    home_.directory_.write(core_, held);
  } else {
    home_.directory_.read(core_, held);
  }
  held.settled = held.available = std::max(held.settled, clock.now());
  return found;
}

HitLevel CoherenceAgent::read_from_owner(PhysAddr line, DirectoryLine& held, CycleTime asked, LocalClock& clock) {
  ++stats_.transfers;
  const LineDirectory::Read read = home_.directory_.read(core_, held);
  const Cycles after = home_.config_.transfer(core_, read.from);
  const CycleTime arrival = std::max(asked + (after - l2_latency_), held.available + after);
  if (read.demoted) home_.agents_[read.from]->post({arrival, line, Change::kDemote});
  if (read.copied_below) home_.l3_.evict_line(line, read.dirty_below ? Eviction::kDirty : Eviction::kClean, clock);
  if (held.state == DirectoryLine::State::kShared || read.demoted) held.available = arrival;
  held.settled = std::max(held.settled, arrival);
  clock.advance_to(arrival);
  return HitLevel::kL3;
}

/// Reads a line that other cores have, and nobody owns: from the last cache if that has it, else from the nearest of them.
HitLevel CoherenceAgent::read_shared(PhysAddr line, DirectoryLine& held, CycleTime asked, RequestReason reason,
                                     LocalClock& clock) {
  HitLevel found = HitLevel::kL3;
  if (home_.l3_.array().find(line) != CacheArray::kNone) {
    clock.advance_to(held.available);
    found = home_.l3_.read_line(line, reason, clock);
    home_.l3_.evict_line(line, Eviction::kClean, clock);  // a victim cache hands a line up, but keeps a shared one
  } else {
    ++stats_.transfers;
    const Cycles after = nearest(held.others(core_));
    clock.advance_to(std::max(asked + (after - l2_latency_), held.available));
  }
  home_.directory_.read(core_, held);
  held.settled = std::max(held.settled, clock.now());
  return found;
}

/// Makes this core the line's only holder from cycle `arrival` on, which it returns.
CycleTime CoherenceAgent::take_over(PhysAddr line, DirectoryLine& held, CycleTime arrival) {
  const CoreSet losers = home_.directory_.write(core_, held);
  losers.for_each([&](unsigned core) { home_.agents_[core]->post({arrival, line, Change::kInvalidate}); });
  held.available = held.settled = arrival;
  return arrival;
}

void CoherenceAgent::own(PhysAddr line, LocalClock& clock) {
  if (DirectoryLine* held = home_.directory_.find(line); held != nullptr && held->writable(core_)) {
    held->state = DirectoryLine::State::kModified;
    return;
  }
  ++stats_.upgrades;
  take_pending(line, /*carry_out=*/false);  // the copy stays until the line comes again
  const CycleTime asked = clock.now();
  DirectoryLine& held = home_.lock(line, clock, name_.c_str());
  stats_.waited += clock.now() - asked;
  const CoreSet others = held.others(core_);
  const Cycles after = others.any() ? farthest(others) : home_.l3_.latency();
  const CycleTime arrival = std::max(asked + (after - l1_latency_), others.any() ? held.settled + after : held.settled);
  clock.advance_to(take_over(line, held, arrival));
  home_.admit(line, clock);
  home_.unlock(line, held, clock);
  catch_up(clock);
}

bool CoherenceAgent::holds(PhysAddr line) const {
  // perf: mostly asked of the line that came last. Entries stay where they are; one that is free has no holders.
  if (asked_ != nullptr && asked_->is_of(line) && asked_->holders.test(core_)) return true;
  const DirectoryLine* const held = home_.directory_.find(line);
  return held != nullptr && held->holders.test(core_);
}

/// Takes what leaves the second level.
void CoherenceAgent::evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) {
  const bool dirty = eviction == Eviction::kDirty;
  if (in_first_level(line)) {
    if (holds(line)) home_.l3_.evict_line(line, eviction, clock);
    return;
  }
  const LineDirectory::Left left = home_.directory_.leave(core_, line, dirty);
  if (left.held) home_.l3_.evict_line(line, left.dirty ? Eviction::kDirty : Eviction::kClean, clock);
}

HitLevel CoherenceAgent::SecondLevel::read_line(PhysAddr line, RequestReason reason, LocalClock& clock) {
  return agent_.l2_->read_line(line, reason, clock);
}

void CoherenceAgent::SecondLevel::evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) {
  agent_.l2_->evict_line(line, eviction, clock);
  if (agent_.l2_->array().find(line) != CacheArray::kNone || agent_.in_first_level(line)) return;
  if (agent_.home_.directory_.leave(agent_.core_, line, /*dirty=*/false).dirty)
    agent_.home_.l3_.evict_line(line, Eviction::kDirty, clock);
}

HitLevel CoherenceAgent::SecondLevel::access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) {
  return agent_.l2_->access_uncached(line, reason, clock);
}

void CoherenceAgent::settle(CycleTime now) {
  auto at = pending_.begin();
  for (; at != pending_.end() && at->at <= now; ++at) carry_out(*at);
  pending_.erase(pending_.begin(), at);
  settled_ = std::max(settled_, now);
  check_at_ = now + (home_.config_.look_always ? Cycles(1) : home_.config_.least);
  if (!pending_.empty()) check_at_ = std::min(check_at_, pending_.front().at);
}

/// Notes what takes effect later; of one cycle, what was posted first comes first.
void CoherenceAgent::post(const Probe& probe) {
  MMUSIM_INVARIANT(probe.at > settled_, fmt::format("a change of line {} in cycle {} comes before {} is past it",
                                                    probe.line, probe.at, name_));
  check_at_ = std::min(check_at_, probe.at);
  const auto later = [](const Probe& a, const Probe& b) { return a.at < b.at; };
  pending_.insert(std::upper_bound(pending_.begin(), pending_.end(), probe, later), probe);
}

void CoherenceAgent::carry_out(const Probe& probe) {
  bool was_here = false;
  for (CacheArray* array : all_) {
    const unsigned slot = array->find(probe.line);
    if (slot == CacheArray::kNone) continue;
    was_here = true;
    if (probe.change == Change::kDemote) {
      array->mark_clean(slot);
    } else {
      array->erase(slot);
    }
  }
  if (!was_here) return;
  stats_.invalidated += probe.change == Change::kInvalidate;
  stats_.demoted += probe.change == Change::kDemote;
  stats_.back_invalidated += probe.change == Change::kBackInvalidate;
}

/// Ends what is pending for a line that this core asks for: carries it out at once, or drops it.
void CoherenceAgent::take_pending(PhysAddr line, bool carry_out) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (at->line != line) {
      ++at;
      continue;
    }
    if (carry_out) this->carry_out(*at);
    at = pending_.erase(at);
  }
}

bool CoherenceAgent::in_first_level(PhysAddr line) const {
  return std::any_of(first_level_.begin(), first_level_.end(),
                     [line](const CacheArray* array) { return array->find(line) != CacheArray::kNone; });
}

Cycles CoherenceAgent::farthest(const CoreSet& holders) const {
  Cycles most{0};
  holders.for_each([&](unsigned core) { most = std::max(most, home_.config_.transfer(core_, core)); });
  return most;
}

Cycles CoherenceAgent::nearest(const CoreSet& holders) const {
  Cycles least{~uint64_t{0}};
  holders.for_each([&](unsigned core) { least = std::min(least, home_.config_.transfer(core_, core)); });
  return least;
}

void CoherenceAgent::check() const {
  const auto pending = [this](PhysAddr line) {
    return std::any_of(pending_.begin(), pending_.end(), [line](const Probe& probe) { return probe.line == line; });
  };
  for (const CacheArray* array : all_) {
    array->for_each([&](PhysAddr line, bool dirty) {
      if (pending(line)) return;
      const DirectoryLine* const held = home_.directory_.find(line);
      MMUSIM_INVARIANT(held != nullptr && held->holders.test(core_),
                       fmt::format("the directory knows that {} has line {}", name_, line));
      MMUSIM_INVARIANT(!dirty || array != first_level_.front() || held->writable(core_),
                       fmt::format("{} owns line {}, which is dirty in its first level", name_, line));
    });
  }
}

}  // namespace mmusim
