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
  const nlohmann::json json = nlohmann::json::parse(scenario.platform);
  const PlatformConfig platform = read_platform(ConfigReader(json, "/platform", errors));
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
      kernel_memory_(machine_, layout_of(scenario), scenario.kernel.cpu.pge) {}

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
    simulation_.run(machine_, pointers);
  } catch (...) {
    kernel_memory_.use(Timing::kUntimed);
    throw;
  }
  kernel_memory_.use(Timing::kUntimed);
}

}  // namespace mmusim
