// SPDX-License-Identifier: MIT
#include "sim/scenario/runner.h"

#include <algorithm>
#include <map>

#include "mm/kernel.h"
#include "sim/output/event_log.h"
#include "sim/output/kernel_recorder.h"
#include "sim/output/signals.h"
#include "sim/output/timeline.h"
#include "sim/scenario/kernel_phases.h"
#include "sim/scenario/machine_counts.h"
#include "sim/scenario/random.h"

namespace mmusim {

namespace {

/// Keeps the kernel's log beside what the recorder does with it.
class LoggingRecorder final : public mm::Observer {
 public:
  LoggingRecorder(KernelRecorder& recorder, std::string& log) : recorder_(recorder), log_(log) {}

  uint32_t mask() const override { return recorder_.mask() | mm::kLogLines; }
  void entry_write(const mm::EntryWrite& e) override { recorder_.entry_write(e); }
  void entry_read(const mm::EntryRead& e) override { recorder_.entry_read(e); }
  void alloc(const mm::AllocEvent& e) override { recorder_.alloc(e); }
  void free(const mm::AllocEvent& e) override { recorder_.free(e); }
  void fill(const mm::FillEvent& e) override { recorder_.fill(e); }
  void flush(const mm::FlushEvent& e) override { recorder_.flush(e); }
  void phase(const char* step) override { recorder_.phase(step); }
  void log(mm::LogLevel level, std::string_view text) override {
    recorder_.log(level, text);
    log_ += text;
    log_ += '\n';
  }

 private:
  KernelRecorder& recorder_;
  std::string& log_;
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
        observer_(recorder_, result_.kernel_log),
        kernel_(scenario.kernel, scenario.memory, host.kernel_memory(), &observer_),
        calls_(kernel_, host.kernel_memory()) {}

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
    result_.summary.misses_over_time = course_.slices();
    result_.summary.counters = host_.counters();
    result_.summary.perf_counters = host_.perf_counters();
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
    recorder_.begin_phase();
    before_ = host_.totals();
    try {
      execute(index, phase);
    } catch (const Interrupted&) {
      result_.summary.interrupted = true;
    }
    recorder_.end_phase(summary);
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
    mm::Errno got = mm::Errno::kSuccess;
    host_.run_kernel(phase.timed ? Timing::kTimed : Timing::kUntimed, [&] { got = calls_.run(phase); });
    if (got != phase.expect) {
      result_.failure = fmt::format("phase {} ({}, stage \"{}\") returned {}, expected {}", index, phase.name,
                                    phase.stage, mm::name_of(got), mm::name_of(phase.expect));
    }
  }

  /// Stages may have several phases; the summary tells them apart.
  std::string unique_label(const std::string& stage) {
    const unsigned n = ++labels_[stage];
    return n == 1 ? stage : fmt::format("{}#{}", stage, n);
  }

  WorkloadContext context(size_t index) const {
    WorkloadContext c;
    c.vmemmap_base = layout_.vmemmap_base();
    c.page_offset_base = layout_.page_offset_base();
    c.struct_page_bytes = layout_.struct_page_bytes();
    c.memory = scenario_.memory.memory;
    std::sort(c.memory.begin(), c.memory.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
    c.seed = derived_seed(scenario_.seed, index + 1);
    return c;
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
  MissCourse course_;
  std::map<std::string, unsigned> labels_;
};

}  // namespace

RunResult run_scenario(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs) {
  return Run(scenario, host, outputs).all();
}

}  // namespace mmusim
