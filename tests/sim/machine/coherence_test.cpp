// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "sim/machine/machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr unsigned kPages = 16;
constexpr VirtAddr kWord{64};  // alone in its line

/// A machine of several cores with kPages pages from virtual address 0 on.
struct Shared {
  explicit Shared(const PlatformConfig& platform, LookAhead look_ahead = LookAhead::kPending,
                  uint64_t flags = TableBuilder::kLeafFlags)
      : machine("machine", platform, {look_ahead}), tables(machine.memory(), 4) {
    for (unsigned i = 0; i < kPages; ++i)
      tables.map(VirtAddr(i * kPageBytes), PhysAddr(kGiB + i * kPageBytes), PageSize::k4K, flags);
    for (unsigned core = 0; core < machine.cores(); ++core) {
      ControlState control = machine.control(core);
      control.set_cr3(tables.root().raw());
      machine.set_control(core, control);
    }
  }
  void run(const std::function<void(Core&, unsigned)>& body) {
    std::vector<CallProgram> programs;
    for (unsigned i = 0; i < machine.cores(); ++i) programs.emplace_back([&body, i](Core& core) { body(core, i); });
    std::vector<Program*> pointers;
    for (CallProgram& program : programs) pointers.push_back(&program);
    simulation.run(machine, pointers);
  }
  Simulation simulation;
  Machine machine;
  TableBuilder tables;
};

PlatformConfig textbook(unsigned cores, CoreModel model = CoreModel::kBlocking) {
  PlatformConfig p = load_platform("textbook");
  p.cores = cores;
  p.model = model;
  return p;
}

/// Cycles from one hand-over of a word to the next, of two cores that take turns to change it with locked instructions.
double cycles_of_hand_over(const PlatformConfig& platform) {
  const std::string text = in_child([&] {
    Shared shared(platform);
    constexpr unsigned kTurns = 200;
    unsigned turns = 0;
    CycleTime first, last;
    shared.run([&](Core& core, unsigned number) {
      MemAccess change{kWord, 8, AccessKind::kWrite};
      change.rmw = true;
      while (turns < kTurns) {
        (void)core.access(change);
        if (turns >= kTurns || turns % 2 != number) continue;
        if (++turns == 100) first = core.now();
        last = core.now();
      }
    });
    return std::to_string(static_cast<double>((last - first).count) / (kTurns - 100));
  });
  return std::stod(text);
}

struct PublishedPingPong {
  const char* preset;
  double cluster_ns, socket_ns, remote_ns;  ///< 0: as in a cluster
};

/// Sources in docs/parameters.md#coherence; of a range, its middle.
TEST(Coherence, S9_1_PingPongTakesThePublishedTime) {
  for (const PublishedPingPong& published : {PublishedPingPong{"skylake-sp", 47.5, 0, 125},
                                             {"cascade-lake", 47.5, 0, 125},
                                             {"icelake-sp", 51, 0, 130},
                                             {"sapphire-rapids", 67.5, 0, 160},
                                             {"rome", 24, 102, 200},
                                             {"milan", 23, 111, 200},
                                             {"genoa", 17, 115, 230},
                                             {"turin", 21.5, 150, 230}}) {
    PlatformConfig p = load_platform(published.preset);
    p.cores = 2;
    const auto ns = [&p](unsigned per_cluster, unsigned per_socket) {
      PlatformConfig here = p;
      here.topology.cores_per_cluster = per_cluster;
      here.topology.cores_per_socket = per_socket;
      return cycles_of_hand_over(here) * p.period_ps / 1000;
    };
    EXPECT_NEAR(ns(2, 2), published.cluster_ns, 0.1 * published.cluster_ns) << published.preset;
    if (published.socket_ns != 0) {
      EXPECT_NEAR(ns(1, 2), published.socket_ns, 0.1 * published.socket_ns) << published.preset;
    }
    EXPECT_NEAR(ns(1, 1), published.remote_ns, 0.1 * published.remote_ns) << published.preset;
  }
}

