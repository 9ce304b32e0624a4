// SPDX-License-Identifier: MIT
#include "sim/machine/simulation.h"

#include <systemc>

#include "models/fabric/clock.h"

namespace mmusim {

Simulation::Simulation() {
  try {
    sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  } catch (const sc_core::sc_report&) {
    ClockDomain::check_resolution();  // set before, maybe to the same
  }
}

void Simulation::run(Machine& machine, const std::vector<Program*>& programs) {
  machine.start(programs);
  run_all();
  machine.finish();
}

void Simulation::run_all() { sc_core::sc_start(); }

}  // namespace mmusim
