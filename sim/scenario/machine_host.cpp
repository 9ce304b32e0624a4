// SPDX-License-Identifier: MIT
#include "sim/scenario/machine_host.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/dram/address_map.h"
#include "models/x86/paging.h"
#include "sim/host/interrupts.h"
#include "sim/host/progress.h"
#include "sim/host/watchdog.h"
#include "sim/machine/programs.h"
#include "sim/replay/trace_player.h"
#include "sim/trace/trace_reader.h"

namespace mmusim {

namespace {

constexpr unsigned kSampleBatches = 16;

void poll_interrupt() {
  if (interrupt_requested()) throw Interrupted{};
}

/// Hands a workload's accesses out in pieces of chosen length.
class WorkloadCursor {
 public:
  explicit WorkloadCursor(Workload& workload) : workload_(workload) {}
  /// The next accesses, at most `most`; empty at the end.
  std::span<const MemAccess> next(uint64_t most) {
    if (at_ == batch_.size()) {
      at_ = 0;
      if (!workload_.next(batch_)) batch_.clear();
    }
    const auto n = static_cast<size_t>(std::min<uint64_t>(most, batch_.size() - at_));
    const std::span<const MemAccess> piece(batch_.data() + at_, n);
    at_ += n;
    return piece;
  }

 private:
  Workload& workload_;
  std::vector<MemAccess> batch_;
  size_t at_ = 0;
};

void check_workers(const Scenario& scenario, const PlatformConfig& platform, ConfigErrors& errors) {
  for (size_t i = 0; i < scenario.phases.size(); ++i) {
    const auto* p = std::get_if<DeferredInitPhase>(&scenario.phases[i].what);
    if (p == nullptr || p->workers.value_or(1) <= platform.cores) continue;
    errors.add(fmt::format("/phases/{}/workers", i),
               fmt::format("{} workers on platform {}, which has {} cores (/platform/cores)", *p->workers,
                           platform.name, platform.cores));
  }
}

void check_machine(const Scenario& scenario, const PlatformConfig& platform, ConfigErrors& errors) {
  if (scenario.kernel.levels > platform.max_levels) {
    errors.add("/kernel/levels", fmt::format("{} levels on platform {}, whose processor has {}", scenario.kernel.levels,
                                             platform.name, platform.max_levels));
  }
  if (scenario.kernel.cpu.gbpages && !platform.processor.gib_pages) {
    errors.add("/kernel/cpu/gbpages", fmt::format("platform {} has no 1 GiB pages", platform.name));
  }
  uint64_t end = 0;
  for (const mm::MemoryRange& r : scenario.memory.memory) end = std::max(end, address_of(r.end).raw());
  for (const Phase& phase : scenario.phases) {
    if (const auto* p = std::get_if<MemoryPhase>(&phase.what)) end = std::max(end, p->start.raw() + p->bytes);
    if (const auto* p = std::get_if<DevicePhase>(&phase.what)) {
      end = std::max(end, p->device.start.raw() + p->device.bytes);
    }
  }
  check_workers(scenario, platform, errors);
  const unsigned bits = platform.processor.phys_bits;
  if (end > uint64_t{1} << bits) {
    errors.add("/memory/ranges", fmt::format("memory up to 0x{:x}, but platform {} has {} physical address bits", end,
                                             platform.name, bits));
  }
  const DramConfig& dram = platform.dram.dram;
  const uint64_t capacity = AddressMap(dram.address_map, dram.geometry).capacity_bytes();
  if (end > capacity) {
    errors.add("/memory/ranges", fmt::format("memory up to 0x{:x}, but the DRAM of platform {} ends at 0x{:x}", end,
                                             platform.name, capacity));
  }
}

}  // namespace

PlatformConfig scenario_platform(const Scenario& scenario) {
  ConfigErrors errors(scenario.file);
  const nlohmann::json json = nlohmann::json::parse(scenario.platform);
  const PlatformConfig platform = read_platform(ConfigReader(json, "/platform", errors));
  if (errors.empty()) check_machine(scenario, platform, errors);
  errors.throw_if_any();
  return platform;
}

MachineHost::MachineHost(const Scenario& scenario, const PlatformConfig& platform, MachineOptions options)
    : machine_(platform, options), kernel_memory_(machine_, layout_of(scenario), scenario.kernel.cpu.pge) {}

EventStamp MachineHost::stamp() const { return {machine_.now(), 0, machine_.core(0).accesses_begun()}; }

void MachineHost::entry_written(const mm::EntryWrite& write) {
  if (machine_.shadow() == nullptr || (write.old_value & pte::kPresent) == 0) return;
  machine_.shadow()->entry_changed(write.va, write.bytes);
}

void MachineHost::run_kernel(Timing timing, const std::function<void()>& code) {
  if (timing == Timing::kUntimed) return code();
  run_kernel_on(1, [&](unsigned) { code(); });
}

void MachineHost::run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) {
  std::vector<CallProgram> programs;
  for (unsigned i = 0; i < cores; ++i) programs.emplace_back([&code, i](Core&) { code(i); });
  std::vector<Program*> pointers;
  for (CallProgram& program : programs) pointers.push_back(&program);
  kernel_memory_.use_cores(cores);
  try {
    machine_.run(pointers);
  } catch (...) {
    kernel_memory_.use(Timing::kUntimed);
    throw;
  }
  kernel_memory_.use(Timing::kUntimed);
}

void MachineHost::run_workload(Workload& workload, const RunLimits& limits, const RunHooks& hooks) {
  CallProgram program([&](Core& core) {
    WorkloadCursor cursor(workload);
    const auto run = [&](uint64_t count) {
      for (unsigned batches = 1; count != 0; ++batches) {
        poll_interrupt();
        const auto piece = cursor.next(count);
        if (piece.empty()) return;
        core.execute(piece);
        count -= piece.size();
        if (batches % kSampleBatches == 0) hooks.sample();
      }
    };
    run(limits.warmup);
    core.drain();
    hooks.measured();
    run(limits.accesses.value_or(~uint64_t{0}));
    core.drain();
  });
  machine_.run(program);
}

/// The tables are the scenario's: what the trace tells of its own is left out, its flushes are made.
void MachineHost::replay(const ReplayPhase& replay, const RunHooks& hooks) {
  TraceOptions options;
  options.keep_fetches = replay.fetches;
  const auto reader = open_trace(replay.trace, options);
  TraceWindow window(*reader, replay.window);
  ProgressBar progress("replay", reader->bytes_total());
  TimedReplayMachine machine(machine_);
  TracePlayer player(machine, nullptr, {.flushes = FlushPolicy::kAll});
  machine.run([&] {
    TraceBatch batch;
    WindowPart part = WindowPart::kSkipped;
    bool measuring = false;
    const auto next = [&] {
      const Watchdog::Pause waiting_for_input;
      return window.next(batch, part);
    };
    for (unsigned batches = 1; next(); ++batches) {
      poll_interrupt();
      if (part == WindowPart::kMeasured && !measuring) {
        machine.drain();
        hooks.measured();
        measuring = true;
      }
      player.play(batch);
      if (batches % kSampleBatches == 0) hooks.sample();
      progress.update(reader->bytes_read());
    }
  });
}

}  // namespace mmusim
