// SPDX-License-Identifier: MIT
#include "sim/scenario/machine_host.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/dram/address_map.h"
#include "models/x86/paging.h"
#include "sim/machine/programs.h"

namespace mmusim {

namespace {

void check_workers(const Scenario& scenario, const PlatformConfig& platform, ConfigErrors& errors) {
  for (size_t i = 0; i < scenario.phases.size(); ++i) {
    const auto& beside = scenario.phases[i].beside;
    if (beside && beside->cores && *beside->cores >= platform.cores) {
      errors.add(fmt::format("/phases/{}/beside/cores", i),
                 fmt::format("{} cores beside the first one on platform {}, which has {} (/platform/cores)",
                             *beside->cores, platform.name, platform.cores));
    }
    const auto* process = std::get_if<ProcessPhase>(&scenario.phases[i].what);
    if (process != nullptr && !process->asleep && !beside && scenario.phases[i].timed && platform.cores > 1) {
      errors.add(fmt::format("/phases/{}", i),
                 fmt::format("expected \"beside\", what the threads on the other {} cores do, or \"asleep\": true",
                             platform.cores - 1));
    }
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
  const uint64_t offset = scenario.virtualization.guest() ? scenario.virtualization.host_offset : 0;
  if (end <= capacity && end + offset > capacity) {
    errors.add(
        "/virtualization/host_offset",
        fmt::format("guest memory up to 0x{:x} ends at 0x{:x} of the host, but the DRAM of platform {} at 0x{:x}", end,
                    end + offset, platform.name, capacity));
  }
  if (end > capacity) {
    errors.add("/memory/ranges", fmt::format("memory up to 0x{:x}, but the DRAM of platform {} ends at 0x{:x}", end,
                                             platform.name, capacity));
  }
}

}  // namespace

PlatformConfig scenario_platform(const Scenario& scenario) {
  ConfigErrors errors(scenario.file);
  const nlohmann::json values = nlohmann::json::parse(scenario.platform);
  const PlatformConfig platform = read_platform(ConfigReader(values, "/platform", errors));
  if (errors.empty()) check_machine(scenario, platform, errors);
  errors.throw_if_any();
  return platform;
}

namespace {

MachineOptions with_guest(MachineOptions options, const VirtualizationConfig& virtualization) {
  options.virtualization = virtualization;
  return options;
}

}  // namespace

MachineHost::MachineHost(Simulation& simulation, const Scenario& scenario, const PlatformConfig& platform,
                         MachineOptions options)
    : simulation_(simulation),
      machine_("machine", platform, with_guest(options, scenario.virtualization)),
      kernel_memory_(machine_, layout_of(scenario), scenario.kernel.cpu.pge,
                     scenario.kernel.idle_loop == mm::IdleLoop::kPoll) {}

void MachineHost::run_kernel(Timing timing, const std::function<void()>& code) {
  if (timing == Timing::kUntimed) return code();
  run_kernel_on(1, [&](unsigned) { code(); });
}

std::vector<MachineTotals> MachineHost::totals_by_core() const {
  std::vector<MachineTotals> totals;
  for (unsigned i = 0; machine_.cores() > 1 && i < machine_.cores(); ++i) totals.push_back(machine_.totals(i));
  return totals;
}

EventStamp MachineHost::stamp() const {
  if (machine_.cores() == 1 || !machine_.running()) return stamp_of(target_);
  const unsigned core = machine_.running_core();
  return {machine_.core(core).now(), core, machine_.core(core).accesses_begun()};
}

/// Runs a body on each of the first cores; the other cores idle, and take interrupts, as do those that are done before
/// the others.
void MachineHost::run_all(std::vector<std::function<void(Core&)>> bodies) {
  SimulatedCpus& cpus = kernel_memory_.simulated_cpus();
  std::vector<CallProgram> programs;
  for (const auto& body : bodies) {
    programs.emplace_back([&cpus, &body](Core& core) {
      if (!cpus.timed()) return body(core);
      try {
        body(core);
      } catch (const sc_core::sc_unwind_exception&) {
        throw;  // the simulation ends
      } catch (...) {
        cpus.abandon();
        throw;
      }
      cpus.leave();
    });
  }
  if (cpus.timed()) {
    for (size_t i = bodies.size(); i < machine_.cores(); ++i) {
      programs.emplace_back([&cpus](Core&) { cpus.stay_idle(); });
    }
  }
  std::vector<Program*> pointers;
  for (CallProgram& program : programs) pointers.push_back(&program);
  try {
    simulation_.run(machine_, pointers);
  } catch (...) {
    kernel_memory_.use(Timing::kUntimed);
    throw;
  }
  kernel_memory_.use(Timing::kUntimed);
}

void MachineHost::run_kernel_on(unsigned cores, const std::function<void(unsigned core)>& code) {
  kernel_memory_.use_cores(cores);
  std::vector<std::function<void(Core&)>> bodies;
  for (unsigned i = 0; i < cores; ++i) bodies.emplace_back([&code, i](Core&) { code(i); });
  run_all(std::move(bodies));
}

void MachineHost::run_beside(const std::function<void()>& code, const std::vector<AccessFeed>& feeds) {
  if (machine_.cores() == 1) return run_kernel(Timing::kTimed, code);
  constexpr size_t kPiece = 64;  // accesses between two looks at whether the kernel is done
  SimulatedCpus& cpus = kernel_memory_.simulated_cpus();
  std::vector<char> stopped(feeds.size(), 0);
  kernel_memory_.use_cores(static_cast<unsigned>(feeds.size()) + 1, /*kernel_code=*/false);
  std::vector<std::function<void(Core&)>> bodies;
  bodies.emplace_back([&](Core&) {
    code();
    for (unsigned i = 0; i < feeds.size(); ++i) cpus.tell(i + 1, [&stopped, i] { stopped[i] = 1; });
  });
  for (size_t i = 0; i < feeds.size(); ++i) {
    bodies.emplace_back([&, i](Core& core) {
      std::vector<MemAccess> batch;
      while (stopped[i] == 0 && !cpus.abandoned()) {
        feeds[i](batch);
        std::span<const MemAccess> left = batch;
        while (!left.empty() && stopped[i] == 0 && !cpus.abandoned()) {
          core.execute(left.first(std::min(kPiece, left.size())));
          left = left.subspan(std::min(kPiece, left.size()));
        }
        core.drain();
      }
    });
  }
  run_all(std::move(bodies));
}

}  // namespace mmusim
