// SPDX-License-Identifier: MIT
#include "sim/scenario/runner.h"

#include <algorithm>
#include <map>

#include "mm/kernel.h"
#include "sim/events/event_log.h"
#include "sim/events/kernel_recorder.h"
#include "sim/events/timeline.h"
#include "sim/events/vcd.h"
#include "sim/host/interrupts.h"
#include "sim/report/misses_over_time.h"
#include "sim/scenario/kernel_phases.h"
#include "sim/scenario/run_recorder.h"
#include "sim/workloads/random.h"

namespace mmusim {

namespace {

/// Keeps the kernel's log, tells the host of entries, and what makes page tables to the trace, beside what the recorder
/// does.
class LoggingRecorder final : public mm::Observer {
 public:
  LoggingRecorder(KernelRecorder& recorder, ScenarioHost& host, std::string& log, RunRecorder* trace)
      : recorder_(recorder), host_(host), log_(log), trace_(trace) {}

  uint32_t mask() const override { return recorder_.mask() | mm::kLogLines; }
  void entry_write(const mm::EntryWrite& e) override {
    host_.entry_written(e);
    recorder_.entry_write(e);
    if (trace_ != nullptr) trace_->entry_write(e);
  }
  void entry_read(const mm::EntryRead& e) override { recorder_.entry_read(e); }
  void alloc(const mm::AllocEvent& e) override { recorder_.alloc(e); }
  void free(const mm::AllocEvent& e) override { recorder_.free(e); }
  void fill(const mm::FillEvent& e) override {
    recorder_.fill(e);
    if (trace_ != nullptr) trace_->fill(e);
  }
  void flush(const mm::FlushEvent& e) override { recorder_.flush(e); }
  void phase(const char* step) override { recorder_.phase(step); }
  void log(mm::LogLevel level, std::string_view text) override {
    recorder_.log(level, text);
    log_ += text;
    log_ += '\n';
  }

 private:
  KernelRecorder& recorder_;
  ScenarioHost& host_;
  std::string& log_;
  RunRecorder* trace_;
};

class Run {
 public:
  Run(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs)
      : scenario_(scenario),
        host_(host),
        outputs_(outputs),
        layout_(layout_of(scenario)),
        recorder_([&host] { return host.stamp(); }, layout_.vmemmap_base(), layout_.vmemmap_bytes(), outputs.events,
                  outputs.timeline),
        observer_(recorder_, host, result_.kernel_log, outputs.recorder),
        kernel_(scenario.kernel, scenario.memory, host.kernel_memory(), &observer_),
        calls_(kernel_, scenario.phases) {}

  RunResult all() {
    result_.summary.command = "run";
    result_.summary.name = scenario_.name;
    result_.summary.configuration = scenario_.effective;
    result_.summary.seed = scenario_.seed;
    result_.summary.core_ghz = host_.core_ghz();
    for (size_t i = 0; i < scenario_.phases.size() && result_.failure.empty(); ++i) {
      phase(i);
      if (result_.summary.interrupted) break;
      const bool last_of_stage =
          i + 1 == scenario_.phases.size() || scenario_.phases[i + 1].stage != scenario_.phases[i].stage;
      if (last_of_stage && outputs_.tables != nullptr) {
        outputs_.tables->stage({scenario_.phases[i].stage, layout_.levels(), kernel_.vmemmap_tables(host_.memory())});
      }
    }
    result_.summary.totals = host_.totals();
    const mm::MemoryCounts counts = kernel_.counts();
    result_.summary.memmap_bytes = {counts.vmemmap_blocks_pages * kPageBytes, counts.vmemmap_table_pages * kPageBytes};
    result_.summary.misses_over_time = course_.slices();
    result_.summary.counters = host_.counters();
    result_.summary.counter_names = host_.counter_names();
    return std::move(result_);
  }

 private:
  void phase(size_t index) {
    const Phase& phase = scenario_.phases[index];
    PhaseSummary summary;
    summary.stage = unique_label(phase.stage);
    summary.name = phase.name;
    summary.timed = phase.timed;
    summary.workload =
        std::holds_alternative<WorkloadPhase>(phase.what) || std::holds_alternative<ReplayPhase>(phase.what);
    summary.begin = host_.stamp().cycle;
    const PhaseEvent event{summary.begin, phase.stage, phase.name};
    if (outputs_.events != nullptr) outputs_.events->phase(event);
    if (outputs_.timeline != nullptr) outputs_.timeline->phase(event);
    if (outputs_.signals != nullptr) outputs_.signals->phase(event);
    if (outputs_.recorder != nullptr) outputs_.recorder->phase(event);
    recorder_.begin_phase();
    before_ = host_.totals();
    try {
      execute(index, phase);
    } catch (const Interrupted&) {
      result_.summary.interrupted = true;
    }
    KernelPhase kernel = recorder_.end_phase();
    summary.kernel = kernel.totals;
    summary.functions = std::move(kernel.functions);
    course_.sample(host_.totals());
    summary.end = host_.stamp().cycle;
    summary.machine = difference(host_.totals(), before_);
    result_.summary.kernel.merge(summary.kernel);
    result_.summary.phases.push_back(std::move(summary));
  }

