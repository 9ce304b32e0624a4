// SPDX-License-Identifier: MIT
#include "sim/explain/explained_system.h"

#include <fmt/format.h>

#include "sim/explain/timed_access.h"
#include "sim/image/page_table_image.h"
#include "sim/system/machine.h"
#include "sim/system/platform.h"

namespace mmusim {

namespace {

constexpr const char* kTeachingPlatform = "textbook";

/// The layout that Linux has without address randomisation, and the recorded machine's memory.
std::optional<KernelKnowledge> knowledge_of(const PageTableImage& image) {
  if (image.randomized) return std::nullopt;
  mm::KernelConfig config;
  config.levels = image.control.levels();
  KernelKnowledge kernel{mm::Layout(config, /*ram_bytes=*/0), {}, /*nodes_known=*/false};
  for (const GuestMemoryRange& range : image.guest_memory) {
    if (range.ram) kernel.memory.push_back({pfn_of(range.begin), pfn_of(range.end), 0});
  }
  return kernel;
}

}  // namespace

struct ExplainedSystem::Parts {
  std::unique_ptr<Machine> own_machine;
  Machine* machine = nullptr;
  std::optional<KernelKnowledge> kernel;

  void load_image(const ExplainTarget& target) {
    PlatformConfig platform = load_platform(target.platform.empty() ? kTeachingPlatform : target.platform);
    own_machine = std::make_unique<Machine>(platform);
    machine = own_machine.get();
    const PageTableImage image = load_page_table_image(target.image, machine->memory());
    for (unsigned core = 0; core < machine->cores(); ++core) machine->set_control(core, image.control);
    kernel = knowledge_of(image);
  }
};

ExplainedSystem::ExplainedSystem(const ExplainTarget& target) : parts_(std::make_unique<Parts>()) {
  if (target.image.empty()) throw InputError("explain: give --image FILE");
  parts_->load_image(target);
}

ExplainedSystem::~ExplainedSystem() = default;

Explanation ExplainedSystem::explain(VirtAddr va, unsigned bytes, AccessType access) {
  Machine& machine = *parts_->machine;
  Explanation e = explain_access(machine.control(0), MemoryTypes(), machine.memory(), va, bytes, access);
  if (parts_->kernel && !e.pages.empty()) e.kernel = kernel_view(*parts_->kernel, e.va);
  add_timing(machine, e);
  return e;
}

void ExplainedSystem::set_ac() {
  ControlState control = parts_->machine->control(0);
  control.set_ac(true);
  parts_->machine->set_control(0, control);
}

VirtAddr ExplainedSystem::struct_page_of(Pfn pfn) const {
  if (!parts_->kernel) throw InputError("pfn: the layout of this kernel is not known (it may be randomised)");
  const mm::Layout& layout = parts_->kernel->layout;
  if (pfn.raw >> (layout.max_physmem_bits() - kPageShift) != 0) {
    throw InputError(fmt::format("pfn {}: beyond {} physical address bits", pfn, layout.max_physmem_bits()));
  }
  return layout.pfn_to_page(pfn);
}

}  // namespace mmusim
