// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "mm/observer.h"
#include "models/x86/activity.h"
#include "sim/events/events.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

class EventLog;

/// Writes what a run does as an access trace that can be replayed without the scenario: the accesses of the first core,
/// and all that made the page tables.
class RunRecorder final : public ActivitySink {
 public:
  explicit RunRecorder(std::unique_ptr<TraceWriter> writer) : recorder_(std::move(writer)) {}

  /// Throws InputError for accesses of another core: one stream of accesses could not repeat how they overlap.
  void accesses(unsigned core, std::span<const MemAccess> accesses) override;
  void drained(unsigned core) override;
  void invalidated(unsigned core, const Invalidation& operation, bool timed) override;
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) override;

  void phase(const PhaseEvent& phase);
  void entry_write(const mm::EntryWrite& write);
  void fill(const mm::FillEvent& fill);

  /// Ends the trace. Without it no file appears.
  void finish() { recorder_.finish(); }
  /// What the trace's form could not hold, a line each.
  std::vector<std::string> losses() const { return recorder_.losses(); }

 private:
  void takes_time(bool timed);

  TraceRecorder recorder_;
  uint64_t phases_ = 0;
  bool drained_ = true;
  bool timed_ = true;
};

/// Puts into the event log what a machine is asked to do, accesses apart: those are logged when they retire.
class ActivityLog final : public ActivitySink {
 public:
  ActivityLog(EventLog& log, std::function<EventStamp()> clock) : log_(log), clock_(std::move(clock)) {}

  void accesses(unsigned, std::span<const MemAccess>) override {}
  void drained(unsigned core) override;
  void invalidated(unsigned core, const Invalidation& operation, bool timed) override;
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) override;

 private:
  EventStamp stamp() const;

  EventLog& log_;
  std::function<EventStamp()> clock_;
  uint64_t drained_at_ = 0;  // accesses begun then
};

}  // namespace mmusim
