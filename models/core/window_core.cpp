// SPDX-License-Identifier: MIT
#include "models/core/window_core.h"

#include <algorithm>
#include <bit>

#include "models/core/window_core_work.h"

namespace mmusim {

WindowCore::WindowCore(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock,
                       FiberGroup& fibers, const std::vector<LocalClock>& clocks, const WindowCoreConfig& config,
                       bool company)
    : Core(name, lsu, clock, fibers),
      config_(config),
      company_(company),
      lines_(config.outstanding, kNoLine),
      front_clock_(clocks.back()),
      ring_(std::bit_ceil(config.window + config.load_queue + config.store_queue + 4U)),
      ring_mask_(ring_.size() - 1),
      store_queue_(config.store_queue),
      front_end_(config.fetch_ahead),
      load_ports_(config.load_ports),
      store_ports_(config.store_ports) {
  MMUSIM_INVARIANT(clocks.size() == config.outstanding + 1U, "a clock for each slot and one for the front end");
  for (unsigned i = 0; i < config.outstanding; ++i) {
    Slot* slot = slots_.emplace_back(std::make_unique<Slot>(clocks[i], i)).get();
    fibers_.join(slot->clock, kFiberStackBytes, lsu.context().core, [this, slot] { run_slot(*slot); });
  }
  fibers_.join(front_clock_, kFiberStackBytes, lsu.context().core, [this] { run_front_end(); });
}

void WindowCore::execute_all(std::span<const MemAccess> accesses) {
  constexpr size_t kSoon = 10, kLater = 20;
  for (size_t i = 0; i < accesses.size(); ++i) {
    const MemAccess& access = accesses[i];
    if (interrupts_ != nullptr) at_boundary();
    const uint64_t number = ++next_id_;
    const uint64_t slow = slow_;
    if (access.kind == AccessKind::kFetch || front_end_.active()) {
      front_end_.push(access, number);
      pass_stream(/*all=*/access.awaited);
    } else {
      dispatch(access, number, access.gap + (access.continues ? 0U : 1U));
    }
    if (access.awaited) await(number);
    if (slow_ != slow && i + kLater < accesses.size())
      fast_path_.prefetch(accesses[i + kSoon].va, accesses[i + kLater].va);
  }
}

AccessResult WindowCore::access_one(const MemAccess& access) {
  if (interrupts_ != nullptr) at_boundary();
  const uint64_t number = ++next_id_;
  if (access.kind == AccessKind::kFetch || front_end_.active()) {
    front_end_.has_line = false;  // an awaited fetch is looked up, whatever was fetched before it
    front_end_.push(access, number);
    pass_stream(/*all=*/true);
  } else {
    dispatch(access, number, access.gap + (access.continues ? 0U : 1U));
  }
  return await(number);
}

void WindowCore::drain_all() {
  pass_stream(/*all=*/true);
  while (oldest_ <= dispatched_) retire_oldest();
  work_until(kNoLimit, [this] { return unfinished_ == 0 && busy_ == 0 && !front_end_.busy; });
  if (front_end_.active()) stats_.gap_instructions += front_end_.reset();
}

void WindowCore::idle(Cycles cycles) { work_until(clock_.now() + cycles); }

/// Waits for the result of an access that was dispatched, as an instruction that needs it does.
AccessResult WindowCore::await(uint64_t number) {
  const InFlight& flight = in_flight(number);
  work_until(kNoLimit, [&flight] { return flight.known; });
  const AccessResult result = flight.result;
  if (kind_of(flight.access) != AccessKind::kWrite) work_until(flight.done);
  return result;
}

/// Dispatches the records that the front end has passed; `all`: to the end of the stream, else only as long as what
/// follows cannot matter.
void WindowCore::pass_stream(bool all) {
  while (!front_end_.empty() && (all || front_end_.knows_enough())) {
    work_until(kNoLimit, [this] { return front_end_.front_is_fetched(); });
    const FrontEnd::Entry& entry = front_end_.front();
    if (entry.access.kind == AccessKind::kFetch) work_until(entry.available);
    dispatch(entry.access, entry.number, entry.instructions);
    if (entry.access.kind == AccessKind::kFetch) in_flight(entry.number).result = entry.result;
    front_end_.pop();
  }
}

void WindowCore::dispatch(const MemAccess& access, uint64_t number, unsigned instructions) {
  const AccessKind kind = kind_of(access);
  const bool own = kind != AccessKind::kFetch && instructions != 0;
  instructions_ += instructions;
  stats_.gap_instructions += instructions - (own ? 1U : 0U);
  issue(instructions);
  make_room(kind);
  if (config_.first_touch.count != 0) [[unlikely]]
    wait_for_kernel();
  if (clock_.now() != issued_at_) {  // it had to wait: the first one dispatched in this cycle
    issued_at_ = clock_.now();
    issued_ = std::min(instructions, 1U);
  }
  dispatched_ = number;
  InFlight& flight = in_flight(number);
  flight.instruction = instructions_;
  flight.access = access;
  flight.dispatched = flight.ready = flight.done = clock_.now();
  flight.instructions = instructions;
  flight.known = kind == AccessKind::kFetch;
  if (flight.known) return;  // perf: the rest concerns data only
  flight.number = number;
  flight.waiting = kEnd;
  flight.store = flight.forward = StoreQueue::kNone;
  flight.missing = 0;
  flight.has_port = flight.has_cache_port = false;
  flight.result = {};
  ++unfinished_;
  find_needs(flight);
  if (kind == AccessKind::kWrite) {
    flight.store = store_queue_.push(number, access, flight.dispatched);
  } else {
    ++loads_;
  }
  if (flight.missing != 0) {
    ++unready_;
  } else if (flight.ready > clock_.now()) {
    ready_.push({flight.ready, number});
  } else {
    start(flight);
  }
}

/// Waits while the kernel runs on this core.
void WindowCore::wait_for_kernel() {
  for (;;) {
    if (busy_ != 0 || front_end_.busy) clock_.sync();
    const CycleTime until = lsu_->context().kernel_until;
    if (until <= clock_.now()) return;
    work_until(until);
  }
}

/// Gives instructions their places in the issue width: the last of them is dispatched in the cycle that is reached.
void WindowCore::issue(unsigned instructions) {
  if (clock_.now() != issued_at_) issued_ = 0;
  issued_ += instructions;
  if (issued_ > config_.issue_width) {
    const Cycles cycles((issued_ - 1) / config_.issue_width);
    issued_ = (issued_ - 1) % config_.issue_width + 1;
    work_until(clock_.now() + cycles);
  }
  issued_at_ = clock_.now();
}

/// Waits until the window and the queue for that kind of access have room.
void WindowCore::make_room(AccessKind kind) {
  while (oldest_ <= dispatched_ && instructions_ - in_flight(oldest_).instruction >= config_.window) retire_oldest();
  if (kind == AccessKind::kRead) {
    while (loads_ >= config_.load_queue) retire_oldest();
  }
  if (kind != AccessKind::kWrite) return;
  const auto room = [this] { return !store_queue_.full(); };
  while (!room()) {  // a store leaves when it has retired and its line is there
    if (oldest_ <= dispatched_ && in_flight(oldest_).known) {
      const Retirement retirement = retirement_of(in_flight(oldest_));
      work_until(retirement.at, room);
      if (!room()) retire(in_flight(oldest_), retirement);
    } else {
      work_until(kNoLimit, [&] { return room() || (oldest_ <= dispatched_ && in_flight(oldest_).known); });
    }
  }
}

void WindowCore::retire_oldest() {
  InFlight& flight = in_flight(oldest_);
  work_until(kNoLimit, [&flight] { return flight.known; });
  const Retirement retirement = retirement_of(flight);
  work_until(retirement.at);
  retire(flight, retirement);
}

/// Returns when a record that is known to be done can retire: in order, and not faster than the retire width.
WindowCore::Retirement WindowCore::retirement_of(const InFlight& flight) const {
  Retirement r = retired_;
  if (config_.retire_width == 0) return {std::max(r.at, flight.done), 0};
  if (r.at < flight.dispatched) r = {flight.dispatched, 0};
  if (flight.instructions > 1) {  // those before the access
    const unsigned count = r.count + flight.instructions - 1;
    r.at += Cycles((count - 1) / config_.retire_width);
    r.count = (count - 1) % config_.retire_width + 1;
  }
  if (r.at < flight.done) r = {flight.done, 0};
  if (flight.instructions != 0 && ++r.count > config_.retire_width) r = {r.at + Cycles(1), 1};
  return r;
}

/// Retires the oldest record, which is known to be done and can retire at `retirement`: then, or later.
void WindowCore::retire(InFlight& flight, const Retirement& retirement) {
  retired_ = retirement;
  const AccessKind kind = kind_of(flight.access);
  if (kind == AccessKind::kRead) --loads_;
  if (kind == AccessKind::kWrite) {
    store_queue_[flight.store].retired = true;
    leave_if_over(flight.store);
  }
  ++oldest_;
}

/// Finds the results that a data access needs before it can start.
void WindowCore::find_needs(InFlight& flight) {
  const MemAccess& access = flight.access;
  unsigned which = 0;
  if (access.depends_on != 0) {
    need_result(flight, which, access.depends_on);
    for (const uint16_t distance : access.also_depends_on) {
      if (distance == 0) break;
      need_result(flight, which, distance);
    }
  }
  if (store_queue_.all_written() || (kind_of(access) == AccessKind::kWrite && !access.rmw)) return;
  const StoreQueue::Overlap overlap = store_queue_.youngest_overlap(access);
  if (overlap.store == StoreQueue::kNone) return;
  StoreQueue::Store& store = store_queue_[overlap.store];
  if (overlap.contained && !access.rmw) {  // it may start when the store is translated
    flight.forward = overlap.store;
    flight.forward_number = store.number;
    if (store.number >= oldest_) need(flight, which, in_flight(store.number));
  } else {
    store.waiting.push_back(flight.number);
    ++flight.missing;
  }
}

/// Makes an access need the result of the one `distance` places before it, if that is still in the window.
void WindowCore::need_result(InFlight& flight, unsigned& which, unsigned distance) {
  if (distance >= flight.number || flight.number - distance < oldest_) return;  // retired, so it is done
  InFlight& producer = in_flight(flight.number - distance);
  if (producer.access.kind != AccessKind::kFetch) need(flight, which, producer);
}

void WindowCore::need(InFlight& flight, unsigned& which, InFlight& producer) {
  if (producer.known) {
    flight.ready = std::max(flight.ready, producer.done);
    return;
  }
  flight.next[which] = producer.waiting;
  producer.waiting = flight.number << 3 | which;
  ++which;
  ++flight.missing;
}

void WindowCore::throw_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace mmusim
