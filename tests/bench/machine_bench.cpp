// SPDX-License-Identifier: MIT
// The machine on access patterns in memory. A process holds one timed machine, so run the families apart:
// --benchmark_filter=functional, =blocking or =window.
#include <benchmark/benchmark.h>

#include "sim/machine/programs.h"
#include "tests/bench/bench_machine.h"

namespace mmusim {
namespace {

void functional(benchmark::State& state, Pattern pattern, uint64_t span) {
  static const auto machine = make_functional_machine();
  const auto accesses = make_accesses(pattern, span);
  for (auto _ : state) machine->execute(accesses);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(accesses.size()));
}
BENCHMARK_CAPTURE(functional, stride_64, Pattern::kStride64, kGiB);
BENCHMARK_CAPTURE(functional, random_4MiB, Pattern::kRandom, 4 * kMiB);
BENCHMARK_CAPTURE(functional, random_1GiB, Pattern::kRandom, kGiB);

/// The one timed machine of this process; nullptr if it is of the other kind.
Machine* machine_of(CoreModel model) {
  static std::unique_ptr<Machine> machine;
  if (!machine) machine = make_timed_machine(model);
  return machine->platform().model == model ? machine.get() : nullptr;
}

void timed(benchmark::State& state, CoreModel model, Pattern pattern, uint64_t span) {
  Machine* machine = machine_of(model);
  if (machine == nullptr)
    return state.SkipWithError("one timed machine for each process: choose with --benchmark_filter");
  const auto accesses = make_accesses(pattern, span);
  for (auto _ : state) {
    CallProgram program([&](Core& core) { core.execute(accesses); });
    simulation().run(*machine, program);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(accesses.size()));
}

void blocking(benchmark::State& state, Pattern pattern, uint64_t span) {
  timed(state, CoreModel::kBlocking, pattern, span);
}
BENCHMARK_CAPTURE(blocking, hits_16KiB, Pattern::kStride64, 16 * kKiB);
BENCHMARK_CAPTURE(blocking, stride_64_1GiB, Pattern::kStride64, kGiB);
BENCHMARK_CAPTURE(blocking, random_1GiB, Pattern::kRandom, kGiB);

void window(benchmark::State& state, Pattern pattern, uint64_t span) {
  timed(state, CoreModel::kWindow, pattern, span);
}
BENCHMARK_CAPTURE(window, hits_16KiB, Pattern::kStride64, 16 * kKiB);
BENCHMARK_CAPTURE(window, random_1GiB, Pattern::kRandom, kGiB);

}  // namespace
}  // namespace mmusim
