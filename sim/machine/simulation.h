// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "sim/machine/machine.h"

namespace mmusim {

/// The simulation, of which a process has one: SystemC's kernel, for programs that are no virtual platform themselves.
/// Elaborates and starts the machines that are made after it. In a virtual platform its sc_main does both and calls
/// Machine::start() and finish() itself.
class Simulation {
 public:
  /// Sets the time resolution to 1 fs, which machines need. Throws InputError if it is something else already and can
  /// no longer be changed, because the process has made an sc_time before.
  Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Runs one program on each of the first cores of `machine` until all are done. Throws what a program throws.
  void run(Machine& machine, const std::vector<Program*>& programs);
  void run(Machine& machine, Program& program) { run(machine, std::vector<Program*>{&program}); }
  /// Runs what was given to Machine::start(), of any number of machines, until nothing can happen any more; each
  /// machine's finish() says how its programs ended. Returns at once if nothing was started. The first call elaborates:
  /// no module can be made after it.
  void run_all();
};

}  // namespace mmusim
