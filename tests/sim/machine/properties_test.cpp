// SPDX-License-Identifier: MIT
// What must hold whatever the numbers of a machine are.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <numeric>
#include <random>

#include "models/base/config_files.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kPages = 16384;

void map_pages(PhysMem& memory, TableBuilder& tables) {
  for (uint64_t i = 0; i < kPages; ++i) {
    tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K);
  }
  (void)memory;
}

std::vector<MemAccess> random_page_accesses(unsigned count, uint64_t pages, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<MemAccess> accesses(count);
  for (MemAccess& a : accesses) {
    a.va = VirtAddr(random() % (pages * kPageBytes) & ~uint64_t{7});
    a.kind = random() % 4 == 0 ? AccessKind::kWrite : AccessKind::kRead;
    a.gap = static_cast<uint16_t>(random() % 4);
  }
  return accesses;
}

/// One access in each page, in the order given.
std::vector<MemAccess> touch(const std::vector<uint64_t>& pages) {
  std::vector<MemAccess> accesses;
  for (const uint64_t page : pages) accesses.push_back({VirtAddr(page * kPageBytes + page % 64 * kLineBytes)});
  return accesses;
}

std::vector<uint64_t> first_pages(uint64_t count) {
  std::vector<uint64_t> pages(count);
  std::iota(pages.begin(), pages.end(), 0);
  return pages;
}

MachineTotals functional_totals(const PlatformConfig& platform,
                                const std::function<void(FunctionalMachine&)>& program) {
  FunctionalMachine machine(platform);
  TableBuilder tables(machine.memory(), 4);
  map_pages(machine.memory(), tables);
  machine.write_cr3(tables.root().raw());
  program(machine);
  return machine.totals();
}

class Preset : public testing::TestWithParam<std::string> {};

TEST_P(Preset, MoreWalkersNeverLengthenARun) {
  const auto cycles = [](const std::string& name, unsigned walkers, uint64_t seed) {
    return std::stoull(in_child([=] {
      PlatformConfig p = load_platform(name);
      p.model = CoreModel::kWindow;
      p.walker.walkers = walkers;
      Simulation simulation;
      Machine machine("machine", p);
      TableBuilder tables(machine.memory(), 4);
      map_pages(machine.memory(), tables);
      machine.write_cr3(0, tables.root().raw());
      CallProgram program([&](Core& core) { core.execute(random_page_accesses(8000, kPages, seed)); });
      simulation.run(machine, program);
      return fmt::format("{}", machine.now().count);
    }));
  };
  for (const uint64_t seed : {1, 2}) {
    uint64_t fewer = cycles(GetParam(), 1, seed);
    for (const unsigned walkers : {2U, 4U, 8U}) {
      const uint64_t more = cycles(GetParam(), walkers, seed);
      EXPECT_LE(more, fewer + fewer / 100) << walkers << " walkers";  // DRAM rows may come in another order
      fewer = std::min(more, fewer);
    }
  }
}

TEST_P(Preset, EndlessTlbLeavesColdMissesOnly) {
  PlatformConfig p = load_platform(GetParam());
  p.next_page_prefetch = p.walker.next_page_prefetch = false;
  for (TlbConfig* tlb : {&p.lsu.tlbs.load, &p.second_level.data}) {
    tlb->coalesce = false;
    for (TlbArrayConfig& array : tlb->arrays) {
      array.geometry = {1U << 20, 16, Replacement::kLru, IndexHash::kLinear};
    }
  }
  p.walker.coalescing = false;
  if (p.lsu.tlbs.store) p.lsu.tlbs.store = p.lsu.tlbs.load;
  const auto accesses = random_page_accesses(100000, kPages, 3);
  std::vector<bool> seen(kPages);
  uint64_t pages = 0;
  for (const MemAccess& a : accesses) {
    const uint64_t page = a.va.raw() / kPageBytes;
    pages += seen[page] ? 0 : 1;
    seen[page] = true;
  }
  const MachineTotals t = functional_totals(p, [&](FunctionalMachine& m) { m.execute(accesses); });
  EXPECT_EQ(t.stlb_misses, pages);
  EXPECT_EQ(t.walks, pages);
}

