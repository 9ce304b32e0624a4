// SPDX-License-Identifier: MIT
// The shipped platforms: what they hold, and what their memory costs.
#include <gtest/gtest.h>

#include <map>

#include "models/base/config_files.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

/// "entries/ways" of the arrays of a TLB that hold a page size, joined by '+'; "-" if there is none.
std::string shape(const TlbConfig& tlb, EntryKind kind) {
  std::string text;
  for (const TlbArrayConfig& array : tlb.arrays) {
    if (!array.holds[kind]) continue;
    text += fmt::format("{}{}/{}", text.empty() ? "" : "+", array.geometry.entries, array.geometry.ways);
  }
  return text.empty() ? "-" : text;
}

std::string cache_shape(const CacheConfig& cache) {
  return fmt::format("{}K/{},{}", cache.geometry.entries * kLineBytes / kKiB, cache.geometry.ways, cache.latency.count);
}

/// One line for each preset, as in the table of docs/parameters.md.
std::string describe(const PlatformConfig& p) {
  using enum EntryKind;
  const TlbConfig& load = p.lsu.tlbs.load;
  const TlbConfig& store = p.lsu.tlbs.store.value_or(load);
  const TlbConfig& stlb = p.second_level.data;
  const StructureCachesConfig& psc = p.walker.structure_caches;
  return fmt::format(
      "load {} {} {} store {} itlb {} {} stlb {} {} {} itlb2 {} penalty {} walkers {} pde {} pdpte {} pml4e {} pml5e "
      "{} "
      "upper {} l1d {} l2 {} l3 {} levels {} coalesce {} prefetch {} dram {} x {}",
      shape(load, k4K), shape(load, k2M), shape(load, k1G), shape(store, k4K), shape(p.lsu.tlbs.instruction, k4K),
      shape(p.lsu.tlbs.instruction, k2M), shape(stlb, k4K), shape(stlb, k2M), shape(stlb, k1G),
      p.second_level.instruction ? shape(*p.second_level.instruction, k4K) : "unified", stlb.hit_penalty.count,
      p.walker.walkers, psc.pde_in_second_level_tlb ? "stlb" : std::to_string(psc.level[2].entries),
      psc.level[3].entries, psc.level[4].entries, psc.level[5].entries, psc.upper.entries, cache_shape(p.l1d),
      cache_shape(p.l2), cache_shape(p.l3), p.max_levels, load.coalesce, p.next_page_prefetch, p.dram.dram.name,
      p.dram.dram.geometry.channels);
}

TEST(Presets, A7_HoldTheValuesOfTheParameterTable) {
  const std::map<std::string, std::string> expected = {
      {"skylake-sp",
       "load 64/4 32/4 4/4 store 64/4 itlb 128/8 8/8 stlb 1536/12 1536/12 16/4 itlb2 unified penalty 9 walkers 2 pde "
       "32 "
       "pdpte 4 pml4e 4 pml5e 0 upper 0 l1d 32K/8,4 l2 1024K/16,14 l3 39424K/11,68 levels 4 coalesce false prefetch "
       "true dram ddr4-2666 x 6"},
      {"cascade-lake",
       "load 64/4 32/4 4/4 store 64/4 itlb 128/8 8/8 stlb 1536/12 1536/12 16/4 itlb2 unified penalty 9 walkers 2 pde "
       "32 "
       "pdpte 4 pml4e 4 pml5e 0 upper 0 l1d 32K/8,4 l2 1024K/16,14 l3 39424K/11,72 levels 4 coalesce false prefetch "
       "true dram ddr4-2933 x 6"},
      {"icelake-sp",
       "load 64/4 32/4 8/8 store 16/16 itlb 128/8 16/8 stlb 1024/8+1024/8 1024/8 1024/8 itlb2 unified penalty 7 "
       "walkers "
       "2 pde 32 pdpte 4 pml4e 4 pml5e 2 upper 0 l1d 48K/12,5 l2 1280K/20,14 l3 61440K/12,73 levels 5 coalesce false "
       "prefetch true dram ddr4-3200 x 8"},
      {"sapphire-rapids",
       "load 96/6 32/4 8/8 store 16/16 itlb 256/8 32/8 stlb 1024/8+1024/8 1024/8 1024/8 itlb2 unified penalty 7 "
       "walkers "
       "4 pde 32 pdpte 8 pml4e 4 pml5e 2 upper 0 l1d 48K/12,5 l2 2048K/16,16 l3 107520K/15,125 levels 5 coalesce false "
       "prefetch true dram ddr5-4800 x 16"},
      {"rome",
       "load 64/64 64/64 64/64 store 64/64 itlb 64/64 64/64 stlb 2048/16 2048/16 - itlb2 512/8 penalty 7 walkers 2 pde "
       "stlb pdpte 0 pml4e 0 pml5e 0 upper 64 l1d 32K/8,4 l2 512K/8,12 l3 16384K/16,39 levels 4 coalesce true prefetch "
       "false dram ddr4-3200 x 8"},
      {"milan",
       "load 64/64 64/64 64/64 store 64/64 itlb 64/64 64/64 stlb 2048/16 2048/16 - itlb2 512/8 penalty 7 walkers 6 pde "
       "stlb pdpte 0 pml4e 0 pml5e 0 upper 64 l1d 32K/8,4 l2 512K/8,12 l3 32768K/16,47 levels 4 coalesce true prefetch "
       "false dram ddr4-3200 x 8"},
      {"genoa",
       "load 72/72 72/72 72/72 store 72/72 itlb 64/64 64/64 stlb 3072/24 3072/24 - itlb2 512/8 penalty 7 walkers 6 pde "
       "stlb pdpte 0 pml4e 0 pml5e 0 upper 64 l1d 32K/8,4 l2 1024K/8,14 l3 32768K/16,50 levels 5 coalesce true "
       "prefetch "
       "false dram ddr5-4800 x 24"},
      {"turin",
       "load 96/96 96/96 96/96 store 96/96 itlb 64/64 64/64 stlb 4096/16 4096/16 - itlb2 2048/8 penalty 7 walkers 6 "
       "pde "
       "stlb pdpte 0 pml4e 0 pml5e 0 upper 64 l1d 48K/12,4 l2 1024K/16,14 l3 32768K/16,50 levels 5 coalesce true "
       "prefetch false dram ddr5-6000 x 24"},
      {"textbook",
       "load 64/4 32/4 4/4 store 64/4 itlb 64/4 32/4 stlb 1536/12 1536/12 16/4 itlb2 unified penalty 10 walkers 1 pde "
       "32 "
       "pdpte 4 pml4e 2 pml5e 2 upper 0 l1d 32K/8,5 l2 512K/8,15 l3 8192K/16,40 levels 5 coalesce false prefetch false "
       "dram textbook x 1"},
  };
  for (const auto& [name, values] : expected) {
    const PlatformConfig platform = load_platform(name);
    EXPECT_EQ(platform.name, name);
    EXPECT_FALSE(platform.description.empty());
    EXPECT_EQ(describe(platform), values) << name;
  }
}

