// SPDX-License-Identifier: MIT
#include "sim/replay/replay_machine.h"

#include "sim/machine/programs.h"

namespace mmusim {

void TimedReplayMachine::run(const std::function<void()>& body) {
  CallProgram program([&](Core&) { body(); });  // the core drains at a program's end
  machine_.run(program);
}

std::optional<AccessResult> TimedReplayMachine::execute_one(const MemAccess& access) {
  // Core::access() leaves out the instructions before the access, and an out-of-order core would wait for the result.
  if (machine_.platform().model != CoreModel::kBlocking || access.gap != 0) {
    core_.execute(std::span(&access, 1));
    return std::nullopt;
  }
  return core_.access(access);
}

StatNode FunctionalReplayMachine::counters() const {
  StatNode root;
  root.name = "functional_machine";
  root.add(machine_.totals());
  root.add("faults", machine_.faults(), "accesses that raised an exception");
  StatNode& walks = root.child("walks_by_first_level_read");
  for (unsigned level = 1; level < machine_.walks_by_first_level().size(); ++level) {
    walks.add(std::to_string(level), machine_.walks_by_first_level()[level],
              "walks whose first entry was read at this level (1 = PTE)");
  }
  return root;
}

}  // namespace mmusim
