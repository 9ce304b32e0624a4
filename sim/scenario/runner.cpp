// SPDX-License-Identifier: MIT
#include "sim/scenario/runner.h"

#include <algorithm>
#include <map>

#include "mm/kernel.h"
#include "sim/events/kernel_recorder.h"
#include "sim/host/interrupts.h"
#include "sim/replay/measure.h"
#include "sim/replay/trace_player.h"
#include "sim/report/misses_over_time.h"
#include "sim/scenario/kernel_phases.h"
#include "sim/scenario/simulated_cpus.h"
#include "sim/scenario/streams.h"
#include "sim/workloads/random.h"

namespace mmusim {

namespace {

/// Passes the kernel's acts on to the target's checker, the recorder and another observer, and keeps the kernel's log.
class KernelActs final : public mm::Observer {
 public:
  KernelActs(Target& target, KernelRecorder& recorder, mm::Observer* other, std::string& log)
      : target_(target), observers_{&recorder}, log_(log) {
    if (other != nullptr) observers_.push_back(other);
  }

  uint32_t mask() const override { return mm::kAllEvents; }
  void entry_write(const mm::EntryWrite& e) override {
    if ((e.old_value & pte::kPresent) != 0) target_.entry_changed(e.va, e.bytes);
    for (mm::Observer* o : observers_) o->entry_write(e);
  }
  void entry_read(const mm::EntryRead& e) override {
    for (mm::Observer* o : observers_) o->entry_read(e);
  }
  void alloc(const mm::AllocEvent& e) override {
    for (mm::Observer* o : observers_) o->alloc(e);
  }
  void free(const mm::AllocEvent& e) override {
    for (mm::Observer* o : observers_) o->free(e);
  }
  void fill(const mm::FillEvent& e) override {
    for (mm::Observer* o : observers_) o->fill(e);
  }
  void flush(const mm::FlushEvent& e) override {
    for (mm::Observer* o : observers_) o->flush(e);
  }
  void call(const mm::CallEvent& e) override {
    for (mm::Observer* o : observers_) o->call(e);
  }
  void interrupts(const mm::CallInterrupts& e) override {
    for (mm::Observer* o : observers_) o->interrupts(e);
  }
  void ipi(const mm::IpiEvent& e) override {
    for (mm::Observer* o : observers_) o->ipi(e);
  }
  void phase(const char* step) override {
    for (mm::Observer* o : observers_) o->phase(step);
  }
  void log(mm::LogLevel level, std::string_view text) override {
    for (mm::Observer* o : observers_) o->log(level, text);
    log_ += text;
    log_ += '\n';
  }

 private:
  Target& target_;
  std::vector<mm::Observer*> observers_;
  std::string& log_;
};

class Run {
 public:
  Run(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs)
      : scenario_(scenario),
        host_(host),
        target_(host.target()),
        outputs_(outputs),
        layout_(layout_of(scenario)),
        recorder_([this] { return host_.stamp(); }, layout_.vmemmap_base(), layout_.vmemmap_bytes(), outputs.events,
                  outputs.timeline),
        acts_(target_, recorder_, outputs.kernel, result_.kernel_log),
        kernel_(scenario.kernel, scenario.memory, host.kernel_memory(), &acts_),
        calls_(kernel_, scenario.phases) {}

  RunResult all() {
    result_.summary.command = "run";
    result_.summary.name = scenario_.name;
    result_.summary.configuration = scenario_.effective;
    result_.summary.seed = scenario_.seed;
    result_.summary.core_ghz = target_.core_ghz();
    for (size_t i = 0; i < scenario_.phases.size() && result_.failure.empty(); ++i) {
      phase(i);
      if (result_.summary.interrupted) break;
      const bool last_of_stage =
          i + 1 == scenario_.phases.size() || scenario_.phases[i + 1].stage != scenario_.phases[i].stage;
      if (last_of_stage && outputs_.tables) {
        outputs_.tables({scenario_.phases[i].stage, layout_.levels(), kernel_.vmemmap_tables(target_.memory())});
      }
    }
    result_.summary.totals = target_.totals();
    const mm::MemoryCounts counts = kernel_.counts();
    result_.summary.memmap_bytes = {counts.vmemmap_blocks_pages * kPageBytes, counts.vmemmap_table_pages * kPageBytes};
    result_.summary.misses_over_time = course_.slices();
    result_.summary.counters = target_.stats();
    result_.summary.counter_names = target_.counter_names();
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
    summary.begin = target_.now();
    if (outputs_.phase) outputs_.phase({summary.begin, phase.stage, phase.name});
    recorder_.begin_phase();
    host_.clear_interrupt_costs();
    const MachineTotals before = target_.totals();
    const std::vector<MachineTotals> cores_before = host_.totals_by_core();
    std::optional<MachineTotals> measured;
    try {
      measured = execute(index, phase);
    } catch (const Interrupted&) {
      result_.summary.interrupted = true;
    }
    KernelPhase kernel = recorder_.end_phase();
    summary.kernel = kernel.totals;
    summary.functions = std::move(kernel.functions);
    course_.sample(target_.totals());
    summary.end = target_.now();
    summary.machine = measured ? *measured : difference(target_.totals(), before);
    if (const SimulatedCpus* cpus = host_.simulated_cpus(); cpus != nullptr && !cores_before.empty()) {
      summary.kernel.shootdowns.cpus = host_.cores();
      summary.kernel.shootdowns.wait_cycles = cpus->wait_cycles();
      const std::vector<MachineTotals> after = host_.totals_by_core();
      for (size_t i = 0; i < after.size(); ++i) {
        summary.kernel.shootdowns.interrupt_cycles += cpus->costs()[i].cycles;
        summary.cores.push_back(
            {difference(after[i], cores_before[i]), cpus->costs()[i].interrupts, cpus->costs()[i].cycles});
      }
    }
    result_.summary.kernel.merge(summary.kernel);
    result_.summary.phases.push_back(std::move(summary));
  }

