// SPDX-License-Identifier: MIT
// Makes two machines, maps pages, runs 1,000 accesses on each and reads the counters.
#include <mmusim/machine.h>
#include <mmusim/platform.h>

#include <cstdio>
#include <vector>

namespace {

struct CountWalks : mmusim::EventObserver {
  unsigned walks = 0;
  void walk(const mmusim::WalkEvent& event) override { walks += event.reads.empty() ? 0 : 1; }
};

constexpr uint64_t kBase = 0x7f00'0000'0000;

/// A thousand loads, each from the next page of 250.
std::vector<mmusim::Access> loads() {
  std::vector<mmusim::Access> list;
  for (uint64_t i = 0; i < 1000; ++i) list.push_back({.va = kBase + i % 250 * 4096});
  return list;
}

}  // namespace

int main() {
  mmusim::Platform platform = mmusim::Platform::load("textbook");
  mmusim::Machine timed(platform);
  mmusim::Machine functional(platform, mmusim::Machine::Model::kFunctional);
  CountWalks count;
  timed.observe(&count);
  for (mmusim::Machine* machine : {&timed, &functional}) {
    for (uint64_t page = 0; page < 250; ++page) machine->map(kBase + page * 4096, (1 + page) << 20);
    machine->run(loads());
    const mmusim::Totals t = machine->totals();
    std::printf("accesses %lu walks %lu cycles %lu faults %lu\n", t.accesses, t.walks, t.cycles, machine->faults());
  }
  std::printf("observed %u\n", count.walks);
  std::printf("fault: %s\n", timed.run_one({.va = 0x1000}).fault.c_str());
  for (const mmusim::Counter& c : timed.counters()) {
    if (c.path == "core0.page_walkers.walks") std::printf("%s %lu\n", c.path.c_str(), c.value);
  }
  return 0;
}
