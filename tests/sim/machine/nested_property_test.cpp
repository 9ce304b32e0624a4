// SPDX-License-Identifier: MIT
// Random guests over random host tables, random accesses and invalidations. The checker of --paranoid compares each
// translation and each fault with the pure nested walk, so that a case passes only if the machine ends every access as
// that walk does. Both kinds of machine run the same steps and must count the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "models/base/config_files.h"
#include "sim/machine/functional_machine.h"
#include "sim/machine/machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

using Random = std::mt19937_64;

/// Seeds for each platform; MMUSIM_NESTED_SEEDS asks for more than the test does by itself.
unsigned seeds() {
  const char* asked = std::getenv("MMUSIM_NESTED_SEEDS");
  return asked != nullptr ? static_cast<unsigned>(std::strtoul(asked, nullptr, 10)) : 100;
}

VirtualizationConfig random_host(Random& random, const PlatformConfig& platform) {
  constexpr PageSize kSizes[] = {PageSize::k4K, PageSize::k2M, PageSize::k1G};
  VirtualizationConfig c;
  c.mode = platform.processor.vendor == Vendor::kAmd ? VirtualizationMode::kNpt : VirtualizationMode::kEpt;
  c.host_levels = 4 + static_cast<unsigned>(random() % 2);
  c.pages.clear();
  for (unsigned i = 0; i < 1 + random() % 3; ++i)
    c.pages.push_back({(1 + random() % 16) * 4 * kMiB, kSizes[random() % 3]});
  c.huge_fraction = static_cast<double>(random() % 5) / 4;
  c.frames = random() % 2 == 0 ? HostFrameOrder::kRandom : HostFrameOrder::kSequential;
  c.accessed_dirty = random() % 2 == 0;
  c.tags = random() % 4 != 0;
  c.on_demand = random() % 4 == 0;
  c.seed = random();
  return c;
}

struct Page {
  VirtAddr va;
  PhysAddr pa;
  PageSize size = PageSize::k4K;
  uint64_t flags = 0;
};

/// Pages of every size and right, near each other and far apart, some of them not present.
std::vector<Page> random_pages(Random& random) {
  constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kGlobalBit = 0x100;
  std::vector<Page> pages;
  const auto flags = [&] {
    uint64_t f = kPresent;
    for (const uint64_t bit : {kWritable, kUser, kAccessed, kDirty, kGlobalBit}) f |= random() % 4 != 0 ? bit : 0;
    return random() % 16 == 0 ? f & ~kPresent : f;
  };
  for (uint64_t i = 0; i < 300; ++i) {
    pages.push_back({VirtAddr(i * kPageBytes), PhysAddr(kGiB + random() % 4096 * kPageBytes), PageSize::k4K, flags()});
  }
  for (uint64_t i = 1; i < 24; ++i) {
    pages.push_back({VirtAddr(i * 2 * kMiB), PhysAddr(2 * kGiB + random() % 64 * 2 * kMiB), PageSize::k2M, flags()});
  }
  pages.push_back({VirtAddr(kGiB), PhysAddr(4 * kGiB), PageSize::k1G, flags() | kPresent});
  pages.push_back({VirtAddr(uint64_t{1} << 40), PhysAddr(3 * kGiB), PageSize::k4K, flags() | kPresent});
  return pages;
}

struct Step {
  enum class Kind : uint8_t { kAccess, kChange, kInvlpg, kMovCr3, kInvvpid, kInvept } kind = Kind::kAccess;
  MemAccess access;
  size_t page = 0;
  uint64_t flags = 0;
  bool keep_globals = false;
};

std::vector<Step> random_steps(Random& random, const std::vector<Page>& pages) {
  std::vector<Step> steps(600);
  for (Step& s : steps) {
    s.page = random() % pages.size();
    const Page& page = pages[s.page];
    const uint64_t choice = random() % 64;
    s.kind = choice < 56   ? Step::Kind::kAccess
             : choice < 59 ? Step::Kind::kChange
             : choice < 60 ? Step::Kind::kInvlpg
             : choice < 61 ? Step::Kind::kMovCr3
             : choice < 62 ? Step::Kind::kInvvpid
                           : Step::Kind::kInvept;
    s.access.va = page.va + random() % bytes_of(page.size);
    s.access.bytes = static_cast<uint16_t>(1U << random() % 4);
    s.access.kind = random() % 3 == 0 ? AccessKind::kWrite : random() % 8 == 0 ? AccessKind::kFetch : AccessKind::kRead;
    s.access.user = random() % 2 == 0;
    s.flags = random() % 8 == 0 ? 0 : 0x1 | (random() & 0x66);
    s.keep_globals = random() % 2 == 0;
  }
  return steps;
}

