// SPDX-License-Identifier: MIT
// One fixed run, for counting its instructions: counted_run NAME ACCESSES. The same accesses every time, and nothing
// that depends on the host. check_instructions.py runs it under callgrind with two lengths.
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <systemc>

#include "sim/machine/programs.h"
#include "tests/bench/bench_machine.h"

namespace mmusim {
namespace {

struct FixedRun {
  std::string_view name;
  std::optional<CoreModel> model;  ///< without one: the functional machine
  Pattern pattern;
  uint64_t span;
};
constexpr FixedRun kRuns[] = {
    {"functional_stride_64", std::nullopt, Pattern::kStride64, kGiB},
    {"functional_random_1GiB", std::nullopt, Pattern::kRandom, kGiB},
    {"blocking_hits_16KiB", CoreModel::kBlocking, Pattern::kStride64, 16 * kKiB},
    {"blocking_stride_64_1GiB", CoreModel::kBlocking, Pattern::kStride64, kGiB},
    {"blocking_random_1GiB", CoreModel::kBlocking, Pattern::kRandom, kGiB},
    {"window_random_1GiB", CoreModel::kWindow, Pattern::kRandom, kGiB},
};

void perform(const FixedRun& run, size_t count) {
  const auto accesses = make_accesses(run.pattern, run.span, count);
  if (!run.model) return make_functional_machine()->execute(accesses);
  const auto machine = make_timed_machine(*run.model);
  CallProgram program([&](Core& core) { core.execute(accesses); });
  simulation().run(*machine, program);
}

}  // namespace
}  // namespace mmusim

int sc_main(int argc, char** argv) {
  if (argc == 3) {
    for (const mmusim::FixedRun& run : mmusim::kRuns) {
      if (run.name != argv[1]) continue;
      mmusim::perform(run, std::strtoull(argv[2], nullptr, 10));
      return 0;
    }
  }
  std::cerr << "usage: counted_run NAME ACCESSES, where NAME is one of";
  for (const mmusim::FixedRun& run : mmusim::kRuns) std::cerr << ' ' << run.name;
  std::cerr << '\n';
  return 2;
}
