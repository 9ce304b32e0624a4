// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/types.h"
#include "models/dram/dram_device.h"
#include "models/dram/request_queue.h"

namespace mmusim {

class ObserverList;

/// One line to be read or written.
struct DramRequest {
  uint64_t id = 0;  ///< given back with the completion; means nothing here
  PhysAddr pa;
  bool write = false;
};

/// A read whose data is there: `done` is the cycle after its last data beat.
struct DramCompletion {
  uint64_t id;
  DramCycle done;
  bool operator==(const DramCompletion&) const = default;
};

struct DramStats {
  uint64_t reads = 0, writes = 0;
  uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0;
  uint64_t forwarded_reads = 0, merged_writes = 0;
  uint64_t write_drains = 0, overdue_requests = 0;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("reads", reads, "lines read from the chips");
    v("writes", writes, "lines written to the chips");
    v("row_hits", row_hits, "column commands to a row that an earlier request had opened");
    v("row_misses", row_misses, "activates of a row");
    v("row_conflicts", row_conflicts, "precharges to make place for another row");
    v("forwarded_reads", forwarded_reads, "reads answered from the write queue");
    v("merged_writes", merged_writes, "writes to a line that was already in the write queue");
    v("write_drains", write_drains, "times the write queue reached its high watermark");
    v("overdue_requests", overdue_requests, "requests that went first because of their age");
  }
};

/// The memory controller and the chips of one channel. State apart from time: each function is told the cycle.
///
/// Models   a read and a write queue; FR-FCFS with a bound on starvation; open or closed page; writes drained between
///          two watermarks, and above the low one when no read waits; refresh of each rank; one command at a time on
///          the command bus.
/// Timing   A request enqueued in cycle t takes part in scheduling from t + 1 on. In each cycle, of the commands that
///          all constraints allow, first the request older than `starvation_cycles` goes, then the oldest read or
///          write that hits an open row, then the oldest activate or precharge. A bank is not precharged while a
///          request of the current direction hits its open row. A read is done CL + BL/2 cycles after its command: an
///          idle channel answers a row hit in 1 + CL + BL/2, a closed bank in tRCD more, a conflict in tRP more still.
///          A write is done, for its sender, when it is enqueued. A read of a line in the write queue is done in t
///          + 1. A slot of a queue is free from the cycle after its column command.
/// Lazy     Nothing happens by itself. Every function first decides what the controller did up to its cycle, so the
///          result does not depend on how often, or with which cycles, it is called. Idle time costs nothing.
/// Order    The cycles of successive enqueue(), post(), can_accept() and read_alone() must not decrease, and may not
/// precede
///          what advance_to() or read_alone() already decided.
class DramChannel {
 public:
  explicit DramChannel(const DramConfig& config);

  /// True if a request of that direction finds a free slot in cycle `now`. If not, ask again after next_event().
  bool can_accept(bool write, DramCycle now);
  /// True if a slot is free at now + 1, because its request leaves in this cycle. Only after can_accept(write, now)
  /// returned false.
  bool frees_slot(bool write, DramCycle now) const {
    const RequestQueue& queue = write ? writes_ : reads_;
    return (write ? last_write_ : last_read_) == now && queue.size() < queue.capacity();
  }
  /// Takes a request; can_accept() must hold. Returns the cycle in which it is done if that is known at once (all
  /// writes, forwarded reads); other reads come out of advance_to().
  std::optional<DramCycle> enqueue(const DramRequest& request, const DramLocation& where, DramCycle now);

  /// can_accept() and enqueue() of a write in one: false if there is no place for it.
  bool post(PhysAddr pa, const DramLocation& where, DramCycle now);

  /// Next cycle in which the controller does anything for queued requests; kNever if it has none it would act on.
  /// Reads that were decided on while a request was enqueued count with the cycle of their command, which may be past:
  /// advance_to() any cycle hands them out.
  DramCycle next_event() {
    if (!completed_.empty()) return completed_.front().done - timing_.read_done();
    RequestQueue* const active = active_queue();
    return active == nullptr ? DramDevice::kNever : next(*active).at;
  }
  /// Returns how many places of the read queue are free, as far as the channel has been decided.
  unsigned read_places() const { return reads_.capacity() - reads_.size(); }
  /// Returns true if a write of that line waits in the queue.
  bool has_write(PhysAddr pa, const DramLocation& where) const {
    return !writes_.empty() && writes_.find_line(where.bank, pa.raw() >> kLineShift) != RequestQueue::kNone;
  }
  /// True if reads are queued. Without them and without a requester waiting for a slot nobody needs next_event().
  bool has_reads() const { return !reads_.empty(); }

  /// Decides all commands up to and including cycle `t`, and appends the reads whose command was sent (their `done`
  /// may lie after t). Returns the next event.
  DramCycle advance_to(DramCycle t, std::vector<DramCompletion>& completions) {
    const DramCycle next = decide_all_until(t);
    if (!completed_.empty()) hand_out(completions);
    return next;
  }

