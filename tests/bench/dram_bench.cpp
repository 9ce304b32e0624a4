// SPDX-License-Identifier: MIT
// How fast the DRAM model answers, without anything around it. items_per_second counts requests.
#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "tests/bench/dram_load.h"

namespace mmusim {
namespace {

DramConfig with_channels(const char* part, unsigned channels) {
  DramConfig config = shipped_dram(part);
  config.geometry.channels = channels;
  return config;
}

/// Each read is sent when the one before is done: what a pointer chase of a blocking core does.
void dependent_random(benchmark::State& state, const DramConfig& config) {
  DramSystem dram(config);
  Random random(1);
  DramCycle now = 0;
  for (auto _ : state) now = dram.read_alone(random_line(random), now);
  benchmark::DoNotOptimize(now);
  state.SetItemsProcessed(state.iterations());
}

/// The same through enqueue and advance.
void dependent_random_evented(benchmark::State& state, const DramConfig& config) {
  DramSystem dram(config);
  Random random(1);
  std::vector<DramCompletion> completions;
  DramCycle now = 0;
  for (auto _ : state) {
    dram.enqueue({.id = 0, .pa = random_line(random)}, now);
    while (completions.empty()) dram.advance_to(*dram.next_event(), completions);
    now = completions.front().done;
    completions.clear();
  }
  state.SetItemsProcessed(state.iterations());
}

/// 32 reads are always under way.
void saturated(benchmark::State& state, const DramConfig& config, const std::function<PhysAddr()>& next_address) {
  DramLoad load(config, 32);
  for (auto _ : state) load.read(next_address());
  state.SetItemsProcessed(state.iterations());
}

void saturated_random(benchmark::State& state, const DramConfig& config) {
  Random random(1);
  saturated(state, config, [&random] { return random_line(random); });
}

void saturated_stream(benchmark::State& state, const DramConfig& config) {
  uint64_t line = 0;
  saturated(state, config, [&line] { return PhysAddr((line++ << kLineShift) & (kFootprint - 1)); });
}

/// Reads that never overlap, hundreds of idle cycles between them.
void idle_random(benchmark::State& state, const DramConfig& config) {
  DramSystem dram(config);
  Random random(1);
  DramCycle now = 0;
  for (auto _ : state) now = dram.read_alone(random_line(random), now) + 400 + random.below(200);
  benchmark::DoNotOptimize(now);
  state.SetItemsProcessed(state.iterations());
}

const bool registered = [] {
  const struct {
    const char* name;
    const char* part;
    unsigned channels;
  } machines[] = {{"reference", "reference-ddr4-3200", 1}, {"milan", "ddr4-3200", 8}, {"genoa", "ddr5-4800", 24}};
  const struct {
    const char* name;
    void (*run)(benchmark::State&, const DramConfig&);
  } loads[] = {{"dependent_random", dependent_random},
               {"dependent_random_evented", dependent_random_evented},
               {"saturated_random", saturated_random},
               {"saturated_stream", saturated_stream},
               {"idle_random", idle_random}};
  for (const auto& load : loads) {
    for (const auto& machine : machines) {
      const DramConfig config = with_channels(machine.part, machine.channels);
      benchmark::RegisterBenchmark((std::string("dram/") + load.name + "/" + machine.name).c_str(), load.run, config);
    }
  }
  return true;
}();

}  // namespace
}  // namespace mmusim

BENCHMARK_MAIN();