/// An access of a core in a cycle of its own, long after the others.
struct Step {
  unsigned core;
  AccessKind kind;
  uint64_t at = 64;
};

/// Cycles of each step. Every core has touched the page before, so that its TLB knows it.
std::vector<uint64_t> cycles_of(const PlatformConfig& platform, const std::vector<Step>& steps) {
  std::istringstream text(in_child([&] {
    Shared shared(platform);
    std::vector<uint64_t> cycles(steps.size());
    shared.run([&](Core& core, unsigned number) {
      core.idle(Cycles(2000 * number));
      (void)core.access({VirtAddr(2048), 8, AccessKind::kRead});
      (void)core.access({VirtAddr(2048), 8, AccessKind::kWrite});
      for (size_t i = 0; i < steps.size(); ++i) {
        core.idle(CycleTime(100000 + 2000 * i) - core.now());
        if (steps[i].core != number) continue;
        const CycleTime begin = core.now();
        (void)core.access({VirtAddr(steps[i].at), 8, steps[i].kind});
        core.drain();
        cycles[i] = (core.now() - begin).count;
      }
    });
    std::string all;
    for (const uint64_t n : cycles) all += std::to_string(n) + " ";
    return all;
  }));
  std::vector<uint64_t> cycles;
  for (uint64_t n; text >> n;) cycles.push_back(n);
  return cycles;
}

constexpr AccessKind kRead = AccessKind::kRead, kWrite = AccessKind::kWrite;
constexpr uint64_t kL1 = 5, kL3 = 40, kTransfer = 180;  // of the textbook machine

TEST(Coherence, S46_AStoreCostsEveryOtherCoreTheLine) {
  const std::vector<uint64_t> cycles =
      cycles_of(textbook(3), {{0, kWrite}, {1, kRead}, {2, kRead}, {1, kRead}, {0, kWrite}, {0, kWrite}, {1, kRead}});
  EXPECT_GT(cycles[0], kL3);        // from memory
  EXPECT_EQ(cycles[1], kTransfer);  // from core 0, which has modified it
  EXPECT_EQ(cycles[2], kL3);        // the last cache has got a copy
  EXPECT_EQ(cycles[3], kL1);
  EXPECT_EQ(cycles[4], kTransfer);  // the others have to give it up
  EXPECT_EQ(cycles[5], kL1);
  EXPECT_EQ(cycles[6], kTransfer);
}

TEST(Coherence, S44_WithMoesiTheOwnerServesAllReaders) {
  PlatformConfig p = textbook(3);
  p.topology.protocol = CoherenceProtocol::kMoesi;
  const std::vector<uint64_t> cycles = cycles_of(p, {{0, kWrite}, {1, kRead}, {2, kRead}, {0, kRead}, {0, kWrite}});
  EXPECT_EQ(cycles[1], kTransfer);
  EXPECT_EQ(cycles[2], kTransfer);
  EXPECT_EQ(cycles[3], kL1);
  EXPECT_EQ(cycles[4], kTransfer);
}

TEST(Coherence, S46_AStoreWaitsForTheFarthestHolder) {
  PlatformConfig p = textbook(4);
  p.topology.transfer = {Cycles(60), Cycles(100), Cycles(300)};
  p.topology.cores_per_cluster = p.topology.cores_per_socket = 2;
  const std::vector<uint64_t> cycles = cycles_of(
      p, {{0, kWrite}, {1, kRead}, {2, kRead}, {0, kWrite}, {1, kRead}, {0, kWrite}, {2, kRead}, {1, kWrite}});
  EXPECT_EQ(cycles[1], 60U);
  EXPECT_EQ(cycles[3], 300U);  // cores 1 and 2 have it
  EXPECT_EQ(cycles[5], 60U);
  EXPECT_EQ(cycles[7], 300U);  // cores 0 and 2
}

