// SPDX-License-Identifier: MIT
#include "models/dram/dram.h"

#include <algorithm>

namespace mmusim {

Dram::Dram(const sc_core::sc_module_name& name, const DramModuleConfig& config, const ClockDomain& domain,
           unsigned requester)
    : sc_module(name),
      config_(config),
      domain_(&domain),
      reads_travel_(config.to_memory.count * domain.period_ps() >= config.dram.tck_ps),
      requester_(requester),
      by_tck_(config.dram.tck_ps),
      system_(config.dram),
      alarm_("controller", domain, [this](Moment present) { return work(present); }) {}

DramCycle Dram::dram_cycle(CycleTime t) const { return by_tck_.divide(domain_->ps(t) + config_.dram.tck_ps - 1); }

CycleTime Dram::core_cycle(DramCycle t) const { return domain_->first_cycle_at(t * config_.dram.tck_ps); }

/// Returns the first cycle of the core whose requests enter in DRAM cycle `t` (not 0) or later.
CycleTime Dram::entry_cycle(DramCycle t) const { return domain_->first_cycle_at((t - 1) * config_.dram.tck_ps + 1); }

HitLevel Dram::read_line(PhysAddr line, RequestReason, LocalClock& clock) {
  const CycleTime begin = clock.now();
  ++stats_.reads;
  clock.advance(config_.to_memory);
  const DramCycle done = clock.alone() ? read_alone(line, dram_cycle(clock.now())) : read_shared(line, clock);
  reached_ = std::max(reached_, done);
  clock.advance_to(core_cycle(done) + config_.from_memory);
  clock.sync();
  stats_.read_cycles += clock.now() - begin;
  return HitLevel::kDram;
}

HitLevel Dram::access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) {
  if (reason == RequestReason::kStore) {
    evict_line(line, Eviction::kDirty, clock);
    clock.advance(config_.to_memory + config_.from_memory);
  } else {
    read_line(line, reason, clock);
  }
  return HitLevel::kUncached;
}

void Dram::evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) {
  if (eviction == Eviction::kClean) return;
  ++stats_.writes;
  const Posted write{line, system_.locate(line), dram_cycle(clock.now() + config_.to_memory)};
  auto at = posted_.end();
  while (at != posted_.begin() && std::prev(at)->arrival > write.arrival) --at;  // cores run ahead of others
  posted_.insert(at, write);
  for (Arriving& read : arriving_) {
    if (read.line != line) continue;
    read.earliest = read.arrival + 1;  // it may be answered from the write queue
    alarm_.set(in_time_for(read.earliest, clock.present()), clock);
  }
}

/// Puts the writes that reach the controllers by `now` into their queues, in order. Only their own channels move on.
void Dram::deliver_writes(DramCycle now) {
  while (!posted_.empty()) {
    const Posted& write = posted_.front();
    const DramCycle earliest = std::max(next_entry_, write.arrival);
    if (earliest > now) break;
    next_entry_ = earliest;
    if (!system_.post(write.line, write.where, next_entry_) && !post_later(write, next_entry_, now)) break;
    posted_.pop_front();
  }
}

/// Moves `at`, a cycle in which the write finds no place, on to one in which it does, and posts it then; false if that
/// is after `now`.
bool Dram::post_later(const Posted& write, DramCycle& at, DramCycle now) {
  system_.advance_to(at, completions_);
  for (;;) {
    if (system_.frees_slot(write.where, /*write=*/true, at)) {
      ++at;
    } else {
      const auto next = system_.next_event();
      MMUSIM_INVARIANT(next.has_value(), "a full write queue has something to do");
      if (*next > now) return false;
      at = std::max(at, *next + 1);
      system_.advance_to(*next, completions_);
    }
    if (at > now) return false;
    if (system_.post(write.line, write.where, at)) return true;
  }
}

/// Puts the reads that have arrived before that moment into their queues, in the order of their moments, each after the
/// writes that were there before it.
void Dram::deliver_reads(Moment before) {
  auto read = arriving_.begin();
  for (; read != arriving_.end() && read->moment < before; ++read) {
    deliver_writes(read->arrival);
    if (const auto done = system_.enqueue({read->waiter, read->line, false}, read->where, read->arrival))
      completions_.push_back({read->waiter, *done});
  }
  arriving_.erase(arriving_.begin(), read);
}

/// Decides everything up to `now`, with the writes that reached the controller by then, and the reads that arrived before
/// `present`, the moment of who asks.
void Dram::advance_to(DramCycle now, Moment present) {
  if (!arriving_.empty()) deliver_reads(present);
  deliver_writes(now);
  system_.advance_to(now, completions_);
  hand_out();
}