TEST(Presets, EveryShippedPlatformIsReadWithoutError) {
  for (const std::string& name : config_names("platforms")) EXPECT_NO_THROW(load_platform(name)) << name;
}

TEST(Presets, LargePages_EachFirstLevelTlbHoldsAllSizesOfPages) {
  for (const std::string& name : config_names("platforms")) {
    FirstLevel tlbs(load_platform(name).lsu.tlbs);
    for (const AccessKind kind : kAllOf<AccessKind>) {
      for (const PageSize size : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
        const TlbQuery query(VirtAddr(5 * kGiB + 6 * kMiB), 0);
        const Translation page({.frame = PhysAddr(7 * kGiB), .size = size});
        EXPECT_TRUE(tlbs.keep(query, kind, page, /*coalescible=*/false, /*absent=*/false))
            << name << ", " << name_of(kind) << " of a page of " << name_of(size);
      }
    }
  }
}

/// A lone core that maps the first GiB with 2 MiB pages and times loads.
class MemoryLatency {
 public:
  explicit MemoryLatency(const PlatformConfig& platform) : machine_("machine", platform) {
    TableBuilder tables(machine_.memory(), 4, PhysAddr(2 * kGiB));
    for (uint64_t at = 0; at < kGiB; at += bytes_of(PageSize::k2M))
      tables.map(VirtAddr(at), PhysAddr(at), PageSize::k2M);
    machine_.write_cr3(0, tables.root().raw());
  }

  /// Cycles of one load after another.
  std::vector<uint64_t> time(const std::vector<uint64_t>& addresses) {
    std::vector<uint64_t> cycles;
    CallProgram program([&](Core& core) {
      for (const uint64_t address : addresses) {
        const CycleTime begin = core.now();
        core.access({.va = VirtAddr(address)});
        cycles.push_back((core.now() - begin).count);
      }
    });
    simulation_.run(machine_, program);
    return cycles;
  }

 private:
  Simulation simulation_;
  Machine machine_;
};

TEST(Presets, TextbookMemoryReadsAreTheRoundNumbersItsFileSays) {
  // After the TLB knows the page, in a bank that the walk did not open: closed bank, open row, other row, cache.
  MemoryLatency chase(load_platform("textbook"));
  const auto cycles = chase.time({0x0, 0x18000, 0x18040, 0x38000, 0x38000});
  EXPECT_EQ(cycles[1], 140u);
  EXPECT_EQ(cycles[2], 120u);
  EXPECT_EQ(cycles[3], 160u);
  EXPECT_EQ(cycles[4], 5u);
}

struct Idle {
  const char* platform;
  double published_ns;
};

class IdleLatency : public testing::TestWithParam<Idle> {};

TEST_P(IdleLatency, OfRandomLoadsOverOneGibIsWithin5PercentOfThePublishedValue) {
  const PlatformConfig platform = load_platform(GetParam().platform);
  MemoryLatency chase(platform);
  std::vector<uint64_t> addresses;
  uint64_t x = 88172645463325252;
  for (int i = 0; i < 200'000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    addresses.push_back(x % kGiB & ~(kLineBytes - 1));
  }
  const auto cycles = chase.time(addresses);
  // The first half warms the TLBs. Hits in the caches do not count as memory.
  uint64_t sum = 0, loads = 0;
  for (size_t i = addresses.size() / 2; i < addresses.size(); ++i) {
    if (cycles[i] < platform.l3.latency.count + 30) continue;
    sum += cycles[i];
    ++loads;
  }
  const double ns = static_cast<double>(sum) / static_cast<double>(loads) * platform.period_ps / 1000.0;
  EXPECT_NEAR(ns / GetParam().published_ns, 1.0, 0.05) << GetParam().platform << ": " << ns << " ns";
  RecordProperty("ns", fmt::format("{:.1f}", ns));
}

INSTANTIATE_TEST_SUITE_P(Published, IdleLatency,
                         testing::Values(Idle{"skylake-sp", 85}, Idle{"cascade-lake", 85}, Idle{"icelake-sp", 90},
                                         Idle{"sapphire-rapids", 107}, Idle{"rome", 122}, Idle{"milan", 105},
                                         Idle{"genoa", 112}, Idle{"turin", 130}),
                         [](const auto& row) {
                           std::string name = row.param.platform;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace mmusim
