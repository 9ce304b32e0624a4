// SPDX-License-Identifier: MIT
#include "models/core/window_core.h"

#include <bit>

namespace mmusim {

WindowCore::WindowCore(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock,
                       const std::vector<LocalClock>& slot_clocks, const WindowCoreConfig& config)
    : Core(name, lsu, clock),
      config_(config),
      fibers_(clock_),
      ring_(std::bit_ceil(config.window + 1)),
      ring_mask_(ring_.size() - 1) {
  constexpr size_t kStackBytes = 64 * 1024;
  for (const LocalClock& slot_clock : slot_clocks) {
    Slot* slot = slots_.emplace_back(std::make_unique<Slot>(slot_clock)).get();
    fibers_.join(slot->clock, kStackBytes, [this, slot] { run_slot(*slot); });
  }
}

void WindowCore::execute_all(std::span<const MemAccess> accesses) {
  constexpr size_t kSoon = 10, kLater = 20;
  for (size_t i = 0; i < accesses.size(); ++i) {
    const uint64_t taken = slots_taken_;
    if (accesses[i].awaited) {
      access_one(accesses[i]);
    } else {
      dispatch(accesses[i]);
    }
    if (slots_taken_ != taken && i + kLater < accesses.size())
      fast_path_.prefetch(accesses[i + kSoon].va, accesses[i + kLater].va);
  }
}

AccessResult WindowCore::access_one(const MemAccess& access) {
  const InFlight& flight = dispatch(access);
  while (!flight.known) wait_for_completion("the access it needs", access.va.raw());
  if (kind_of(access) != AccessKind::kWrite) clock_.advance_to(flight.done);
  return flight.result;
}

void WindowCore::drain_all() {
  while (oldest_ <= next_id_) retire_oldest();
  while (busy_ != 0) wait_for_completion("accesses under way");
  throw_failure();
}

WindowCore::InFlight& WindowCore::dispatch(const MemAccess& access) {
  throw_failure();
  const uint64_t number = ++next_id_;
  instructions_ += access.gap + 1U;
  stats_.gap_instructions += access.gap;
  if (clock_.now() != issued_at_) issued_ = 0;
  issued_ += access.gap + 1U;
  if (issued_ > config_.issue_width) {
    clock_.advance(Cycles((issued_ - 1) / config_.issue_width));
    issued_ = (issued_ - 1) % config_.issue_width + 1;
  }
  issued_at_ = clock_.now();
  make_room(access);
  waited_until(clock_.now());

  InFlight& flight = in_flight(number);
  flight = {instructions_, {}, /*known=*/false, kind_of(access), {}};
  ++(flight.kind == AccessKind::kWrite ? stores_ : loads_);

  const InFlight* needed = producer(access, number);
  if (needed == nullptr || (needed->known && needed->done <= clock_.now())) {
    if (busy_ != 0) clock_.sync();  // what the slots have done up to now counts
    if (fast_path_.try_hit_searching(access, flight.result.pa)) {
      if (fast_path_.reports_hits()) fast_path_.report_hit(access, number, clock_.now(), flight.result.pa);
      flight.done = clock_.now() + lsu_->l1_latency();
      flight.known = true;
      return flight;
    }
  }
  Slot& slot = take_slot();
  waited_until(clock_.now());
  slot.access = access;
  slot.number = number;
  slot.dispatched = clock_.now();
  slot.busy = true;
  ++slots_taken_;
  ++busy_;
  clock_.notify(slot.go);
  return flight;
}

/// An access that had to wait is the first one dispatched in the cycle it waited for.
void WindowCore::waited_until(CycleTime now) {
  if (now == issued_at_) return;
  issued_at_ = now;
  issued_ = 1;
}

void WindowCore::make_room(const MemAccess& access) {
  while (oldest_ < next_id_ && instructions_ - in_flight(oldest_).instruction >= config_.window) retire_oldest();
  const bool store = kind_of(access) == AccessKind::kWrite;
  while (oldest_ < next_id_ && (store ? stores_ >= config_.store_queue : loads_ >= config_.load_queue)) retire_oldest();
}

void WindowCore::retire_oldest() {
  const InFlight& flight = in_flight(oldest_);
  while (!flight.known) wait_for_completion("the oldest access to be done");
  clock_.advance_to(flight.done);  // in order: later ones cannot have retired before
  --(flight.kind == AccessKind::kWrite ? stores_ : loads_);
  ++oldest_;
}

WindowCore::Slot& WindowCore::take_slot() {
  for (;;) {
    for (const auto& slot : slots_) {
      if (!slot->busy) return *slot;
    }
    wait_for_completion("a free slot");
  }
}

void WindowCore::wait_for_completion(const char* what, uint64_t about) {
  clock_.wait_for(completed_, {name(), what, about, {}});
  throw_failure();
}

void WindowCore::throw_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

WindowCore::InFlight* WindowCore::producer(const MemAccess& access, uint64_t number) {
  if (access.depends_on == 0 || access.depends_on >= number || access.depends_on > ring_mask_) return nullptr;
  return &in_flight(number - access.depends_on);
}

void WindowCore::run_slot(Slot& slot) {
  while (fibers_.rest(slot.clock, slot.go)) {
    slot.clock.advance_to(slot.dispatched);
    try {
      perform(slot);
    } catch (const FiberEnds&) {
      throw;
    } catch (...) {
      failure_ = std::current_exception();  // the core's own thread throws it on
      InFlight& flight = in_flight(slot.number);
      flight.done = slot.clock.now();
      flight.known = true;
    }
    slot.busy = false;
    --busy_;
    slot.clock.notify(completed_);
  }
}

void WindowCore::perform(Slot& slot) {
  if (const InFlight* needed = producer(slot.access, slot.number); needed != nullptr) {
    while (!needed->known)
      slot.clock.wait_for(completed_, {name(), "the access it depends on", slot.access.va.raw(), {}});
    slot.clock.advance_to(needed->done);
  }
  slot.clock.sync();
  AccessRecord record;
  record.id = slot.number;
  record.core = lsu_->context().core;
  record.access = slot.access;
  record.begin = slot.dispatched;
  record.stage[Stage::kStall] = slot.clock.now() - slot.dispatched;
  InFlight& flight = in_flight(slot.number);  // a store's place is free for others once it is known
  const bool retires_early = flight.kind == AccessKind::kWrite;
  const LoadStoreUnit::Pieces pieces = lsu_->translate(slot.access, slot.clock, record);
  fast_path_.learn(slot.access, pieces);
  flight.result = {pieces.piece[0].pa, pieces.fault};
  const bool known = retires_early || pieces.fault;
  if (known) {
    flight.done = slot.clock.now();
    flight.known = true;
    slot.clock.notify(completed_);
  }
  if (!pieces.fault) lsu_->touch_data(slot.access, pieces, slot.clock, record);
  slot.clock.sync();
  record.end = slot.clock.now();
  lsu_->retire(record);
  if (!known) {
    flight.done = slot.clock.now();
    flight.known = true;
  }
}

}  // namespace mmusim