  void execute(size_t index, const Phase& phase) {
    const RunHooks hooks{.measured = [this] { before_ = host_.totals(); },
                         .sample = [this] { course_.sample(host_.totals()); }};
    if (const auto* workload = std::get_if<WorkloadPhase>(&phase.what)) {
      const auto stream = workload->plan(context(index));
      return host_.run_workload(*stream, {workload->warmup, workload->limit}, hooks);
    }
    if (const auto* replay = std::get_if<ReplayPhase>(&phase.what)) return host_.replay(*replay, hooks);
    if (const auto* deferred = std::get_if<DeferredInitPhase>(&phase.what)) {
      const unsigned workers = phase.timed ? std::min(deferred->workers.value_or(host_.cores()), host_.cores()) : 1;
      const auto work = kernel_.deferred_init(workers);
      if (!phase.timed) return host_.run_kernel(Timing::kUntimed, [&] { work->work(0); });
      return host_.run_kernel_on(workers, [&](unsigned core) { work->work(core); });
    }
    mm::Errno got = mm::Errno::kSuccess;
    host_.run_kernel(phase.timed ? Timing::kTimed : Timing::kUntimed, [&] { got = calls_.run(phase); });
    if (got != phase.expect) {
      const char* expected = mm::ok(phase.expect) ? "success" : mm::name_of(phase.expect);
      result_.failure = fmt::format("phase {} ({}, stage \"{}\") returned {}, expected {}", index, phase.name,
                                    phase.stage, mm::name_of(got), expected);
    }
  }

  /// Stages may have several phases; the summary tells them apart.
  std::string unique_label(const std::string& stage) {
    const unsigned n = ++labels_[stage];
    return n == 1 ? stage : fmt::format("{}#{}", stage, n);
  }

  WorkloadContext context(size_t index) {
    WorkloadContext c;
    c.vmemmap_base = layout_.vmemmap_base();
    c.page_offset_base = layout_.page_offset_base();
    c.struct_page_bytes = layout_.struct_page_bytes();
    c.memory = workload_memory();
    for (const mm::MemoryRange& r : c.memory) {
      const uint64_t end = (r.end.raw - 1) / mm::kPagesPerSection + 1;
      if (c.sections.size() < end) c.sections.resize(end);
      for (uint64_t s = r.start.raw / mm::kPagesPerSection; s < end; ++s) c.sections[s] = section_words(s);
    }
    c.seed = derived_seed(scenario_.seed, index + 1);
    return c;
  }

  /// Boot memory without the pages of HugeTLB folios, ascending.
  std::vector<mm::MemoryRange> workload_memory() const {
    std::vector<mm::MemoryRange> boot = scenario_.memory.memory;
    std::sort(boot.begin(), boot.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
    const std::vector<mm::Folio> folios = kernel_.hugetlb_folios();
    std::vector<mm::MemoryRange> left;
    auto folio = folios.begin();
    for (mm::MemoryRange r : boot) {
      for (; folio != folios.end() && folio->head < r.end; ++folio) {
        const Pfn end = folio->head + (uint64_t{1} << folio->order);
        if (end <= r.start) continue;
        if (r.start < folio->head) left.push_back({r.start, folio->head, r.node});
        r.start = std::min(end, r.end);
        if (end > r.end) break;  // it goes on in the next range
      }
      if (r.start < r.end) left.push_back(r);
    }
    return left;
  }

  std::optional<SectionWords> section_words(uint64_t section) {
    const auto entry = kernel_.section_entry(section);
    const auto map = kernel_.subsection_map_address(section);
    if (!entry || !map) return std::nullopt;
    return SectionWords{*entry, *entry + 8, *map};
  }

  const Scenario& scenario_;
  ScenarioHost& host_;
  RunOutputs outputs_;
  mm::Layout layout_;
  RunResult result_;
  KernelRecorder recorder_;
  LoggingRecorder observer_;
  mm::Kernel kernel_;
  KernelPhases calls_;
  MachineTotals before_;  // the machine's counts when the phase, or its measured part, began
  MissesOverTime course_;
  std::map<std::string, unsigned> labels_;
};

}  // namespace

RunResult run_scenario(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs) {
  return Run(scenario, host, outputs).all();
}

}  // namespace mmusim
