// SPDX-License-Identifier: MIT
#include "models/core/core.h"

namespace mmusim {

Core::Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock)
    : sc_module(name), lsu_(&lsu), clock_(clock) {
  sc_core::sc_spawn_options options;
  options.set_stack_size(512 * 1024);
  thread_ = sc_core::sc_spawn([this] { run(); }, "thread", &options);
}

void Core::start(Program& program, CycleTime at) {
  program_ = &program;
  clock_.advance_to(at);
  started_.notify(sc_core::SC_ZERO_TIME);
}

void Core::run() {
  for (;;) {
    while (program_ == nullptr) sc_core::wait(started_);
    const CycleTime begin = clock_.now();
    try {
      program_->run(*this);
      drain();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;  // the kernel ends this thread
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

AccessResult Core::access_told(const MemAccess& access) {
  MemAccess awaited = access;
  awaited.awaited = true;
  const CoreContext& context = lsu_->context();
  if (context.activity != nullptr) context.activity->accesses(context.core, {&awaited, 1});
  return access_one(awaited);
}

unsigned Core::invalidate(const Invalidation& operation) {
  drain_all();
  const Cycles cost = lsu_->flush_cycles();
  clock_.advance(cost);
  stats_.flush_cycles += cost;
  return lsu_->invalidate(operation);
}

void Core::acquire(CoreLock& lock) {
  drain();
  clock_.sync();  // cores come in the order of their times
  lock.queue_.push_back(clock_.requester());
  while (lock.queue_.front() != clock_.requester())
    clock_.wait_for(lock.moved_, {name(), "a lock", 0, lock.queue_.front()});
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
  clock_.wait_for(lock.woken_, {name(), "being woken by who holds a lock", 0, {}});
  acquire(lock);
}

void Core::wake(CoreLock& lock) {
  drain();
  clock_.sync();
  clock_.notify(lock.woken_);
}

/// An access whose page is remembered: done here, unless it misses the first-level cache and somebody wants its record.
/// What is remembered, or nullptr if it was not done.
inline const PageMemos::Memo* BlockingCore::access_quick(const MemAccess& access, uint64_t id, PhysAddr& pa) {
  const PageMemos::Memo* memo = lsu_->recall(access);
  if (memo == nullptr) return nullptr;
  const bool report = lsu_->context().every_access();
  if (lsu_->hits(access, *memo, pa)) [[likely]] {
    if (report) [[unlikely]]
      lsu_->report_hit(access, id, clock_.now(), pa);
    clock_.advance(lsu_->l1_latency());
    return memo;
  }
  if (report) return nullptr;
  pa = lsu_->fetch_line(access, *memo, clock_);
  return memo;
}

void BlockingCore::execute_all(std::span<const MemAccess> accesses) {
  constexpr size_t kSoon = 6, kLater = 16;
  uint64_t id = next_id_;
  PhysAddr pa;
  for (size_t i = 0; i < accesses.size(); ++i) {
    const MemAccess& access = accesses[i];
    ++id;
    if (access.gap != 0) {
      clock_.advance(Cycles(access.gap));
      stats_.gap_instructions += access.gap;
    }
    if (access_quick(access, id, pa) != nullptr) [[likely]]
      continue;
    if (i + kLater < accesses.size()) lsu_->expect(accesses[i + kSoon].va, accesses[i + kLater].va);
    access_slow(access, id);
  }
  next_id_ = id;
}

AccessResult BlockingCore::access_one(const MemAccess& access) {
  const uint64_t id = ++next_id_;
  AccessResult result;
  if (access_quick(access, id, result.pa) != nullptr) return result;
  return access_slow(access, id);
}

AccessRun BlockingCore::run_of_hits(const MemAccess& access, uint64_t times) {
  const uint64_t id = ++next_id_;
  AccessRun run;
  const PageMemos::Memo* memo = access_quick(access, id, run.first.pa);
  if (memo == nullptr) {
    run.first = access_slow(access, id);
    memo = lsu_->recall(access);
  }
  run.all = memo != nullptr && lsu_->hits_again(access, *memo, times);
  if (run.all) {
    clock_.advance(Cycles(lsu_->l1_latency().count * times));
    next_id_ += times;
  }
  return run;
}

AccessResult BlockingCore::access_slow(const MemAccess& access, uint64_t id) {
  AccessRecord record;
  record.id = id;
  record.core = lsu_->context().core;
  record.access = access;
  record.begin = clock_.now();
  return lsu_->access(access, clock_, record);
}

}  // namespace mmusim
