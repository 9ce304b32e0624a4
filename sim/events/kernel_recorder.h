// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mm/observer.h"
#include "sim/events/events.h"
#include "sim/events/kernel_totals.h"

namespace mmusim {

class EventLog;
class Timeline;

/// Stamps what the kernel model reports with the cycle of its core, counts it, and passes it to the log and the
/// timeline.
///
/// Time is attributed exactly: the cycles between two events belong to the function that reports the later one, since
/// an event comes after the access it reports. What is left at the end of a step belongs to the step itself.
class KernelRecorder final : public mm::Observer {
 public:
  /// `clock` gives the moment of the kernel code that runs. `log` and `timeline` may be null. The vmemmap region is
  /// [vmemmap_base, vmemmap_base + vmemmap_bytes).
  KernelRecorder(EventClock clock, VirtAddr vmemmap_base, uint64_t vmemmap_bytes, EventLog* log, Timeline* timeline);

  uint32_t mask() const override { return mm::kAllEvents; }
  void entry_write(const mm::EntryWrite& event) override;
  void entry_read(const mm::EntryRead& event) override;
  void alloc(const mm::AllocEvent& event) override;
  void free(const mm::AllocEvent& event) override;
  void fill(const mm::FillEvent& event) override;
  void flush(const mm::FlushEvent& event) override;
  void call(const mm::CallEvent& event) override;
  void interrupts(const mm::CallInterrupts& event) override;
  void ipi(const mm::IpiEvent& event) override;
  void log(mm::LogLevel level, std::string_view text) override;
  void phase(const char* step) override;

  /// A phase of the scenario begins now: counting starts at zero.
  void begin_phase();
  /// Ends the phase of the scenario and returns what was counted since begin_phase().
  KernelPhase end_phase();

 private:
  /// Part of the kernel that is busy; decides where cycles, allocations and zeroing are counted.
  enum class Work : uint8_t { kPopulate, kDirectMap, kStructPages, kOther };
  /// By step, unless the function says more: vmemmap functions run within steps that do other things as well.
  static Work work_of_step(std::string_view step);
  static Work work_of(std::string_view function, Work work_of_step);

  /// Attributes the time since the last event to `function`; what it works on is in `work_` then.
  FunctionTime& attribute(EventStamp now, const char* function);
  void add_work_cycles(uint64_t cycles);
  bool in_vmemmap(VirtAddr va) const { return va >= vmemmap_base_ && va - vmemmap_base_ < vmemmap_bytes_; }

  EventClock clock_;
  VirtAddr vmemmap_base_;
  uint64_t vmemmap_bytes_;
  EventLog* log_;
  Timeline* timeline_;

  Work step_work_ = Work::kPopulate;
  Work work_ = Work::kPopulate;  // of the function that reported last
  const char* step_ = "";        // of the kernel, static storage
  uint64_t last_cycle_ = 0;
  KernelTotals totals_;
  std::vector<FunctionTime> functions_;
  std::map<const char*, size_t> by_pointer_;  // names have static storage: mostly one pointer for each
  std::map<std::string_view, size_t> by_name_;
};

}  // namespace mmusim
