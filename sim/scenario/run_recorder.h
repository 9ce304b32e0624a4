// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "mm/observer.h"
#include "models/fabric/observer.h"
#include "sim/events/events.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

/// Writes what a run does as an access trace that can be replayed without the scenario: the accesses of the first core,
/// and all that made the page tables.
class RunRecorder final : public Observer {
 public:
  explicit RunRecorder(std::unique_ptr<TraceWriter> writer) : recorder_(std::move(writer)) {}
  RunRecorder(const RunRecorder&) = delete;
  RunRecorder& operator=(const RunRecorder&) = delete;

  uint32_t mask() const override { return kProgramNotices; }
  /// Throws InputError for accesses of another core: one stream of accesses could not repeat how they overlap.
  void begin_accesses(unsigned core, std::span<const MemAccess> accesses) override;
  void drained(unsigned core) override;
  void invalidated(unsigned core, const Invalidation& operation, bool timed) override;
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) override;

  /// Begins a phase of the scenario: a marker of the trace.
  void phase(const PhaseEvent& phase) { marker(++phases_, phase.stage); }
  /// Writes a marker of that number and name.
  void marker(uint64_t number, std::string_view name);
  /// Returns what hears of the kernel's acts.
  mm::Observer& kernel() { return kernel_; }

  /// Ends the trace. Without it no file appears.
  void finish() { recorder_.finish(); }
  /// Losses: what the trace's form could not hold, a line each.
  std::vector<std::string> losses() const { return recorder_.losses(); }

 private:
  /// Records what makes page tables.
  class KernelActs final : public mm::Observer {
   public:
    explicit KernelActs(TraceRecorder& recorder) : recorder_(recorder) {}
    uint32_t mask() const override { return mm::kEntryWrites | mm::kFills; }
    void entry_write(const mm::EntryWrite& write) override;
    void fill(const mm::FillEvent& fill) override;

   private:
    TraceRecorder& recorder_;
  };
  void takes_time(bool timed);

  TraceRecorder recorder_;
  KernelActs kernel_{recorder_};
  uint64_t phases_ = 0;
  bool drained_ = true;
  bool timed_ = true;
};

}  // namespace mmusim