  /// Carries out a phase. Returns what was measured, if it is not all of the phase.
  std::optional<MachineTotals> execute(size_t index, const Phase& phase) {
    if (const auto* workload = std::get_if<WorkloadPhase>(&phase.what)) return run_workload(*workload, index);
    if (const auto* replay = std::get_if<ReplayPhase>(&phase.what)) return run_replay(*replay);
    if (const auto* deferred = std::get_if<DeferredInitPhase>(&phase.what)) {
      run_deferred_init(*deferred, phase.timed);
      return std::nullopt;
    }
    const mm::Errno got = call_kernel(index, phase);
    if (got != phase.expect) {
      const char* expected = mm::ok(phase.expect) ? "success" : mm::name_of(phase.expect);
      result_.failure = fmt::format("phase {} ({}, stage \"{}\") returned {}, expected {}", index, phase.name,
                                    phase.stage, mm::name_of(got), expected);
    }
    return std::nullopt;
  }

  mm::Errno call_kernel(size_t index, const Phase& phase) {
    mm::Errno got = mm::Errno::kSuccess;
    if (const auto* process = std::get_if<ProcessPhase>(&phase.what)) {
      host_.run_kernel(Timing::kUntimed, [&] { got = calls_.prepare(*process, threads_of(phase)); });
      if (!mm::ok(got)) return got;
    }
    const auto code = [&] { got = calls_.run(phase); };
    if (phase.timed && phase.beside) {
      run_beside(*phase.beside, index, code);
    } else {
      host_.run_kernel(phase.timed ? Timing::kTimed : Timing::kUntimed, code);
    }
    return got;
  }

  /// Threads of a process: one for each core, or for the first and those beside it.
  unsigned threads_of(const Phase& phase) const {
    const bool some = phase.timed && phase.beside && phase.beside->cores;
    const mm::Cpus* cpus = host_.kernel_memory().cpus();
    return some ? *phase.beside->cores + 1 : cpus == nullptr ? 1 : cpus->online();
  }

  /// Kernel code while other cores run a workload, which begins again when it ends.
  void run_beside(const Beside& beside, size_t index, const std::function<void()>& code) {
    const unsigned cores = beside.cores.value_or(host_.cores() - 1);
    std::vector<std::unique_ptr<Workload>> running(cores);
    std::vector<AccessFeed> feeds;
    for (unsigned i = 0; i < cores; ++i) {
      WorkloadContext own = context(index);
      own.seed = derived_seed(own.seed, i + 1);
      feeds.emplace_back([&beside, own, &workload = running[i]](std::vector<MemAccess>& batch) {
        if (workload && workload->next(batch) && !batch.empty()) return;
        workload = beside.plan(own);
        if (!workload->next(batch) || batch.empty()) throw JobError("the workload beside the kernel makes no access");
      });
    }
    host_.run_beside(code, feeds);
  }

  MachineTotals run_workload(const WorkloadPhase& workload, size_t index) {
    if (!target_.can_execute()) return {};
    const auto accesses = workload.plan(context(index));
    WorkloadStream stream(*accesses);
    TraceWindowConfig window;
    window.warmup = workload.warmup;
    window.limit = workload.limit;
    MeasureCalls calls;
    calls.play = [this](const TraceBatch& piece) { target_.execute(piece.accesses); };
    calls.sample_by_part = true;
    return measured(stream, window, calls);
  }

  /// Replays recorded accesses on the scenario's page tables. Ignores translations recorded in the trace, but executes
  /// its flushes.
  MachineTotals run_replay(const ReplayPhase& replay) {
    if (!target_.can_execute()) return {};
    TraceOptions options;
    options.keep_fetches = replay.fetches;
    const auto reader = open_trace(replay.trace, options);
    TraceStream stream(*reader);
    TracePlayer player(target_, nullptr, {.flushes = FlushPolicy::kAll});
    MeasureCalls calls;
    calls.play = [&player](const TraceBatch& piece) { player.play(piece); };
    return measured(stream, replay.window, calls);
  }

  MachineTotals measured(AccessStream& stream, const TraceWindowConfig& window, MeasureCalls& calls) {
    calls.stop = interrupt_requested;
    calls.sample = [this](const MachineTotals*) { course_.sample(target_.totals()); };
    const Measured result = measure(target_, stream, window, calls);
    result_.summary.interrupted = result.stopped;
    return result.totals;
  }

  void run_deferred_init(const DeferredInitPhase& deferred, bool timed) {
    const unsigned workers = timed ? std::min(deferred.workers.value_or(host_.cores()), host_.cores()) : 1;
    const auto work = kernel_.deferred_init(workers);
    if (!timed) return host_.run_kernel(Timing::kUntimed, [&] { work->work(0); });
    host_.run_kernel_on(workers, [&](unsigned core) { work->work(core); });
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
  Target& target_;
  RunOutputs outputs_;
  mm::Layout layout_;
  RunResult result_;
  KernelRecorder recorder_;
  KernelActs acts_;
  mm::Kernel kernel_;
  KernelPhases calls_;
  MissesOverTime course_;
  std::map<std::string, unsigned> labels_;
};

}  // namespace

RunResult run_scenario(const Scenario& scenario, ScenarioHost& host, const RunOutputs& outputs) {
  return Run(scenario, host, outputs).all();
}

}  // namespace mmusim
