// SPDX-License-Identifier: MIT
#include "models/core/core.h"

namespace mmusim {

Core::Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock, FiberGroup& fibers)
    : sc_module(name), lsu_(&lsu), fibers_(fibers), observers_(lsu.observers()), fast_path_(lsu), clock_(clock) {}

void Core::start(Program& program, CycleTime at) {
  constexpr size_t kStackBytes = 512 * 1024;
  program_ = &program;
  clock_.advance_to(at);
  if (!std::exchange(joined_, true)) fibers_.join(clock_, kStackBytes, lsu_->context().core, [this] { run(); });
  fibers_.begin(clock_);
}

void Core::run() {
  while (fibers_.rest(clock_)) {
    const CycleTime begin = clock_.now();
    try {
      program_->run(*this);
      drain();
      check_time();
    } catch (const FiberEnds&) {
      throw;
    } catch (...) {
      failure_ = std::current_exception();  // handed to whoever started the simulation
    }
    stats_.cycles += clock_.now() - begin;
    program_ = nullptr;
  }
}

void Core::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

AccessResult Core::access_observed(const MemAccess& access) {
  MemAccess awaited = access;
  awaited.awaited = true;
  if (observers_.wants(kProgramNotices)) observers_.begin_accesses(lsu_->context().core, {&awaited, 1});
  return access_one(awaited);
}

unsigned Core::invalidate(const Invalidation& operation) {
  settle();
  const Cycles cost = lsu_->flush_cycles();
  clock_.advance(cost);
  stats_.flush_cycles += cost;
  check_time();
  return lsu_->invalidate(operation);
}

/// Waits for `signal`; a core of several takes what arrives meanwhile. Callers check their condition again.
void Core::wait_for(Signal& signal, const WaitReason& reason) {
  if (interrupts_ == nullptr) return clock_.wait_for(signal, reason);
  interrupts_->wait_for(signal, reason);
}

void Core::acquire(CoreLock& lock) {
  drain();
  clock_.sync();  // cores come in the order of their times
  lock.queue_.push_back(clock_.requester());
  while (lock.queue_.front() != clock_.requester()) wait_for(lock.moved_, {name(), "a lock", 0, lock.queue_.front()});
}

void Core::release(CoreLock& lock) {
  drain();
  clock_.sync();
  MMUSIM_INVARIANT(!lock.queue_.empty() && lock.queue_.front() == clock_.requester(), "the core holds the lock");
  lock.queue_.pop_front();
  if (!lock.queue_.empty()) clock_.notify(lock.moved_);
}

void Core::sleep(CoreLock& lock) {
  release(lock);
  for (const uint64_t before = lock.wakes_; lock.wakes_ == before;) {
    wait_for(lock.woken_, {name(), "being woken by who holds a lock", 0, {}});
  }
  acquire(lock);
}

void Core::wake(CoreLock& lock) {
  drain();
  clock_.sync();
  ++lock.wakes_;
  clock_.notify(lock.woken_);
}

void BlockingCore::execute_all(std::span<const MemAccess> accesses) { execute_each<false>(accesses); }

template <bool kInterrupts>
void BlockingCore::execute_each(std::span<const MemAccess> accesses) {
  constexpr size_t kSoon = 6, kLater = 16;
  uint64_t id = next_id_;
  PhysAddr pa;
  FastPath::Run run;
  for (const MemAccess& access : accesses) {
    if constexpr (kInterrupts) {
      next_id_ = id;
      at_boundary();
      id = next_id_;  // a handler makes accesses too
      run = {};
    }
    ++id;
    if (access.gap != 0) {
      clock_.advance(Cycles(access.gap));
      stats_.gap_instructions += access.gap;
    }
    if constexpr (kInterrupts) fast_path_.catch_up(clock_);
    if (fast_path_.try_access<kInterrupts>(access, id, clock_, pa, run)) [[likely]]
      continue;
    run = {};
    const auto to_come = accesses.subspan(static_cast<size_t>(&access - accesses.data()));
    if (kLater < to_come.size()) fast_path_.prefetch(to_come[kSoon].va, to_come[kLater].va);
    access_slow(access, id);
  }
  next_id_ = id;
}

AccessResult BlockingCore::access_one(const MemAccess& access) { return access_alone<false>(access); }

template <bool kShared>
AccessResult BlockingCore::access_alone(const MemAccess& access) {
  const uint64_t id = ++next_id_;
  AccessResult result;
  FastPath::Run run;
  if (fast_path_.try_access<kShared>(access, id, clock_, result.pa, run)) return result;
  return access_slow(access, id);
}

bool BlockingCore::repeat_hits(const MemAccess& access, uint64_t times) {
  if (!fast_path_.try_run(access, times)) return false;
  clock_.advance(fast_path_.hit_cycles(kind_of(access)) * times);
  next_id_ += times;
  return true;
}

void InterruptibleBlockingCore::execute_all(std::span<const MemAccess> accesses) { execute_each<true>(accesses); }

AccessResult InterruptibleBlockingCore::access_one(const MemAccess& access) {
  at_boundary();
  fast_path_.catch_up(clock_);
  return access_alone<true>(access);
}

/// All of them or none: not if one of them could come after an arrival, or after its line has been taken away.
bool InterruptibleBlockingCore::repeat_hits(const MemAccess& access, uint64_t times) {
  const CycleTime end = clock_.now() + fast_path_.hit_cycles(kind_of(access)) * times;
  if (interrupts_->due(end) || !fast_path_.undisturbed_until(end)) return false;
  return BlockingCore::repeat_hits(access, times);
}

AccessResult BlockingCore::access_slow(const MemAccess& access, uint64_t id) {
  AccessRecord record;
  record.id = id;
  record.core = lsu_->context().core;
  record.access = access;
  record.begin = clock_.now();
  const LoadStoreUnit::Pieces pieces = lsu_->translate(access, clock_, record);
  fast_path_.learn(access, pieces);
  return lsu_->finish(access, pieces, clock_, record);
}

}  // namespace mmusim