TEST(Coherence, ALineThatOneCoreReadIsItsToWrite) {
  const std::vector<uint64_t> cycles = cycles_of(textbook(2), {{0, kRead}, {0, kWrite}, {1, kWrite}, {1, kWrite}});
  EXPECT_EQ(cycles[1], kL1);
  EXPECT_EQ(cycles[2], kTransfer);
  EXPECT_EQ(cycles[3], kL1);
}

TEST(Coherence, OtherLinesOfAPageStay) {
  const std::vector<uint64_t> cycles =
      cycles_of(textbook(2), {{0, kRead, 128}, {0, kRead, 64}, {1, kWrite, 64}, {0, kRead, 128}, {0, kRead, 64}});
  EXPECT_EQ(cycles[3], kL1);
  EXPECT_EQ(cycles[4], kTransfer);
}

TEST(Coherence, TheWindowCoreWaitsForTheLineToo) {
  const std::vector<uint64_t> cycles =
      cycles_of(textbook(2, CoreModel::kWindow), {{0, kWrite}, {1, kWrite}, {1, kWrite}, {0, kRead}});
  EXPECT_GE(cycles[1], kTransfer);
  EXPECT_LT(cycles[1], kTransfer + 10);
  EXPECT_LT(cycles[2], 20U);
  EXPECT_GE(cycles[3], kTransfer);
}

/// Counters of one kind of all cores together.
uint64_t counted(const nlohmann::json& stats, const std::string& counter) {
  uint64_t sum = 0;
  for (const auto& [name, node] : stats.items()) {
    if (node.contains("coherence")) sum += node["coherence"][counter].get<uint64_t>();
  }
  return sum;
}

TEST(Coherence, S45_AWalkerThatSetsAFlagTakesTheEntrysLine) {
  const auto stats = nlohmann::json::parse(in_child([] {
    constexpr uint64_t kNotAccessed = 0x07;
    Shared shared(textbook(2), LookAhead::kPending, kNotAccessed);
    shared.run([](Core& core, unsigned number) {
      core.idle(Cycles(5000 * number));
      (void)core.access({VirtAddr(number * kPageBytes), 8, AccessKind::kRead});
      core.idle(Cycles(10000));
      (void)core.access({VirtAddr(number * kPageBytes), 8, AccessKind::kRead});
    });
    return to_json(shared.machine.stats()).dump();
  }));
  EXPECT_EQ(counted(stats, "invalidated"), 1U);  // both PTEs are in one line
}

TEST(Coherence, S47_ADirectoryWithoutRoomTakesLinesAway) {
  PlatformConfig p = textbook(2);
  p.topology.directory = {8, 4};
  const auto stats = nlohmann::json::parse(in_child([&] {
    Shared shared(p);
    shared.run([](Core& core, unsigned) {
      for (unsigned n = 0; n < 3 * 64; ++n) {
        core.idle(Cycles(1000));
        (void)core.access({VirtAddr(n % 64 * kLineBytes), 8, AccessKind::kRead});
      }
    });
    return to_json(shared.machine.stats()).dump();
  }));
  EXPECT_GT(counted(stats, "back_invalidated"), 100U);
}

TEST(Coherence, ALoneCoreHasNone) {
  const std::string stats = in_child([] {
    Shared shared(textbook(1));
    return to_json(shared.machine.stats()).dump();
  });
  EXPECT_EQ(stats.find("coherence"), std::string::npos);
}