DramStats Dram::controller_stats(bool at_rest) {
  // Up to the core cycle in which the last data are there: the controller may have been called in it.
  if (at_rest) advance_to(domain_->ps(core_cycle(reached_)) / config_.dram.tck_ps, kernel_now());
  return system_.stats();
}

/// Resumes each reader whose data are known in the cycle in which its line is at the last-level cache.
void Dram::hand_out() {
  for (const DramCompletion& completion : completions_) {
    Waiter& waiter = waiters_[completion.id];
    waiter.done = completion.done;
    if (!waiter.waits) continue;
    LocalClock& clock = *waiter.clock;
    const Moment at = domain_->moment(core_cycle(completion.done) + config_.from_memory, clock.requester());
    clock.resume_at(std::max(at, clock.present()));
  }
  completions_.clear();
}

DramCycle Dram::read_alone(PhysAddr line, DramCycle now) {
  if (!posted_.empty() && system_.observed()) {
    advance_to(now, kernel_now());  // observers see all channels go on together
  } else if (!posted_.empty()) {
    deliver_writes(now);
  }
  if (posted_.empty()) [[likely]]
    return system_.read_alone(line, now);
  // Writes wait outside for a place in a full queue: they enter as the controller goes on, before the read's own commands
  // too.
  std::optional<DramCycle> done = system_.enqueue({0, line, false}, system_.locate(line), now);
  while (!done) {
    const auto next = system_.next_event();
    MMUSIM_INVARIANT(next.has_value(), "a queued read will be served");
    deliver_writes(*next);
    system_.advance_to(*next, completions_);
    if (!completions_.empty()) done = completions_.front().done;
    completions_.clear();
  }
  return *done;
}

DramCycle Dram::read_shared(PhysAddr line, LocalClock& clock) {
  const DramLocation where = system_.locate(line);
  const bool at_once = clock.nothing_pending_before(clock.now());
  if (!at_once && reads_travel_ && waiting_for_space_ == 0 && !system_.observed() && has_room_for_all(where)) {
    if (const auto done = read_asleep(line, where, clock)) return *done;
  }
  clock.sync();
  return read_awake(line, where, clock);
}

/// Returns true if the channel's read queue has places for its reads on their way, for another one, and for one that
/// leaves in the cycle of an arrival.
bool Dram::has_room_for_all(const DramLocation& where) const {
  const auto here = [&](const Arriving& read) { return read.where.channel == where.channel; };
  return system_.read_places(where) > std::ranges::count_if(arriving_, here) + 1;
}

uint64_t Dram::begin_read(LocalClock& clock) {
  auto idle = std::ranges::find(waiters_, nullptr, &Waiter::clock);
  if (idle == waiters_.end()) idle = waiters_.emplace(idle);
  *idle = {};
  idle->clock = &clock;
  return static_cast<uint64_t>(idle - waiters_.begin());
}

DramCycle Dram::end_read(uint64_t waiter) {
  const DramCycle done = *waiters_[waiter].done;
  waiters_[waiter] = {};
  return done;
}

/// Sends a read on its way, and returns when its data are there; nothing if it has been recalled and has just arrived. perf:
/// one switch of requesters instead of two.
std::optional<DramCycle> Dram::read_asleep(PhysAddr line, const DramLocation& where, LocalClock& clock) {
  const uint64_t waiter = begin_read(clock);
  waiters_[waiter].waits = true;
  const DramCycle arrival = dram_cycle(clock.now());
  const bool written =
      system_.has_write(line, where) || std::ranges::find(posted_, line, &Posted::line) != posted_.end();
  const Arriving read{.moment = domain_->moment(clock.now(), clock.requester()),
                      .arrival = arrival,
                      .earliest = arrival + 1 + (written ? 0 : config_.dram.timing.read_done()),
                      .waiter = waiter,
                      .line = line,
                      .where = where};
  arriving_.insert(std::ranges::upper_bound(arriving_, read.moment, {}, &Arriving::moment), read);
  alarm_.set(in_time_for(read.earliest, clock.present()), clock);
  clock.wait_for_own({name(), "data", line.raw(), {}});
  if (waiters_[waiter].done) return end_read(waiter);
  waiters_[waiter] = {};
  return std::nullopt;
}

/// Wakes the requesters whose reads are on their way when these arrive, because the queue may be full then.
void Dram::recall() {
  for (const Arriving& read : arriving_) waiters_[read.waiter].clock->resume_at(read.moment);
  arriving_.clear();
}

