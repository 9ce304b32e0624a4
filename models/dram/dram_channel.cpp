// SPDX-License-Identifier: MIT
#include "models/dram/dram_channel.h"

#include <algorithm>

#include "models/fabric/observer.h"

namespace mmusim {

using Index = RequestQueue::Index;

DramChannel::DramChannel(const DramConfig& config)
    : device_(config),
      timing_(config.timing),
      config_(config.controller),
      reads_(config.controller.read_queue, config.geometry.banks(), DramCommand::kRead),
      writes_(config.controller.write_queue, config.geometry.banks(), DramCommand::kWrite),
      fresh_(config.geometry.banks()) {}

bool DramChannel::can_accept(bool write, DramCycle now) {
  decide_until(now);
  return has_place(write, now);
}

void DramChannel::put(RequestQueue& queue, const DramRequest& request, const DramLocation& where, DramCycle now) {
  const RequestQueue* const active = active_queue();
  const DramCommand column = request.write ? DramCommand::kWrite : DramCommand::kRead;
  RequestQueue::Entry& entry = queue.push(request.pa.raw() >> kLineShift, static_cast<uint16_t>(where.bank), where.row,
                                          device_.next_command(where.bank, where.row, column), sequence_++);
  entry.id = request.id;
  entry.arrival = now;
  if (request.write && !forced_drain_ && writes_.size() >= config_.write_high_watermark) {
    forced_drain_ = true;
    ++stats_.write_drains;
  }
  tell_queues(now);
  floor_ = std::max(floor_, now + 1);
  if (active != active_queue()) {
    next_known_ = false;
  } else if (active == &queue) {
    reconsider(queue, queue.youngest());
  }
}

/// Makes the next command right, which is later than all that was decided, when a request has joined others in its queue.
void DramChannel::reconsider(const RequestQueue& queue, Index entry) {
  const RequestQueue::Contender& own = queue.contender(queue[entry].bank);
  if (!next_known_ || own.entry != entry) return;  // an older request of its bank comes first
  const bool replaced = next_.entry != RequestQueue::kNone && next_.bank == own.bank;
  if (replaced || next_.at >= queue[queue.oldest()].arrival + config_.starvation_cycles) {
    next_known_ = false;
    return;
  }
  const DramCycle at = device_.first_slot(own.command, own.bank, floor_);
  const bool first = next_.entry != RequestQueue::kNone && own.rank < queue.contender(next_.bank).rank;
  if (at < next_.at || (at == next_.at && first)) next_ = {at, entry, own.bank, own.command, false};
}

inline std::optional<DramCycle> DramChannel::enqueue_write(const DramRequest& request, const DramLocation& where,
                                                           DramCycle now) {
  if (writes_.find_line(where.bank, request.pa.raw() >> kLineShift) != RequestQueue::kNone) {
    ++stats_.merged_writes;
    return now;
  }
  put(writes_, request, where, now);
  return now;
}

/// enqueue(), where all up to `now` has been decided.
inline std::optional<DramCycle> DramChannel::enqueue_decided(const DramRequest& request, const DramLocation& where,
                                                             DramCycle now) {
  MMUSIM_INVARIANT(now >= decided_, "DRAM request in the past");
  if (flushing_) flushing_ = next_known_ = false;
  if (request.write) return enqueue_write(request, where, now);
  if (has_write(request.pa, where)) {
    ++stats_.forwarded_reads;
    return now + 1;
  }
  put(reads_, request, where, now);
  return std::nullopt;
}

std::optional<DramCycle> DramChannel::enqueue(const DramRequest& request, const DramLocation& where, DramCycle now) {
  decide_until(now);
  return enqueue_decided(request, where, now);
}

bool DramChannel::post(PhysAddr pa, const DramLocation& where, DramCycle now) {
  decide_until(now);
  if (!has_place(/*write=*/true, now)) return false;
  enqueue_decided({.id = 0, .pa = pa, .write = true}, where, now);
  return true;
}

/// The command that goes first while no request is overdue.
inline DramChannel::Decision DramChannel::best(RequestQueue& queue) const {
  const RequestQueue::Contender* first = nullptr;
  DramCycle first_at = DramDevice::kNever;
  uint64_t first_rank = 0;
  for (RequestQueue::Contender& own : queue.contenders()) {
    const auto comes_later = [&](DramCycle at) { return at > first_at || (at == first_at && own.rank > first_rank); };
    // A command only holds others back: a contender that was found to come too late need not be asked again.
    if (comes_later(std::max(own.not_before, floor_))) continue;
    own.not_before = device_.earliest(own.command, own.bank);
    const DramCycle at = device_.free_slot(std::max(own.not_before, floor_));
    if (comes_later(at)) continue;
    first_at = at;
    first_rank = own.rank;
    first = &own;
  }
  return {first_at, first->entry, first->bank, first->command, false};
}

/// The command that goes first if none goes before cycle `from`, in which the oldest request is overdue.
DramChannel::Decision DramChannel::best_beside_overdue(RequestQueue& queue, DramCycle from) const {
  const RequestQueue::Entry& overdue = queue[queue.oldest()];
  const DramCommand needed = device_.next_command(overdue.bank, overdue.row, queue.column());
  Decision first{device_.first_slot(needed, overdue.bank, from), queue.oldest(), overdue.bank, needed, true};
  uint64_t first_rank = 0;  // in the cycle of the overdue request nothing goes before it
  for (const RequestQueue::Contender& own : queue.contenders()) {
    if (own.bank == overdue.bank) continue;
    const DramCycle at = device_.first_slot(own.command, own.bank, from);
    if (at > first.at || (at == first.at && own.rank >= first_rank)) continue;
    first = {at, own.entry, own.bank, own.command, false};
    first_rank = own.rank;
  }
  return first;
}

void DramChannel::decide(RequestQueue& active) {
  next_known_ = true;
  const DramCycle overdue_at = active[active.oldest()].arrival + config_.starvation_cycles;
  if (floor_ < overdue_at) next_ = best(active);
  if (floor_ >= overdue_at || next_.at >= overdue_at) [[unlikely]]
    next_ = best_beside_overdue(active, std::max(floor_, overdue_at));
  if (device_.next_refresh() <= next_.at) [[unlikely]]
    next_ = Decision{.at = device_.next_refresh()};
}

void DramChannel::report_queues(DramCycle now) const {
  observers_->dram_queues(number_, reads_.size(), writes_.size(), now);
}

template <DramCommand kCommand>
void DramChannel::send(unsigned bank, uint64_t row, DramCycle at) {
  device_.issue<kCommand>(bank, row, at);
  if (observers_ != nullptr) [[unlikely]]
    observers_->dram_command({number_, kCommand, bank, row, at});
  if constexpr (kCommand == DramCommand::kActivate) {
    ++stats_.row_misses;
    floor_ = at + timing_.act_slots;
    fresh_[bank] = 1;
  } else if constexpr (kCommand == DramCommand::kPrecharge) {
    ++stats_.row_conflicts;
    floor_ = at + 1;
  } else {
    stats_.row_hits += 1U - fresh_[bank];
    fresh_[bank] = 0;
    floor_ = at + timing_.column_slots;
  }
  decided_ = at;
}

/// Performs the refreshes due up to `now`; no command is sent before.
void DramChannel::refresh(DramCycle now) {
  device_.catch_up_refresh(now, floor_);
  decided_ = now;
  for (RequestQueue* queue : {&reads_, &writes_}) {
    for (const RequestQueue::Contender& own : queue->contenders()) {
      if (!device_.is_open(own.bank)) queue->row_closed(own.bank);
    }
  }
}

/// Opens or closes a row.
template <DramCommand kCommand>
void DramChannel::execute_row(unsigned bank, uint64_t row, DramCycle at) {
  send<kCommand>(bank, row, at);
  const auto tell = [&](RequestQueue& queue) {
    if (queue.empty()) return;  // nothing hits
    if constexpr (kCommand == DramCommand::kActivate) {
      queue.row_opened(bank, row);
    } else {
      queue.row_closed(bank);
    }
  };
  tell(reads_);
  tell(writes_);
}

template <DramCommand kCommand>
void DramChannel::execute_column(const Decision& d) {
  constexpr bool kIsRead = kCommand == DramCommand::kRead;
  RequestQueue& queue = kIsRead ? reads_ : writes_;
  const uint16_t bank = d.bank;
  send<kCommand>(bank, 0, d.at);
  if constexpr (kIsRead) {
    count_read(d.at);
    completed_.push_back({queue[d.entry].id, last_data_});
  } else {
    ++stats_.writes;
    last_write_ = d.at;
    last_data_ = d.at + timing_.write_done();
  }
  queue.erase(d.entry);
  if (!kIsRead && writes_.size() <= config_.write_low_watermark) forced_drain_ = false;
  tell_queues(d.at);
  close_if_unused(bank);
}

void DramChannel::execute(const Decision& d) {
  next_known_ = false;
  if (d.overdue) ++stats_.overdue_requests;
  const RequestQueue& queue = writes_go() ? writes_ : reads_;
  switch (d.command) {
    case DramCommand::kActivate:
      return execute_row<DramCommand::kActivate>(d.bank, queue[d.entry].row, d.at);
    case DramCommand::kPrecharge:
      return execute_row<DramCommand::kPrecharge>(d.bank, queue[d.entry].row, d.at);
    case DramCommand::kRead:
      return execute_column<DramCommand::kRead>(d);
    case DramCommand::kWrite:
      return execute_column<DramCommand::kWrite>(d);
    case DramCommand::kRefresh:
      return refresh(d.at);
  }
}

void DramChannel::count_read(DramCycle at) {
  ++stats_.reads;
  last_read_ = at;
  last_data_ = at + timing_.read_done();
}

void DramChannel::close_if_unused(unsigned bank) {
  if (config_.page_policy == PagePolicy::kClosed && reads_.oldest_hit(bank) == RequestQueue::kNone &&
      writes_.oldest_hit(bank) == RequestQueue::kNone) {
    device_.auto_precharge(bank);
    reads_.row_closed(bank);
    writes_.row_closed(bank);
  }
}

DramCycle DramChannel::decide_all_until(DramCycle t) {
  while (RequestQueue* active = active_queue()) {
    const Decision& d = next(*active);
    if (d.at > t) return d.at;
    execute(d);
  }
  // No request is queued; only refreshes may have fallen due.
  if (device_.next_refresh() <= t) refresh(t);
  return DramDevice::kNever;
}

void DramChannel::hand_out(std::vector<DramCompletion>& completions) {
  for (const DramCompletion& read : completed_) completions.push_back(read);
  completed_.clear();
}

/// The commands of a read that has no other beside it, without the queue. Does nothing, and returns nothing, where the
/// read has to wait for writes or is answered by one, or where an observer wants to see the queues.
inline std::optional<DramCycle> DramChannel::read_at_once(PhysAddr pa, const DramLocation& where, DramCycle now) {
  if (observers_ != nullptr) return std::nullopt;
  decide_until(now);
  MMUSIM_INVARIANT(now >= decided_ && reads_.empty(), "DRAM request in the past, or not alone");
  if (forced_drain_) return std::nullopt;
  if (has_write(pa, where)) return std::nullopt;
  flushing_ = false;
  next_known_ = false;
  floor_ = std::max(floor_, now + 1);
  for (;;) {
    const DramCommand command = device_.next_command(where.bank, where.row, DramCommand::kRead);
    const DramCycle at = device_.first_slot(command, where.bank, floor_);
    if (device_.next_refresh() <= at) {
      refresh(device_.next_refresh());
      continue;
    }
    if (at >= now + config_.starvation_cycles) ++stats_.overdue_requests;
    if (command == DramCommand::kRead) {
      send<DramCommand::kRead>(where.bank, where.row, at);
      count_read(at);
      close_if_unused(where.bank);
      return last_data_;
    }
    if (command == DramCommand::kActivate) {
      execute_row<DramCommand::kActivate>(where.bank, where.row, at);
    } else {
      execute_row<DramCommand::kPrecharge>(where.bank, where.row, at);
    }
  }
}

DramCycle DramChannel::read_alone(PhysAddr pa, const DramLocation& where, DramCycle now) {
  if (const auto done = read_at_once(pa, where, now)) return *done;
  if (const auto done = enqueue({.id = 0, .pa = pa}, where, now)) return *done;
  MMUSIM_INVARIANT(reads_.size() == 1, "read_alone() is alone");
  while (!reads_.empty()) execute(next(*active_queue()));
  completed_.pop_back();
  return last_data_;
}

}  // namespace mmusim
