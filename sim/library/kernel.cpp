// SPDX-License-Identifier: MIT
#include "mm/kernel.h"

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "sim/library/events.h"
#include "sim/library/machine_parts.h"
#include "sim/machine/programs.h"
#include "sim/scenario/switched_memory.h"

namespace mmusim {
inline namespace v0 {

namespace {

/// Keeps the kernel's log and passes entry writes on.
class KernelListener final : public mm::Observer {
 public:
  explicit KernelListener(EventObserver* to) : to_(to) {}
  uint32_t mask() const override { return mm::kLogLines | (to_ != nullptr ? mm::kEntryWrites : 0u); }
  void entry_write(const mm::EntryWrite& write) override { to_->entry_write(public_event(write)); }
  void log(mm::LogLevel, std::string_view text) override {
    log_ += text;
    log_ += '\n';
  }
  const std::string& text() const { return log_; }

 private:
  EventObserver* to_;
  std::string log_;
};

mm::KernelConfig kernel_config(const KernelSetup& setup) {
  nlohmann::json json = parse_json_text(setup.options, "kernel options");
  if (json.is_object()) json["version"] = setup.version;
  ConfigErrors errors("kernel options");
  const mm::KernelConfig config = mm::read_kernel_config(ConfigReader(json, "", errors));
  errors.throw_if_any();
  return config;
}

mm::MemoryMap memory_map(const KernelSetup& setup, unsigned levels) {
  nlohmann::json ranges = nlohmann::json::array();
  for (const NodeMemory& m : setup.memory) ranges.push_back({{"start", m.start}, {"end", m.end}, {"node", m.node}});
  const nlohmann::json json = {{"ranges", std::move(ranges)}, {"early_tables", "from_memblock"}};
  ConfigErrors errors("kernel memory");
  mm::MemoryMap map = mm::read_memory_map(ConfigReader(json, "", errors), levels);
  errors.throw_if_any();
  return map;
}

mm::Layout layout_of(const mm::KernelConfig& config, const mm::MemoryMap& map) {
  uint64_t bytes = 0;
  for (const mm::MemoryRange& r : map.memory) bytes += (r.end - r.start) << kPageShift;
  return mm::Layout(config, bytes);
}

}  // namespace

struct Kernel::State {
  State(internal::Machine& m, const mm::KernelConfig& config, const mm::MemoryMap& map, EventObserver* observer)
      : machine(m),
        listener(observer),
        memory(m, layout_of(config, map), config.cpu.pge),
        kernel(config, map, memory, &listener) {}

  template <class Operation>
  int timed(Operation operation) {
    mm::Errno result = mm::Errno::kSuccess;
    memory.use(Timing::kTimed);
    CallProgram program([&](Core& core) {
      result = operation();
      core.drain();
    });
    the_simulation().run(machine, program);
    return -static_cast<int>(result);
  }

  internal::Machine& machine;
  KernelListener listener;
  SwitchedMemory memory;
  mm::Kernel kernel;
};

Kernel::Kernel(Machine& machine, const KernelSetup& setup, EventObserver* observer) {
  if (!machine.parts().timed) throw InputError("the kernel needs a machine of the cycle model");
  const mm::KernelConfig config = kernel_config(setup);
  state_ = std::make_unique<State>(*machine.parts().timed, config, memory_map(setup, config.levels), observer);
}
Kernel::~Kernel() = default;
Kernel::Kernel(Kernel&&) noexcept = default;

int Kernel::boot(bool timed) {
  if (timed) return state_->timed([this] { return state_->kernel.boot(); });
  state_->memory.use(Timing::kUntimed);
  return -static_cast<int>(state_->kernel.boot());
}

int Kernel::hot_add(uint64_t start, uint64_t bytes, unsigned node) {
  return state_->timed([=, this] { return state_->kernel.hot_add(PhysAddr(start), bytes, node); });
}
int Kernel::online(uint64_t start, uint64_t bytes) {
  return state_->timed([=, this] { return state_->kernel.online(PhysAddr(start), bytes); });
}
int Kernel::hot_remove(uint64_t start, uint64_t bytes) {
  return state_->timed([=, this] { return state_->kernel.hot_remove(PhysAddr(start), bytes); });
}

uint64_t Kernel::struct_page(uint64_t pa) const {
  return state_->kernel.layout().pfn_to_page(pfn_of(PhysAddr(pa))).raw();
}
uint64_t Kernel::direct_map(uint64_t pa) const { return state_->kernel.layout().direct_map(PhysAddr(pa)).raw(); }

std::vector<TableEntry> Kernel::vmemmap_tables() const {
  std::vector<TableEntry> list;
  for (const mm::TableEntry& e : state_->kernel.vmemmap_tables(state_->machine.memory())) {
    list.push_back({e.level, e.va.raw(), e.index, e.table_pa.raw(), e.value});
  }
  return list;
}
std::string Kernel::log() const { return state_->listener.text(); }

}  // namespace v0
}  // namespace mmusim
