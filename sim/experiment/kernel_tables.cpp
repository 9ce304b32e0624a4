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

KernelTables::KernelTables(const std::string& path, const ScenarioOverrides& overrides, const std::string& cr3)
    : cr3_(cr3) {
  if (!is_page_table_image(path)) {
    if (!cr3.empty())
      throw InputError(fmt::format("{}: --cr3 is of an image or crash dump: a scenario has its own", path));
    scenario_ = load_scenario(path, overrides);
    return;
  }
  if (overrides.variant) throw InputError(fmt::format("{}: a page-table image, which has no --variant", path));
  image_ = path;
}

PlatformConfig KernelTables::platform() const { return scenario_platform(scenario_); }

std::string KernelTables::configuration() const {
  if (image_.empty()) return scenario_.effective;
  nlohmann::json json = {{"image", image_}};
  if (!cr3_.empty()) json["cr3"] = cr3_;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ControlState KernelTables::build(PhysMem& memory, const ProcessorTraits& traits) const {
  if (!image_.empty()) return load_page_table_image(image_, memory, parse_root_choice(cr3_)).control;
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
