// SPDX-License-Identifier: MIT
#include "models/dram/dram_channel.h"

#include <algorithm>

namespace mmusim {

using Index = RequestQueue::Index;

DramChannel::DramChannel(const DramConfig& config)
    : device_(config),
      timing_(config.timing),
      config_(config.controller),
      reads_(config.controller.read_queue, config.geometry.banks()),
      writes_(config.controller.write_queue, config.geometry.banks()),
      fresh_(config.geometry.banks()) {}

bool DramChannel::can_accept(bool write, DramCycle now) {
  decide_until(now);
  const RequestQueue& queue = write ? writes_ : reads_;
  const unsigned leaving = (write ? last_write_ : last_read_) == now ? 1 : 0;
  return queue.size() + leaving < queue.capacity();
}

RequestQueue::Entry DramChannel::make_entry(const DramRequest& request, const DramLocation& where, DramCycle now) {
  return {.id = request.id,
          .line = request.pa.raw() >> kLineShift,
          .row = where.row,
          .sequence = sequence_++,
          .arrival = now,
          .bank = static_cast<uint16_t>(where.bank)};
}

std::optional<DramCycle> DramChannel::enqueue(const DramRequest& request, const DramLocation& where, DramCycle now) {
  decide_until(now);
  MMUSIM_INVARIANT(now >= decided_, "DRAM request in the past");
  flushing_ = false;
  if (request.write) return enqueue_write(request, where, now);
  if (!writes_.empty() && writes_.find_line(where.bank, request.pa.raw() >> kLineShift) != RequestQueue::kNone) {
    ++stats_.forwarded_reads;
    return now + 1;
  }
  reads_.push(make_entry(request, where, now), device_.is_open_at(where.bank, where.row));
  tell_queues(now);
  floor_ = std::max(floor_, now + 1);
  next_known_ = false;
  return std::nullopt;
}

std::optional<DramCycle> DramChannel::enqueue_write(const DramRequest& request, const DramLocation& where,
                                                    DramCycle now) {
  if (writes_.find_line(where.bank, request.pa.raw() >> kLineShift) != RequestQueue::kNone) {
    ++stats_.merged_writes;
    return now;
  }
  writes_.push(make_entry(request, where, now), device_.is_open_at(where.bank, where.row));
  tell_queues(now);
  floor_ = std::max(floor_, now + 1);
  next_known_ = false;
  if (!forced_drain_ && writes_.size() >= config_.write_high_watermark) {
    forced_drain_ = true;
    ++stats_.write_drains;
  }
  return now;
}

const RequestQueue* DramChannel::active_queue() const {
  if (forced_drain_) return &writes_;
  if (!reads_.empty()) return &reads_;
  return writes_.size() > (flushing_ ? 0 : config_.write_low_watermark) ? &writes_ : nullptr;
}

/// The command that goes first if none goes before cycle `from`. `overdue`: the request that comes before all others.
DramChannel::Decision DramChannel::best(const RequestQueue& queue, DramCommand column, DramCycle from,
                                        Index overdue) const {
  constexpr uint64_t kNotColumn = uint64_t{1} << 63;
  Decision first;
  uint64_t first_rank = ~uint64_t{0};
  const uint16_t overdue_bank = overdue == RequestQueue::kNone ? uint16_t{0xffff} : queue[overdue].bank;
  for (const uint16_t bank : queue.busy_banks()) {
    Decision d{.bank = bank};
    uint64_t rank = 0;
    if (bank == overdue_bank) [[unlikely]] {
      d.entry = overdue;
      d.command = device_.next_command(bank, queue[overdue].row, column);
      d.overdue = true;
    } else if (const Index hit = queue.oldest_hit(bank); hit != RequestQueue::kNone) {
      d.entry = hit;
      d.command = column;
      rank = 1 + queue[hit].sequence;
    } else {
      d.entry = queue.oldest(bank);
      d.command = device_.is_open(bank) ? DramCommand::kPrecharge : DramCommand::kActivate;
      rank = kNotColumn + queue[d.entry].sequence;
    }
    if (first.at == from && rank > first_rank) continue;  // it could not be earlier
    d.at = device_.free_slot(std::max(device_.earliest(d.command, bank), from));
    if (d.at < first.at || (d.at == first.at && rank < first_rank)) {
      first = d;
      first_rank = rank;
    }
  }
  return first;
}

const DramChannel::Decision& DramChannel::decide() {
  if (next_known_) return next_;
  next_known_ = true;
  const RequestQueue* queue = active_queue();
  if (queue == nullptr) return next_ = Decision{};
  const DramCommand column = queue == &writes_ ? DramCommand::kWrite : DramCommand::kRead;
  const DramCycle overdue_at = (*queue)[queue->oldest()].arrival + config_.starvation_cycles;
  next_ = best(*queue, column, floor_, floor_ >= overdue_at ? queue->oldest() : RequestQueue::kNone);
  if (floor_ < overdue_at && next_.at >= overdue_at) next_ = best(*queue, column, overdue_at, queue->oldest());
  if (device_.next_refresh() <= next_.at) next_ = Decision{.at = device_.next_refresh()};
  return next_;
}

void DramChannel::send(DramCommand command, unsigned bank, uint64_t row, DramCycle at) {
  device_.issue(command, bank, row, at);
  if (observer_ != nullptr) observer_->command(number_, command, bank, row, at);
  switch (command) {
    case DramCommand::kActivate:
      ++stats_.row_misses;
      floor_ = at + timing_.act_slots;
      fresh_[bank] = true;
      break;
    case DramCommand::kPrecharge:
      ++stats_.row_conflicts;
      floor_ = at + 1;
      break;
    case DramCommand::kRead:
    case DramCommand::kWrite:
      stats_.row_hits += fresh_[bank] ? 0 : 1;
      fresh_[bank] = false;
      floor_ = at + timing_.column_slots;
      break;
    case DramCommand::kRefresh:
      break;
  }
  decided_ = at;
}

/// Performs the refreshes due up to `now`; no command is sent before.
void DramChannel::refresh(DramCycle now) {
  device_.catch_up_refresh(now, floor_);
  decided_ = now;
  for (RequestQueue* queue : {&reads_, &writes_}) {
    for (const uint16_t bank : queue->busy_banks()) {
      if (!device_.is_open(bank)) queue->row_closed(bank);
    }
  }
}

void DramChannel::execute(const Decision& d) {
  next_known_ = false;
  if (d.command == DramCommand::kRefresh) return refresh(d.at);
  if (d.overdue) ++stats_.overdue_requests;
  if (d.command == DramCommand::kRead || d.command == DramCommand::kWrite) return execute_column(d);
  const uint64_t row = (writes_go() ? writes_ : reads_)[d.entry].row;
  send(d.command, d.bank, row, d.at);
  for (RequestQueue* queue : {&reads_, &writes_}) {
    if (d.command == DramCommand::kActivate) {
      queue->row_opened(d.bank, row);
    } else {
      queue->row_closed(d.bank);
    }
  }
}

void DramChannel::execute_column(const Decision& d) {
  send(d.command, d.bank, 0, d.at);
  if (d.command == DramCommand::kRead) {
    count_read(d.at);
    completed_.push_back({reads_[d.entry].id, last_data_});
    reads_.erase(d.entry);
  } else {
    ++stats_.writes;
    last_write_ = d.at;
    last_data_ = d.at + timing_.write_done();
    writes_.erase(d.entry);
    if (writes_.size() <= config_.write_low_watermark) forced_drain_ = false;
  }
  tell_queues(d.at);
  close_if_unused(d.bank);
}

void DramChannel::count_read(DramCycle at) {
  ++stats_.reads;
  last_read_ = at;
  last_data_ = at + timing_.read_done();
}

void DramChannel::close_if_unused(unsigned bank) {
  if (config_.page_policy == PagePolicy::kClosed && reads_.oldest_hit(bank) == RequestQueue::kNone &&
      writes_.oldest_hit(bank) == RequestQueue::kNone)
    device_.auto_precharge(bank);
}

void DramChannel::decide_until(DramCycle t) {
  while (active_queue() != nullptr) {
    const Decision d = decide();
    if (d.at > t) return;
    execute(d);
  }
  // Nothing to do for anyone, but refreshes may have passed.
  if (device_.next_refresh() <= t) refresh(t);
}

std::optional<DramCycle> DramChannel::next_event() {
  if (!completed_.empty()) return completed_.front().done - timing_.read_done();
  if (active_queue() == nullptr) return std::nullopt;
  return decide().at;
}

/// The commands of a read that has no other beside it, without the queue. Does nothing, and returns nothing, where the
/// read has to wait for writes or is answered by one, or where somebody watches.
std::optional<DramCycle> DramChannel::read_at_once(PhysAddr pa, const DramLocation& where, DramCycle now) {
  if (observer_ != nullptr) return std::nullopt;  // it wants to see the queue
  decide_until(now);
  MMUSIM_INVARIANT(now >= decided_ && reads_.empty(), "DRAM request in the past, or not alone");
  if (forced_drain_) return std::nullopt;
  if (!writes_.empty() && writes_.find_line(where.bank, pa.raw() >> kLineShift) != RequestQueue::kNone)
    return std::nullopt;
  flushing_ = false;
  next_known_ = false;
  floor_ = std::max(floor_, now + 1);
  for (;;) {
    const DramCommand command = device_.next_command(where.bank, where.row, DramCommand::kRead);
    const DramCycle at = device_.free_slot(std::max(device_.earliest(command, where.bank), floor_));
    if (device_.next_refresh() <= at) {
      refresh(device_.next_refresh());
      continue;
    }
    if (at >= now + config_.starvation_cycles) ++stats_.overdue_requests;
    send(command, where.bank, where.row, at);
    if (command == DramCommand::kRead) {
      count_read(at);
      close_if_unused(where.bank);
      return last_data_;
    }
    if (command == DramCommand::kActivate) {
      writes_.row_opened(where.bank, where.row);
    } else {
      writes_.row_closed(where.bank);
    }
  }
}

DramCycle DramChannel::read_alone(PhysAddr pa, const DramLocation& where, DramCycle now) {
  if (const auto done = read_at_once(pa, where, now)) return *done;
  if (const auto done = enqueue({.id = 0, .pa = pa}, where, now)) return *done;
  MMUSIM_INVARIANT(reads_.size() == 1, "read_alone() is alone");
  while (!reads_.empty()) execute(Decision(decide()));
  completed_.pop_back();
  return last_data_;
}

}  // namespace mmusim
