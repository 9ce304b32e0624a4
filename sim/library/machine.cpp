// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <systemc>

#include "models/base/format.h"
#include "models/x86/invalidation.h"
#include "models/x86/paging.h"
#include "sim/experiment/replay.h"
#include "sim/library/events.h"
#include "sim/library/machine_parts.h"
#include "sim/library/platform_content.h"
#include "sim/machine/programs.h"

/// SystemC's library wants this function from every program; one that drives machines through mmusim has none.
extern "C" __attribute__((weak)) int sc_main(int, char**) { return 0; }

namespace mmusim {
inline namespace v0 {

namespace {

MemAccess internal_access(const Access& access) {
  const auto refuse = [&](const char* what) { throw InputError(fmt::format("access to 0x{:x}: {}", access.va, what)); };
  if (!is_canonical(VirtAddr(access.va), 57)) refuse("not canonical, expected bits 63 to 56 to be equal");
  if (access.bytes == 0 || access.bytes > 0xffff) refuse("expected 1 to 65535 bytes");
  if (access.gap > 0xffff || access.depends_on > 0xffff) refuse("expected gap and depends_on up to 65535");
  MemAccess a;
  a.va = VirtAddr(access.va);
  a.bytes = static_cast<uint16_t>(access.bytes);
  a.kind = static_cast<AccessKind>(access.kind);
  a.user = access.user;
  a.gap = static_cast<uint16_t>(access.gap);
  a.depends_on = static_cast<uint16_t>(access.depends_on);
  return a;
}

void add_counters(const StatNode& node, const std::string& path, std::vector<Counter>& list) {
  for (const StatValue& value : node.values) {
    if (value.distribution.empty()) list.push_back({path + value.name, value.value, value.meaning});
  }
  for (const StatNode& child : node.children) add_counters(child, path + child.name + ".", list);
}

}  // namespace

Simulation& the_simulation() {
  static Simulation simulation;
  return simulation;
}

GrowingTables& Machine::Parts::tables() {
  if (own_tables) return *own_tables;
  const PlatformConfig& config = platform.content().config;
  const ControlState& control = target->control();
  own_tables.emplace(target->memory(), control.levels(), PhysAddr(memory_end(config)));
  ControlRegisters registers = control.registers();
  registers.cr3 = own_tables->root().raw();
  target->set_control(ControlState(registers, control.traits()));
  return *own_tables;
}

Machine::Machine(const Platform& platform, Model model) : parts_(std::make_unique<Parts>(platform)) {
  const PlatformConfig& config = platform.content().config;
  if (model == Model::kFunctional) {
    parts_->functional = std::make_unique<FunctionalMachine>(config);
    parts_->target = std::make_unique<FunctionalTarget>(*parts_->functional);
    return;
  }
  if (sc_core::sc_get_status() != sc_core::SC_ELABORATION) {
    throw InputError(
        "a machine of the cycle model has run already, and SystemC takes no new parts after that: make "
        "all machines first, or use a process for each");
  }
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", /*overwrite=*/0);  // a program's standard output is its own
  Simulation& simulation = the_simulation();
  const char* name = sc_core::sc_gen_unique_name("machine", /*preserve_first=*/true);
  parts_->timed = std::make_unique<internal::Machine>(name, config);
  parts_->target = std::make_unique<TimedTarget>(simulation, *parts_->timed);
}

Machine::~Machine() = default;
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;

void Machine::map(uint64_t va, uint64_t pa, uint64_t bytes, Rights rights) {
  const unsigned level = bytes == kPageBytes ? 1 : bytes == 2 * kMiB ? 2 : bytes == kGiB ? 3 : 0;
  const auto refuse = [&](const std::string& what) {
    throw InputError(fmt::format("page of {} bytes at 0x{:x}: {}", bytes, va, what));
  };
  const PlatformConfig& config = parts_->platform.content().config;
  if (level == 0) refuse("expected 4096 bytes, 2 MiB or 1 GiB");
  if (level == 3 && !config.processor.gib_pages) refuse("platform " + config.name + " has no 1 GiB pages");
  if (va % bytes != 0 || pa % bytes != 0) refuse(fmt::format("expected 0x{:x} and 0x{:x} aligned to it", va, pa));
  if (!parts_->target->control().canonical(VirtAddr(va))) refuse("not canonical");
  if (pa + bytes > memory_end(config)) refuse(fmt::format("memory ends at 0x{:x}", memory_end(config)));
  constexpr uint64_t kAccessedAndDirty = 0x60;
  const uint64_t flags =
      1 | (rights.write ? 2 : 0) | (rights.user ? 4 : 0) | kAccessedAndDirty | (rights.execute ? 0 : uint64_t{1} << 63);
  parts_->tables().map(VirtAddr(va), PhysAddr(pa), level, flags);
}

void Machine::set_root(uint64_t root_pa) {
  ControlRegisters registers = parts_->target->control().registers();
  registers.cr3 = root_pa;
  parts_->target->set_control(ControlState(registers, parts_->target->control().traits()));
}

void Machine::read_memory(uint64_t pa, std::span<std::byte> bytes) const {
  parts_->target->memory().read(PhysAddr(pa), bytes);
}
void Machine::write_memory(uint64_t pa, std::span<const std::byte> bytes) {
  parts_->target->memory().write(PhysAddr(pa), bytes);
}

void Machine::run(std::span<const Access> accesses, unsigned core) {
  std::vector<MemAccess> internal;
  internal.reserve(accesses.size());
  for (const Access& access : accesses) internal.push_back(internal_access(access));
  if (parts_->functional) return parts_->functional->execute(internal);
  if (core >= parts_->timed->cores()) {
    throw InputError(fmt::format("core {}: platform {} has {}", core, platform().name(), parts_->timed->cores()));
  }
  CallProgram work([&](Core& c) {
    c.execute(internal);
    c.drain();
  });
  CallProgram idle([](Core&) {});
  std::vector<Program*> programs(core, &idle);
  programs.push_back(&work);
  the_simulation().run(*parts_->timed, programs);
}

AccessResult Machine::run_one(const Access& access, unsigned core) {
  const MemAccess a = internal_access(access);
  internal::AccessResult result;
  if (parts_->functional) {
    result = parts_->functional->access(a);
  } else {
    CallProgram work([&](Core& c) { result = c.access(a); });
    CallProgram idle([](Core&) {});
    std::vector<Program*> programs(core, &idle);
    programs.push_back(&work);
    the_simulation().run(*parts_->timed, programs);
  }
  if (result.fault) return {std::nullopt, name_of(*result.fault)};
  return {result.pa.raw(), ""};
}

void Machine::invalidate_page(uint64_t va) {
  parts_->target->invalidate(on_invlpg(parts_->target->control(), VirtAddr(va)));
}

void Machine::invalidate_all() {
  Invalidation everything;
  everything.tlb = everything.structures = InvalidationScope::kAll;
  everything.globals = true;
  parts_->target->invalidate(everything);
}

void Machine::observe(EventObserver* observer, bool accesses) {
  if (!parts_->timed) throw InputError("a functional machine makes no records: use Model::kCycle");
  if (parts_->events) parts_->timed->stop_observing(*parts_->events);
  parts_->events = observer == nullptr ? nullptr : std::make_unique<EventTranslator>(*observer, accesses);
  if (parts_->events) parts_->timed->observe(*parts_->events);
}

Totals Machine::totals() const {
  const MachineTotals t = parts_->target->totals();
  return {t.accesses, t.lookups, t.l1_dtlb_misses, t.stlb_misses, t.walks, t.entry_reads, t.cycles};
}

std::vector<Counter> Machine::counters() const {
  std::vector<Counter> list;
  add_counters(parts_->target->stats(), "", list);
  return list;
}

uint64_t Machine::faults() const { return parts_->target->faults(); }
const Platform& Machine::platform() const { return parts_->platform; }

}  // namespace v0
}  // namespace mmusim