/// Random programs on a few lines that all cores use: loads, stores, locked instructions, walks that set flags.
std::string random_programs(const PlatformConfig& platform, uint64_t seed, LookAhead look_ahead) {
  constexpr uint64_t kNotAccessed = 0x07;
  Shared shared(platform, look_ahead, seed % 2 == 0 ? kNotAccessed : TableBuilder::kLeafFlags);
  std::vector<CycleTime> ends(platform.cores);
  shared.run([&](Core& core, unsigned number) {
    uint64_t state = seed * 1000003 + number;
    const auto draw = [&state](uint64_t below) {
      state = state * 6364136223846793005 + 1442695040888963407;
      return (state >> 33) % below;
    };
    for (unsigned i = 0; i < 12; ++i) {
      std::vector<MemAccess> batch;
      const uint64_t lines = 1 + draw(12);
      for (uint64_t n = draw(24); n != 0; --n) {
        MemAccess access{VirtAddr(draw(kPages) / 8 * kPageBytes + draw(lines) * 8 * kLineBytes + draw(4) * 16), 8,
                         draw(3) == 0 ? kWrite : kRead};
        if (draw(30) == 0) access.va = VirtAddr(draw(kPages) * kPageBytes + draw(500) * 8);
        if (draw(40) == 0) access.kind = AccessKind::kFetch;
        access.rmw = access.kind == kWrite && draw(4) == 0;
        access.gap = static_cast<uint16_t>(draw(4) == 0 ? draw(60) : 0);
        batch.push_back(access);
      }
      core.execute(batch);
      if (draw(4) == 0) core.idle(Cycles(draw(700)));
      if (draw(6) == 0) (void)core.access({VirtAddr(draw(4) * kLineBytes), 8, kWrite});
    }
    core.drain();
    ends[number] = core.now();
  });
  return fmt::format("{} ", fmt::join(ends, " ")) + to_json(shared.machine.stats()).dump();
}

/// The platform of a seed: every rule of coherence, and caches so small that lines leave.
PlatformConfig random_platform(unsigned cores, uint64_t seed) {
  PlatformConfig p = textbook(cores, seed % 5 == 4 ? CoreModel::kWindow : CoreModel::kBlocking);
  TopologyConfig& t = p.topology;
  t.protocol = seed / 2 % 2 == 0 ? CoherenceProtocol::kMesi : CoherenceProtocol::kMoesi;
  t.transfer = {Cycles(20 + seed * 7 % 90), Cycles(50 + seed * 11 % 200), Cycles(100 + seed * 13 % 400)};
  t.cores_per_cluster = 2;
  t.cores_per_socket = 4;
  if (seed % 3 == 1) t.directory = {32, 4};
  if (seed % 7 < 3) {
    p.l1d.geometry.entries = p.l1d.geometry.ways * 2;
    p.l2.geometry.entries = p.l2.geometry.ways * 4;
    p.l3.geometry.entries = p.l3.geometry.ways * 4;
  }
  constexpr CachePolicy kPolicies[] = {CachePolicy::kFill, CachePolicy::kVictim, CachePolicy::kInclusive};
  p.l3.policy = kPolicies[seed / 3 % 3];
  return p;
}

void compare_drives(unsigned cores, uint64_t seeds) {
  uint64_t transfers = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    const PlatformConfig p = random_platform(cores, seed);
    const std::string ahead = in_child([&] { return random_programs(p, seed, LookAhead::kPending); });
    const std::string lock_step = in_child([&] { return random_programs(p, seed, LookAhead::kNone); });
    ASSERT_GT(ahead.size(), 100U) << cores << " cores, seed " << seed;
    ASSERT_TRUE(ahead == lock_step) << cores << " cores, seed " << seed;
    transfers += counted(nlohmann::json::parse(ahead.substr(ahead.find('{'))), "transfers");
  }
  EXPECT_GT(transfers, 10 * seeds);
}

TEST(Coherence, S56_LockStepAndLookAheadAreTheSameOnTwoCores) { compare_drives(2, 120); }
TEST(Coherence, S56_LockStepAndLookAheadAreTheSameOnEightCores) { compare_drives(8, 80); }
TEST(Coherence, S56_LockStepAndLookAheadAreTheSameOn64Cores) { compare_drives(64, 5); }

}  // namespace
}  // namespace mmusim
