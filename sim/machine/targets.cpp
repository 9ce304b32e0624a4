// SPDX-License-Identifier: MIT
#include "sim/machine/targets.h"

#include "models/base/errors.h"
#include "sim/machine/programs.h"

namespace mmusim {

void TimedTarget::set_control(const ControlState& control) {
  for (unsigned core = reached_.begin; core < reached_.end; ++core) machine_.set_control(core, control);
}

void TimedTarget::run(const std::function<void()>& body) {
  CallProgram program([&](Core&) { body(); });  // the core drains at a program's end
  CallProgram nothing([](Core&) {});
  std::vector<Program*> programs(number_, &nothing);
  programs.push_back(&program);
  simulation_.run(machine_, programs);
}

std::optional<AccessResult> TimedTarget::execute_one(const MemAccess& access) {
  // Core::access() leaves out the instructions before the access, and an out-of-order core would wait for the result.
  if (machine_.platform().model != CoreModel::kBlocking || access.gap != 0) {
    core_.execute(std::span(&access, 1));
    return std::nullopt;
  }
  return core_.access(access);
}

void TimedTarget::invalidate(const Invalidation& operation) {
  for (unsigned core = reached_.begin; core < reached_.end; ++core) machine_.invalidate(core, operation, charge_);
}

bool TimedTarget::write_cr3(uint64_t value) {
  bool loaded = true;
  for (unsigned core = reached_.begin; core < reached_.end; ++core) loaded &= machine_.write_cr3(core, value, charge_);
  return loaded;
}

void TimedTarget::entry_changed(VirtAddr va, uint64_t bytes) {
  if (machine_.checker() != nullptr) machine_.checker()->entry_changed(va, bytes);
}

void FunctionalTarget::set_control(const ControlState& control) {
  if (observers_.wants(kProgramNotices)) observers_.control_written(0, 4, control.registers().cr4, /*timed=*/false);
  machine_.set_control(control);
}

void FunctionalTarget::execute(std::span<const MemAccess> accesses) {
  if (observers_.wants(kProgramNotices)) observers_.begin_accesses(0, accesses);
  machine_.execute(accesses);
}

std::optional<AccessResult> FunctionalTarget::execute_one(const MemAccess& access) {
  if (observers_.wants(kProgramNotices)) observers_.begin_accesses(0, {&access, 1});
  return machine_.access(access);
}

void FunctionalTarget::invalidate(const Invalidation& operation) {
  if (observers_.wants(kProgramNotices)) observers_.invalidated(0, operation, timed());
  machine_.invalidate(operation);
}

bool FunctionalTarget::write_cr3(uint64_t value) {
  if (observers_.wants(kProgramNotices)) observers_.control_written(0, 3, value, timed());
  return machine_.write_cr3(value);
}

void FunctionalTarget::drain() {
  if (observers_.wants(kProgramNotices)) observers_.drained(0);
}

void FunctionalTarget::observe(Observer& observer) {
  observers_.add(observer);
  if ((observer.mask() & kTranslationNotices) != 0) machine_.observe(observer);
}

void FunctionalTarget::entry_changed(VirtAddr va, uint64_t bytes) {
  if (machine_.checker() != nullptr) machine_.checker()->entry_changed(va, bytes);
}

StatNode FunctionalTarget::stats() const {
  StatNode root;
  root.name = "functional_machine";
  const MachineTotals totals = machine_.totals();
  root.add(ListedTotals<TotalsList::kTotals>{totals});
  if (totals.guest()) root.add(ListedTotals<TotalsList::kGuestTotals>{totals});
  root.add("faults", machine_.faults(), "accesses that raised an exception");
  StatNode& walks = root.child("walks_by_first_level_read");
  for (unsigned level = 1; level < machine_.walks_by_first_level().size(); ++level) {
    walks.add(std::to_string(level), machine_.walks_by_first_level()[level],
              "walks whose first entry was read at this level (1 = PTE)");
  }
  return root;
}

bool UntimedTarget::can_execute() const {
  if (accesses_ == Accesses::kRefused) throw InputError("a workload needs a processor, there is none without time");
  return false;
}

}  // namespace mmusim