TEST_P(Preset, SecondPassOverAWorkingSetInsideReachHasNoMiss) {
  PlatformConfig p = load_platform(GetParam());
  const unsigned first = p.lsu.tlbs.load.arrays[0].geometry.entries;
  unsigned second = 0;
  for (const TlbArrayConfig& array : p.second_level.data.arrays) {
    if (array.holds[EntryKind::k4K]) second += array.geometry.entries;
  }
  // Where the second level keeps PDEs too, each 2 MiB of the set takes one more entry of some set.
  if (p.second_level.data.holds_pdes) second = second * 3 / 4;
  functional_totals(p, [&](FunctionalMachine& m) {
    m.execute(touch(first_pages(first)));
    const uint64_t misses = m.totals().l1_dtlb_misses;
    m.execute(touch(first_pages(first)));
    EXPECT_EQ(m.totals().l1_dtlb_misses, misses) << first << " pages";
    m.execute(touch(first_pages(second)));
    const uint64_t walks = m.totals().stlb_misses;
    m.execute(touch(first_pages(second)));
    EXPECT_EQ(m.totals().stlb_misses, walks) << second << " pages";
  });
}

INSTANTIATE_TEST_SUITE_P(Shipped, Preset, testing::ValuesIn(config_names("platforms")), [](const auto& param) {
  std::string name = param.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// Misses of a fully associative LRU array by the stack-distance formula (Mattson et al., 1970): an access misses iff
/// the number of distinct pages since the last one to its page is at least the size. A plain list; nothing of the
/// model's.
uint64_t stack_distance_misses(const std::vector<MemAccess>& accesses, size_t entries) {
  std::list<uint64_t> stack;
  uint64_t misses = 0;
  for (const MemAccess& a : accesses) {
    const uint64_t page = a.va.raw() / kPageBytes;
    size_t distance = 0;
    auto at = stack.begin();
    for (; at != stack.end() && *at != page; ++at) ++distance;
    misses += at == stack.end() || distance >= entries ? 1 : 0;
    if (at != stack.end()) stack.erase(at);
    stack.push_front(page);
  }
  return misses;
}

TEST(StackDistance, FullyAssociativeLruMissesAsTheFormulaSaysHoweverAccessesArePermuted) {
  for (const unsigned entries : {8U, 64U, 256U}) {
    PlatformConfig p = load_platform("textbook");
    p.lsu.tlbs.load = TlbConfig{};
    TlbArrayConfig array;
    array.geometry = {entries, entries, Replacement::kLru, IndexHash::kLinear};
    array.holds[EntryKind::k4K] = true;
    p.lsu.tlbs.load.arrays = {array};
    p.second_level.data.arrays = {array};
    p.second_level.data.arrays[0].geometry = {4 * entries, 4 * entries, Replacement::kLru, IndexHash::kLinear};
    auto accesses = random_page_accesses(20000, 3 * entries, entries);
    for (MemAccess& a : accesses) a.kind = AccessKind::kRead;
    std::mt19937_64 random(5);
    for (unsigned permutation = 0; permutation < 4; ++permutation) {
      const MachineTotals t = functional_totals(p, [&](FunctionalMachine& m) { m.execute(accesses); });
      EXPECT_EQ(t.l1_dtlb_misses, stack_distance_misses(accesses, entries)) << entries << ", " << permutation;
      EXPECT_EQ(t.stlb_misses, stack_distance_misses(accesses, 4 * entries)) << "all fit";
      std::shuffle(accesses.begin(), accesses.end(), random);
    }
  }
}

}  // namespace
}  // namespace mmusim
