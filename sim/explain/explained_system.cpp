// SPDX-License-Identifier: MIT
#include "sim/explain/explained_system.h"

#include <variant>

#include "models/base/format.h"
#include "sim/explain/cold.h"
#include "sim/explain/entry_writers.h"
#include "sim/explain/timed_access.h"
#include "sim/machine/simulation.h"
#include "sim/recorded/page_table_image.h"
#include "sim/scenario/guest_options.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/settings.h"

namespace mmusim {

namespace {

constexpr const char* kTeachingPlatform = "textbook";

/// The layout that the image tells, or that Linux has without address randomisation, and the recorded machine's memory.
std::optional<KernelKnowledge> knowledge_of(const PageTableImage& image) {
  if (image.randomized && !image.vmemmap_base) return std::nullopt;
  mm::KernelConfig config;
  config.levels = image.control.levels();
  config.vmemmap_base = image.vmemmap_base;
  config.page_offset_base = image.page_offset_base;
  config.struct_page_bytes = image.struct_page_bytes;
  KernelKnowledge kernel{mm::Layout(config, /*ram_bytes=*/0), {}, /*nodes_known=*/false};
  for (const GuestMemoryRange& range : image.guest_memory) {
    if (range.ram) kernel.memory.push_back({pfn_of(range.begin), pfn_of(range.end), 0});
  }
  return kernel;
}

/// The phases up to and including those of `stage`.
void cut_after(Scenario& scenario, const std::string& stage) {
  if (stage.empty()) return;
  size_t keep = 0;
  std::string stages;
  for (size_t i = 0; i < scenario.phases.size(); ++i) {
    const std::string& name = scenario.phases[i].stage;
    if (name == stage) keep = i + 1;
    if (i == 0 || name != scenario.phases[i - 1].stage) stages += (stages.empty() ? "" : ", ") + name;
  }
  if (keep == 0) throw InputError(fmt::format("{}: no stage \"{}\", expected one of {}", scenario.file, stage, stages));
  scenario.phases.resize(keep);
}

/// Memory that has struct pages after the scenario's phases.
std::vector<mm::MemoryRange> memory_after(const Scenario& scenario) {
  std::vector<mm::MemoryRange> memory = scenario.memory.memory;
  const auto range = [](PhysAddr start, uint64_t bytes, unsigned node) {
    return mm::MemoryRange{pfn_of(start), pfn_of(start + bytes), node};
  };
  const auto remove = [&](Pfn start, Pfn end) {
    std::erase_if(memory, [&](const mm::MemoryRange& r) { return r.start >= start && r.end <= end; });
  };
  for (const Phase& phase : scenario.phases) {
    if (const auto* added = std::get_if<MemoryPhase>(&phase.what)) {
      const mm::MemoryRange r = range(added->start, added->bytes, added->node);
      if (added->kind == MemoryPhase::Kind::kHotAdd) memory.push_back(r);
      if (added->kind == MemoryPhase::Kind::kHotRemove) remove(r.start, r.end);
    } else if (const auto* device = std::get_if<DevicePhase>(&phase.what)) {
      memory.push_back(range(device->device.start, device->device.bytes, device->device.node));
    } else if (const auto* gone = std::get_if<DeviceRemovePhase>(&phase.what)) {
      std::erase_if(memory, [&](const mm::MemoryRange& r) { return r.start == pfn_of(gone->start); });
    }
  }
  return memory;
}

}  // namespace

struct ExplainedSystem::Parts {
  Simulation simulation;
  std::unique_ptr<Machine> own_machine;
  std::unique_ptr<MachineHost> host;
  Machine* machine = nullptr;
  std::optional<EntryWriters> writers;
  std::optional<KernelKnowledge> kernel;
  std::vector<std::string> notes;
  bool warm = false;

  void load_image(const ExplainTarget& target) {
    if (target.overrides.variant) throw InputError("--variant: an image has no variants, only a scenario has");
    ScenarioOverrides overrides = target.overrides;
    MachineOptions options;
    options.virtualization = virtualization_of(take_virtualization(overrides));
    if (options.virtualization.guests != 1) throw InputError("/virtualization/guests: an image is that of one guest");
    const std::string name = overrides.platform.value_or(kTeachingPlatform);
    own_machine = std::make_unique<Machine>("machine", choose_platform(name, overrides.sets).config, options);
    machine = own_machine.get();
    const PageTableImage image = load_page_table_image(target.image, machine->memory(), parse_root_choice(target.cr3));
    notes = image.notes;
    for (unsigned core = 0; core < machine->cores(); ++core) machine->set_control(core, image.control);
    kernel = knowledge_of(image);
  }

  void run(const ExplainTarget& target) {
    Scenario scenario = load_scenario(target.scenario, target.overrides);
    cut_after(scenario, target.after);
    host = std::make_unique<MachineHost>(simulation, scenario, scenario_platform(scenario));
    machine = &host->machine();
    writers.emplace([this] { return host->stamp(); });
    RunOutputs outputs;
    outputs.kernel = &*writers;
    const RunResult result = run_scenario(scenario, *host, outputs);
    if (!result.failure.empty()) throw JobError(fmt::format("{}: {}", scenario.file, result.failure));
    kernel = KernelKnowledge{layout_of(scenario), memory_after(scenario), /*nodes_known=*/true};
  }
};

ExplainedSystem::ExplainedSystem(const ExplainTarget& target) : parts_(std::make_unique<Parts>()) {
  parts_->warm = target.warm;
  if (target.image.empty()) {
    parts_->run(target);
  } else {
    parts_->load_image(target);
  }
}

ExplainedSystem::~ExplainedSystem() = default;

Explanation ExplainedSystem::explain(VirtAddr va, unsigned bytes, AccessType access) {
  Machine& machine = *parts_->machine;
  Explanation e = explain_access(machine.control(0), machine.memory_types(), machine.memory(), va, bytes, access);
  if (parts_->kernel && !e.pages.empty()) e.kernel = kernel_view(*parts_->kernel, e.va);
  if (parts_->writers) {
    for (PageExplanation& page : e.pages) {
      for (EntryExplanation& entry : page.entries) {
        entry.writer = parts_->writers->writer_of(entry.step.entry_pa, entry.step.entry);
      }
    }
  }
  if (!parts_->warm) make_cold(parts_->simulation, machine);
  add_timing(parts_->simulation, machine, e);
  return e;
}

void ExplainedSystem::set_ac() {
  ControlState control = parts_->machine->control(0);
  control.set_ac(true);
  parts_->machine->set_control(0, control);
}

const std::vector<std::string>& ExplainedSystem::notes() const { return parts_->notes; }

VirtAddr ExplainedSystem::struct_page_of(Pfn pfn) const {
  if (!parts_->kernel) throw InputError("pfn: the layout of this kernel is not known (it may be randomised)");
  const mm::Layout& layout = parts_->kernel->layout;
  if (pfn.raw >> (layout.max_physmem_bits() - kPageShift) != 0) {
    throw InputError(fmt::format("pfn {}: beyond {} physical address bits", pfn, layout.max_physmem_bits()));
  }
  return layout.pfn_to_page(pfn);
}

}  // namespace mmusim