  /// Reads one line when no other read is queued; returns the cycle in which it is done. Same result as enqueue() and
  /// advance_to(), in one call. Nothing may reach the channel before the read's own command is sent.
  DramCycle read_alone(PhysAddr pa, const DramLocation& where, DramCycle now);

  /// Has all queued writes written, below the low watermark too, until the next request comes.
  void flush() {
    flushing_ = true;
    next_known_ = false;
  }
  /// End of the last data beat, read or written, that was decided on.
  DramCycle last_data() const { return last_data_; }

  /// Sets the observers of commands and queues (nullptr: none), and the number of the channel in their records.
  void observe(const ObserverList* observers, unsigned channel) {
    observers_ = observers;
    number_ = channel;
  }

  const DramStats& stats() const { return stats_; }
  /// Refreshes of all ranks up to cycle `now`, which it advances to.
  uint64_t refreshes(DramCycle now) {
    decide_until(now);
    return device_.refreshes();
  }

 private:
  struct Decision {
    DramCycle at = DramDevice::kNever;
    RequestQueue::Index entry = RequestQueue::kNone;  ///< of the queue whose turn it is
    uint16_t bank = 0;                                ///< of that request
    DramCommand command = DramCommand::kRefresh;
    bool overdue = false;
  };

  bool writes_go() const { return forced_drain_ || reads_.empty(); }
  RequestQueue* active_queue() {
    if (forced_drain_) return &writes_;
    if (!reads_.empty()) return &reads_;
    return writes_.size() > (flushing_ ? 0 : config_.write_low_watermark) ? &writes_ : nullptr;
  }
  Decision best(RequestQueue& queue) const;
  Decision best_beside_overdue(RequestQueue& queue, DramCycle from) const;
  /// The next command for the requests of the active queue, or the refresh that comes before it.
  const Decision& next(RequestQueue& active) {
    if (!next_known_) decide(active);
    return next_;
  }
  void decide(RequestQueue& active);
  void execute(const Decision& d);
  template <DramCommand kCommand>
  void execute_row(unsigned bank, uint64_t row, DramCycle at);
  template <DramCommand kCommand>
  void execute_column(const Decision& d);
  void count_read(DramCycle at);
  void close_if_unused(unsigned bank);
  [[gnu::always_inline]] std::optional<DramCycle> read_at_once(PhysAddr pa, const DramLocation& where, DramCycle now);
  template <DramCommand kCommand>
  void send(unsigned bank, uint64_t row, DramCycle at);
  void refresh(DramCycle now);
  void tell_queues(DramCycle now) {
    if (observers_ != nullptr) [[unlikely]]
      report_queues(now);
  }
  void report_queues(DramCycle now) const;
  /// Decides all up to cycle `t`; returns the cycle of the next command or refresh, kNever if no request waits for it.
  DramCycle decide_until(DramCycle t) {
    if (active_queue() == nullptr) {
      if (device_.next_refresh() > t) return DramDevice::kNever;
    } else if (next_known_ && next_.at > t) {
      return next_.at;
    }
    return decide_all_until(t);
  }
  DramCycle decide_all_until(DramCycle t);
  void hand_out(std::vector<DramCompletion>& completions);
  bool has_place(bool write, DramCycle now) const {
    const RequestQueue& queue = write ? writes_ : reads_;
    const unsigned leaving = (write ? last_write_ : last_read_) == now ? 1 : 0;
    return queue.size() + leaving < queue.capacity();
  }
  [[gnu::always_inline]] std::optional<DramCycle> enqueue_decided(const DramRequest& request, const DramLocation& where,
                                                                  DramCycle now);
  std::optional<DramCycle> enqueue_write(const DramRequest& request, const DramLocation& where, DramCycle now);
  void put(RequestQueue& queue, const DramRequest& request, const DramLocation& where, DramCycle now);
  void reconsider(const RequestQueue& queue, RequestQueue::Index entry);

  DramDevice device_;
  DramTiming timing_;
  DramControllerConfig config_;
  RequestQueue reads_, writes_;
  bool forced_drain_ = false;  ///< from the high watermark down to the low one
  bool flushing_ = false;
  DramCycle floor_ = 0;    ///< no command before: command bus taken, or decided already
  DramCycle decided_ = 0;  ///< cycle of the last command or refresh decision
  DramCycle last_read_ = DramDevice::kNever, last_write_ = DramDevice::kNever;  ///< cycle of the last column command
  DramCycle last_data_ = 0;
  uint64_t sequence_ = 0;
  Decision next_;
  bool next_known_ = false;
  std::vector<uint8_t> fresh_;  ///< by bank, 1: activated, no column command yet
  std::vector<DramCompletion> completed_;
  DramStats stats_;
  const ObserverList* observers_ = nullptr;
  unsigned number_ = 0;
};

}  // namespace mmusim