/// Carries the steps out on a machine of either kind, by functions of one meaning.
template <class Access, class Invalidate, class Reload>
void carry_out(const std::vector<Step>& steps, const std::vector<Page>& pages, const ControlState& control,
               TableBuilder& tables, Access&& access, Invalidate&& invalidate, Reload&& reload) {
  for (const Step& s : steps) {
    const Page& page = pages[s.page];
    switch (s.kind) {
      case Step::Kind::kAccess:
        access(s.access);
        break;
      case Step::Kind::kChange:  // with the INVLPG that software owes: nothing stale is left
        tables.map(page.va, page.pa, page.size, s.flags);
        invalidate(on_invlpg(control, page.va));
        break;
      case Step::Kind::kInvlpg:
        invalidate(on_invlpg(control, s.access.va));
        break;
      case Step::Kind::kMovCr3:
        reload(tables.root().raw());
        break;
      case Step::Kind::kInvvpid:
        invalidate(on_invvpid(s.keep_globals));
        break;
      case Step::Kind::kInvept:
        invalidate(on_invept());
        break;
    }
  }
}

/// A random guest and what happens to it.
struct Case {
  Case(const std::string& platform_name, unsigned seed) : platform(load_platform(platform_name)) {
    platform.model = CoreModel::kBlocking;
    platform.cores = 1;
    Random random(seed);
    host = random_host(random, platform);
    pages = random_pages(random);
    steps = random_steps(random, pages);
  }
  MachineTotals on_functional_machine() const {
    FunctionalMachine machine(platform, /*paranoid=*/true, host);
    TableBuilder tables(machine.memory(), 4);
    for (const Page& p : pages) tables.map(p.va, p.pa, p.size, p.flags);
    machine.write_cr3(tables.root().raw());
    carry_out(
        steps, pages, machine.control(), tables,
        [&](const MemAccess& a) {
          machine.execute({&a, 1});
        },
        [&](const auto& what) { machine.invalidate(what); }, [&](uint64_t cr3) { machine.write_cr3(cr3); });
    EXPECT_NE(machine.checker()->translations_checked(), 0U);
    EXPECT_EQ(machine.checker()->stale_seen(), 0U);
    return machine.totals();
  }
  /// Once in a process: SystemC runs one simulation.
  MachineTotals on_timed_machine() const {
    MachineOptions options;
    options.paranoid = true;
    options.virtualization = host;
    Simulation simulation;
    Machine machine("machine", platform, options);
    TableBuilder tables(machine.memory(), 4);
    for (const Page& p : pages) tables.map(p.va, p.pa, p.size, p.flags);
    machine.write_cr3(0, tables.root().raw());
    CallProgram program([&](Core& core) {
      carry_out(
          steps, pages, machine.control(0), tables,
          [&](const MemAccess& a) {
            core.execute({&a, 1});
            core.drain();
          },
          [&](const auto& what) { machine.invalidate(0, what); }, [&](uint64_t cr3) { machine.write_cr3(0, cr3); });
    });
    simulation.run(machine, program);
    return machine.totals();
  }

  PlatformConfig platform;
  VirtualizationConfig host;
  std::vector<Page> pages;
  std::vector<Step> steps;
};

class RandomGuests : public testing::TestWithParam<std::string> {};

TEST_P(RandomGuests, N34N72EachAccessEndsAsThePureNestedWalk) {
  for (unsigned seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE(seed);
    EXPECT_NE(Case(GetParam(), seed).on_functional_machine().host_entry_reads, 0U);
  }
}

TEST_P(RandomGuests, BothMachinesCountTheSame) {
  const Case one(GetParam(), seeds() + 1);
  const MachineTotals f = one.on_functional_machine(), t = one.on_timed_machine();
  EXPECT_EQ(f.walks, t.walks);
  EXPECT_EQ(f.entry_reads, t.entry_reads);
  EXPECT_EQ(f.host_entry_reads, t.host_entry_reads);
  EXPECT_EQ(f.nested_walks, t.nested_walks);
  EXPECT_EQ(f.exits, t.exits);
}

INSTANTIATE_TEST_SUITE_P(Presets, RandomGuests,
                         testing::Values("textbook", "skylake-sp", "cascade-lake", "icelake-sp", "sapphire-rapids",
                                         "rome", "milan", "genoa", "turin"));

}  // namespace
}  // namespace mmusim
