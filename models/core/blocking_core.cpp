// SPDX-License-Identifier: MIT
#include "models/core/core.h"

namespace mmusim {

Core::Core(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock)
    : sc_module(name), lsu_(&lsu), clock_(clock) {
  sc_core::sc_spawn_options options;
  options.set_stack_size(512 * 1024);
  sc_core::sc_spawn([this] { run(); }, "thread", &options);
}

void Core::start(Program& program) {
  program_ = &program;
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

unsigned Core::invalidate(const Invalidation& operation) {
  drain();
  const Cycles cost = lsu_->flush_cycles();
  clock_.advance(cost);
  stats_.flush_cycles += cost;
  return lsu_->invalidate(operation);
}

void BlockingCore::execute(std::span<const MemAccess> accesses) {
  const bool inline_hits = !lsu_->context().sink_accesses;
  const Cycles hit_latency = lsu_->l1_latency();
  uint64_t id = next_id_;
  PhysAddr pa;
  for (const MemAccess& access : accesses) {
    ++id;
    if (access.gap != 0) {
      clock_.advance(Cycles(access.gap));
      stats_.gap_instructions += access.gap;
    }
    if (inline_hits && lsu_->hits(access, pa)) [[likely]] {
      clock_.advance(hit_latency);
    } else {
      access_slow(access, id);
    }
  }
  next_id_ = id;
}

AccessResult BlockingCore::access(const MemAccess& access) {
  const uint64_t id = ++next_id_;
  AccessResult result;
  if (!lsu_->context().sink_accesses && lsu_->hits(access, result.pa)) {
    clock_.advance(lsu_->l1_latency());
    return result;
  }
  return access_slow(access, id);
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
