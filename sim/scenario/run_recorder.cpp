// SPDX-License-Identifier: MIT
#include "sim/scenario/run_recorder.h"

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

TraceEvent event_of(TraceEventKind kind, uint64_t value = 0) {
  TraceEvent event;
  event.kind = kind;
  event.value = value;
  return event;
}

TraceEvent event_of(TraceEventKind kind, uint64_t value, uint64_t operand) {
  TraceEvent event = event_of(kind, value);
  event.operand = operand;
  event.has_operand = true;
  return event;
}

}  // namespace

void RunRecorder::begin_accesses(unsigned core, std::span<const MemAccess> accesses) {
  if (core != 0) {
    throw InputError(fmt::format("--record: core {} has accesses of its own, a trace holds those of one core", core));
  }
  for (const MemAccess& access : accesses) recorder_.access(access);
  drained_ = drained_ && accesses.empty();
}

void RunRecorder::drained(unsigned core) {
  if (core != 0 || drained_) return;
  recorder_.event(event_of(TraceEventKind::kDrain));
  drained_ = true;
}

void RunRecorder::invalidated(unsigned core, const Invalidation& operation, bool timed) {
  if (core != 0) return;
  const bool page = names_address(operation.tlb);
  MMUSIM_INVARIANT(page || (operation.tlb == InvalidationScope::kAll && operation.globals),
                   "an invalidation to record");
  TraceEvent event = event_of(page ? TraceEventKind::kInvlpg : TraceEventKind::kInvpcid);
  if (page) event.va = operation.va;
  takes_time(timed);
  recorder_.event(event);
}

void RunRecorder::control_written(unsigned core, unsigned number, uint64_t value, bool timed) {
  if (core != 0) return;
  takes_time(timed);
  recorder_.event(event_of(TraceEventKind::kCrWrite, number, value));
}

void RunRecorder::takes_time(bool timed) {
  if (timed != timed_) recorder_.event(event_of(TraceEventKind::kTimed, timed ? 1 : 0));
  timed_ = timed;
}

void RunRecorder::marker(uint64_t number, std::string_view name) {
  recorder_.event(event_of(TraceEventKind::kMarker, number), name);
}

void RunRecorder::KernelActs::entry_write(const mm::EntryWrite& write) {
  TraceEvent event = event_of(TraceEventKind::kEntryWrite, write.new_value, write.entry_pa.raw());
  event.va = write.va;
  recorder_.event(event);
}

/// Tables are zeroed through the direct map; what is filled elsewhere is no table.
void RunRecorder::KernelActs::fill(const mm::FillEvent& fill) {
  if (fill.value != 0 || fill.pa == PhysAddr()) return;
  TraceEvent event = event_of(TraceEventKind::kZero, fill.bytes, fill.pa.raw());
  event.va = fill.va;
  recorder_.event(event);
}

}  // namespace mmusim
