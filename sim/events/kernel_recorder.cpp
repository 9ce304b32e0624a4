// SPDX-License-Identifier: MIT
#include "sim/events/kernel_recorder.h"

#include <algorithm>
#include <iterator>

#include "models/x86/paging.h"
#include "sim/events/event_log.h"
#include "sim/events/timeline.h"

namespace mmusim {

namespace {

/// Does the entry point to a lower table?
bool points_to_table(unsigned level, uint64_t value) {
  return level > 1 && (value & pte::kPresent) != 0 && (value & pte::kPageSize) == 0;
}

}  // namespace

KernelRecorder::KernelRecorder(EventClock clock, VirtAddr vmemmap_base, uint64_t vmemmap_bytes, EventLog* log,
                               Timeline* timeline)
    : clock_(std::move(clock)),
      vmemmap_base_(vmemmap_base),
      vmemmap_bytes_(vmemmap_bytes),
      log_(log),
      timeline_(timeline) {}

KernelRecorder::Work KernelRecorder::work_of_step(std::string_view step) {
  if (step == "init_mem_mapping") return Work::kDirectMap;
  if (step == "memmap_init" || step == "online" || step == "deferred_init_memmap") return Work::kStructPages;
  static constexpr std::string_view kOthers[] = {
      "memblock_free_all", "register_page_bootmem_info", "set_memory", "page_fault", "mprotect", "madvise", "munmap"};
  return std::find(std::begin(kOthers), std::end(kOthers), step) == std::end(kOthers) ? Work::kPopulate : Work::kOther;
}

KernelRecorder::Work KernelRecorder::work_of(std::string_view function, Work work_of_step) {
  if (function.starts_with("phys_") || function == "alloc_low_pages" || function == "kernel_physical_mapping_init") {
    return Work::kDirectMap;
  }
  if (function == "page_init_poison") return Work::kStructPages;
  // Bookkeeping of sections, and tables that were there before any step.
  static constexpr std::string_view kOthers[] = {"sparse_init",      "sparse_index_alloc", "sparse_init_nid",
                                                 "section_activate", "startup_64",         "pgd_alloc"};
  for (const std::string_view other : kOthers) {
    if (function == other) return Work::kOther;
  }
  return work_of_step;
}

void KernelRecorder::add_work_cycles(uint64_t cycles) {
  switch (work_) {
    case Work::kPopulate:
      totals_.populate_cycles += cycles;
      return;
    case Work::kDirectMap:
      totals_.direct_map_cycles += cycles;
      return;
    case Work::kStructPages:
      totals_.struct_page_cycles += cycles;
      return;
    case Work::kOther:
      return;
  }
}

FunctionTime& KernelRecorder::attribute(EventStamp now, const char* function) {
  size_t index = 0;
  if (const auto known = by_pointer_.find(function); known != by_pointer_.end()) {
    index = known->second;
  } else {
    const auto [place, added] = by_name_.try_emplace(function, functions_.size());
    index = place->second;
    by_pointer_.emplace(function, index);
    if (added) functions_.push_back({function, last_cycle_, 0, 0, 0, 0});
  }
  FunctionTime& f = functions_[index];
  // Cores differ in their local time; what another core did meanwhile is not counted twice.
  const uint64_t elapsed = now.cycle.count > last_cycle_ ? now.cycle.count - last_cycle_ : 0;
  f.cycles += elapsed;
  if (timeline_ != nullptr && elapsed != 0) timeline_->kernel_slice(now.core, function, last_cycle_, now.cycle.count);
  last_cycle_ += elapsed;
  f.last_cycle = last_cycle_;
  work_ = work_of(f.function, step_work_);
  add_work_cycles(elapsed);
  return f;
}

void KernelRecorder::entry_write(const mm::EntryWrite& e) {
  const EventStamp now = clock_();
  ++attribute(now, e.cause).entry_writes;
  if (in_vmemmap(e.va)) {
    ++totals_.entry_writes;
    const bool was_table = points_to_table(e.level, e.old_value);
    const bool is_table = points_to_table(e.level, e.new_value);
    if (is_table && !was_table) ++totals_.table_pages;
    if (was_table && !is_table) ++totals_.tables_freed;
  } else {
    ++totals_.other_entry_writes;
  }
  if (log_ != nullptr) log_->entry_write(now, e);
}

void KernelRecorder::entry_read(const mm::EntryRead& e) {
  const EventStamp now = clock_();
  attribute(now, e.cause);
  ++totals_.entry_reads;
  if (log_ != nullptr) log_->entry_read(now, e);
}

void KernelRecorder::alloc(const mm::AllocEvent& e) {
  const EventStamp now = clock_();
  attribute(now, e.cause);
  // Pieces of the sparse buffer were counted when the buffer was allocated.
  if (work_ == Work::kPopulate && e.source != mm::AllocSource::kSparseBuffer) totals_.bytes_allocated += e.bytes;
  if (log_ != nullptr) log_->alloc(now, e);
}

void KernelRecorder::free(const mm::AllocEvent& e) {
  const EventStamp now = clock_();
  attribute(now, e.cause);
  if (log_ != nullptr) log_->free(now, e);
}

void KernelRecorder::fill(const mm::FillEvent& e) {
  const EventStamp now = clock_();
  FunctionTime& f = attribute(now, e.cause);
  if (e.value == 0) {
    f.bytes_zeroed += e.bytes;
    if (work_ == Work::kPopulate) totals_.bytes_zeroed += e.bytes;
  }
  if (log_ != nullptr) log_->fill(now, e);
}

void KernelRecorder::flush(const mm::FlushEvent& e) {
  const EventStamp now = clock_();
  if (e.cpu == e.initiator) {
    attribute(now, e.cause);
    ++totals_.flushes;
  }
  totals_.shootdowns.add(e);
  if (log_ != nullptr) log_->flush(now, e);
}

void KernelRecorder::interrupts(const mm::CallInterrupts& e) {
  totals_.shootdowns.add(e);
  if (timeline_ != nullptr) timeline_->interrupts_sent(e.from, e.targets.size());
}

void KernelRecorder::ipi(const mm::IpiEvent& e) {
  ++totals_.shootdowns.ipis_received;
  if (log_ == nullptr && timeline_ == nullptr) return;
  const EventStamp now = clock_();
  if (timeline_ != nullptr) {
    const mm::CallDelivery& d = e.delivery;
    timeline_->interrupt_handled(d.from, e.to, d.sent, d.handled, now.cycle.count);
  }
  if (log_ != nullptr) log_->ipi(now, e);
}

void KernelRecorder::call(const mm::CallEvent& e) {
  if (log_ != nullptr) log_->call(clock_(), e);
}

void KernelRecorder::log(mm::LogLevel level, std::string_view text) {
  if (log_ != nullptr) log_->kernel_log(clock_(), level, text);
}

void KernelRecorder::phase(const char* step) {
  const EventStamp now = clock_();
  if (now.cycle.count > last_cycle_) attribute(now, *step_ == '\0' ? "(before the first step)" : step_);
  step_work_ = work_of_step(step);
  step_ = step;
  if (log_ != nullptr) log_->step(now, step);
}

void KernelRecorder::begin_phase() {
  totals_ = {};
  functions_.clear();
  by_pointer_.clear();
  by_name_.clear();
  step_work_ = Work::kPopulate;
  step_ = "";
  last_cycle_ = clock_().cycle.count;
}

KernelPhase KernelRecorder::end_phase() {
  const EventStamp now = clock_();
  // A phase without kernel events ran only a workload: attribute no time to kernel functions.
  const bool kernel_ran = !functions_.empty() || *step_ != '\0';
  if (kernel_ran && now.cycle.count > last_cycle_) attribute(now, *step_ == '\0' ? "(rest of the phase)" : step_);
  return {totals_, functions_};
}

}  // namespace mmusim
