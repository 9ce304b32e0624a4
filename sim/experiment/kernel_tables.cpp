// SPDX-License-Identifier: MIT
#include "sim/experiment/kernel_tables.h"

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/recorded/page_table_image.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/untimed_host.h"

namespace mmusim {

KernelTables::KernelTables(const std::string& path, const ScenarioOverrides& overrides) {
  if (!is_page_table_image(path)) {
    scenario_ = load_scenario(path, overrides);
    return;
  }
  if (overrides.variant || !overrides.sets.empty()) {
    throw InputError(fmt::format("{}: --variant and --set change a scenario, this is a page-table image", path));
  }
  image_ = path;
}

PlatformConfig KernelTables::platform(const std::string& fallback) const {
  return image_.empty() ? scenario_platform(scenario_) : load_platform(fallback);
}

std::string KernelTables::configuration() const {
  return image_.empty()
             ? scenario_.effective
             : nlohmann::json{{"image", image_}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ControlState KernelTables::build(PhysMem& memory, const ProcessorTraits& traits) const {
  if (!image_.empty()) return load_page_table_image(image_, memory).control;
  UntimedHost host(scenario_, memory, UntimedTarget::Accesses::kLeftOut);
  const RunResult result = run_scenario(scenario_, host, RunOutputs{});
  if (!result.failure.empty()) throw JobError(fmt::format("{}: {}", scenario_.file, result.failure));
  ControlRegisters registers;
  registers.cr3 = host.root().raw();
  registers.cr4 |= scenario_.kernel.levels == 5 ? kCr4La57 : 0;
  registers.cr4 |= scenario_.kernel.cpu.pge ? kCr4Pge : 0;
  return {registers, traits};
}

}  // namespace mmusim