/// Reads a line for a requester that has synchronised at its arrival.
DramCycle Dram::read_awake(PhysAddr line, const DramLocation& where, LocalClock& clock) {
  DramCycle now = dram_cycle(clock.now());
  advance_to(now, clock.present());
  if (!has_room_for_all(where)) recall();
  for (bool waited = false; !system_.can_accept(where, false, now); waited = true) {
    if (!waited) ++stats_.waited_for_queue;
    ++waiting_for_space_;
    const Moment present = clock.present();
    alarm_.set(
        system_.frees_slot(where, false, now) ? moment_of(entry_cycle(now + 1), present) : before_next_data(present),
        clock);
    clock.wait_for(space_, {name(), "a place in the read queue", line.raw(), {}});
    --waiting_for_space_;
    clock.sync();
    now = dram_cycle(clock.now());
    advance_to(now, clock.present());
    if (!has_room_for_all(where)) recall();
  }
  const uint64_t waiter = begin_read(clock);
  waiters_[waiter].done = system_.enqueue({waiter, line, false}, where, now);
  // While no other requester can act before the controller's next decision, decide it here and now.
  while (!waiters_[waiter].done) {
    const auto next = system_.next_event();
    MMUSIM_INVARIANT(next.has_value(), "a queued read will be served");
    if (!arriving_.empty() && arriving_.front().arrival <= *next) break;
    if (!clock.nothing_pending_before(core_cycle(*next) + Cycles(1))) break;
    advance_to(*next, clock.present());
  }
  if (!waiters_[waiter].done) {
    waiters_[waiter].waits = true;
    alarm_.set(before_next_data(clock.present()), clock);
    clock.wait_for_own({name(), "data", line.raw(), {}});
  }
  return end_read(waiter);
}

std::string Dram::in_progress(const WaitBoard& names) const {
  std::string text;
  for (size_t id = 0; id < waiters_.size(); ++id) {
    const Waiter& waiter = waiters_[id];
    if (waiter.clock == nullptr) continue;
    text +=
        fmt::format("  {} read {} for {}, {}\n", names.short_name(name()), id, names.name_of(waiter.clock->requester()),
                    waiter.done ? fmt::format("data in DRAM cycle {}", *waiter.done) : "queued");
  }
  if (!posted_.empty())
    text +=
        fmt::format("  {} has {} lines on their way to the write queue\n", names.short_name(name()), posted_.size());
  return text;
}

/// Returns when the controller has to act next; kNever if it has nothing to do. Data cannot arrive before next command +
/// CL + burst, and then have their way back, so that no earlier wake-up is needed; requests that arrive in between catch up by
/// themselves. While a requester waits for queue space, the controller wakes at each command.
Moment Dram::before_next_data(Moment present) {
  const auto next = system_.next_event();
  if (waiting_for_space_ != 0) return next ? moment_of(core_cycle(*next), present) : kNever;
  DramCycle earliest = next ? *next + config_.dram.timing.read_done() : DramDevice::kNever;
  for (const Arriving& read : arriving_) earliest = std::min(earliest, read.earliest);
  return earliest == DramDevice::kNever ? kNever : in_time_for(earliest, present);
}

/// Returns when the controller has to act, so that a requester whose data are there in `earliest` can resume in time.
Moment Dram::in_time_for(DramCycle earliest, Moment present) const {
  return moment_of(core_cycle(earliest) + spare_time(), present);
}

/// Returns how long after the cycle up to which it decides the controller may act: as long as data are on their way back,
/// unless somebody waits for what it decides, or hears of it.
Cycles Dram::spare_time() const {
  return system_.observed() || waiting_for_space_ != 0 ? Cycles(0) : config_.from_memory;
}

Moment Dram::moment_of(CycleTime cycle, Moment present) const {
  return std::max(domain_->moment(cycle, requester_), present);
}

/// Decides up to the cycle of the core in which it is called, less the time to spare, and not to the moment within it:
/// requesters of the same cycle come later, with requests of that cycle. So it never decides beyond the last data.
Moment Dram::work(Moment present) {
  const uint64_t cycle = domain_->cycle_of(present).count;
  const uint64_t spare = std::min(cycle, spare_time().count);
  advance_to(by_tck_.divide(domain_->ps(CycleTime(cycle - spare))), present);
  space_.notify(present, present);
  const auto awaited = [](const Waiter& waiter) { return waiter.clock != nullptr && !waiter.done; };
  return std::ranges::any_of(waiters_, awaited) ? before_next_data(present) : kNever;
}

}  // namespace mmusim
