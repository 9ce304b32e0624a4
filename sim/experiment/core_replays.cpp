// SPDX-License-Identifier: MIT
#include "sim/experiment/core_replays.h"

#include <algorithm>
#include <deque>

#include "models/base/format.h"
#include "sim/machine/programs.h"
#include "sim/machine/targets.h"

namespace mmusim {

namespace {

/// Adds what one trace did to the sum of all, apart from totals and statistics.
void add(ReplayResult& sum, const CoreTrace& trace, ReplayResult&& one) {
  sum.run.stopped |= one.run.stopped;
  sum.run.records += one.run.records;
  sum.run.skipped += one.run.skipped;
  sum.run.warmup += one.run.warmup;
  sum.run.measured += one.run.measured;
  sum.run.instructions += one.run.instructions;
  sum.faults += one.faults;
  sum.player = mmusim::sum(sum.player, one.player);
  if (one.mapped) {
    if (!sum.mapped) sum.mapped.emplace();
    sum.mapped->pages_4k += one.mapped->pages_4k;
    sum.mapped->pages_2m += one.mapped->pages_2m;
    sum.mapped->pages_1g += one.mapped->pages_1g;
    sum.mapped->outside_map += one.mapped->outside_map;
    sum.mapped->tables += one.mapped->tables;
  }
  sum.cores.push_back({trace.core, trace.reader->info(), trace.stream, std::move(one.run), one.faults});
}

/// The traces on one machine with time.
class CoreReplays {
 public:
  CoreReplays(ReplaySetup& setup, Simulation& simulation, Machine& machine)
      : setup_(setup), simulation_(simulation), machine_(machine) {
    if (setup.one_process && setup.traces.front().config.spaces) {
      shared_.emplace(machine.memory(), *setup.traces.front().config.spaces);
    }
    for (CoreTrace& trace : setup.traces) {
      trace.config.shared = shared_ ? &*shared_ : nullptr;
      Target& target = targets_.emplace_back(simulation, machine, trace.core);
      replays_.emplace_back(*trace.reader, target, trace.config);
    }
  }

  ReplayResult all() {
    for (Replay& replay : replays_) replay.begin();
    run([](Replay& replay) { replay.warm_up(); });
    const MachineTotals totals = machine_.totals();
    const StatNode stats = machine_.stats();
    run([](Replay& replay) { replay.run(); });
    ReplayResult all;
    all.run.totals = difference(machine_.totals(), totals);
    all.run.totals.cycles = 0;
    all.run.stats = difference(machine_.stats(), stats);
    for (size_t i = 0; i < replays_.size(); ++i) {
      const CoreTrace& trace = setup_.traces[i];
      ReplayResult one = replays_[i].result();
      one.run.stats = all.run.stats.child(fmt::format("core{}", trace.core));
      all.run.totals.cycles = std::max(all.run.totals.cycles, one.run.totals.cycles);  // all began in one cycle
      add(all, trace, std::move(one));
    }
    if (shared_) all.mapped = shared_->spaces().counts();
    return all;
  }

 private:
  /// Runs a step of all replays, each on its core.
  void run(const std::function<void(Replay&)>& step) {
    CallProgram nothing([](Core&) {});
    std::deque<CallProgram> steps;
    std::vector<Program*> programs(setup_.traces.back().core + 1, &nothing);
    for (size_t i = 0; i < replays_.size(); ++i) {
      programs[setup_.traces[i].core] = &steps.emplace_back([&step, &replay = replays_[i]](Core&) { step(replay); });
    }
    simulation_.run(machine_, programs);
  }

  ReplaySetup& setup_;
  Simulation& simulation_;
  Machine& machine_;
  std::optional<TouchedSpaces> shared_;
  std::deque<TimedTarget> targets_;
  std::deque<Replay> replays_;
};

}  // namespace

ReplayResult replay_on_cores(ReplaySetup& setup, Simulation& simulation, Machine& machine) {
  return CoreReplays(setup, simulation, machine).all();
}

ReplayResult replay_functional_cores(ReplaySetup& setup, bool paranoid) {
  ReplayResult all;
  all.run.stats.name = "functional_machine";
  for (CoreTrace& trace : setup.traces) {
    FunctionalMachine machine(setup.platform, paranoid, setup.virtualization);
    FunctionalTarget target(machine);
    if (setup.map) target.set_control(setup.map->build(target.memory(), setup.platform.processor));
    ReplayResult one = replay_trace(*trace.reader, target, trace.config);
    all.run.totals.merge(one.run.totals);
    StatNode& core = all.run.stats.child(fmt::format("core{}", trace.core));
    core.values = one.run.stats.values;
    core.children = one.run.stats.children;
    add(all, trace, std::move(one));
  }
  return all;
}

}  // namespace mmusim
