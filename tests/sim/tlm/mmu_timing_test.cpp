// SPDX-License-Identifier: MIT
// When transactions end: as the machine alone computes it, however the initiator keeps its time.
#include "models/base/format.h"
#include "tests/sim/tlm/virtual_platform.h"

// After <systemc>, which it needs and does not include.
// clang-format off
#include <tlm_utils/tlm_quantumkeeper.h>
// clang-format on

namespace mmusim {
namespace {

using sc_core::sc_time;

constexpr uint64_t kBase = 0x7f00'0000'0000;
constexpr uint64_t kPages = 900, kAccesses = 6000;
constexpr uint64_t kData = 8 << 20;

/// The addresses of one program: some pages often, some seldom, some across a page boundary.
std::vector<uint64_t> addresses() {
  std::vector<uint64_t> list;
  uint64_t x = 1;
  for (uint64_t i = 0; i < kAccesses; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const uint64_t page = x >> 40 & 1 ? x % 40 : x % (kPages - 1);
    list.push_back(kBase + page * 4096 + (x >> 20) % 4096);
  }
  return list;
}

void map_all(VirtualPlatform& p) {
  for (uint64_t page = 0; page < kPages; ++page) p.tables.map(kBase + page * 4096, kData + page * 4096);
}

std::string counted(const std::vector<Counter>& counters) {
  std::string text;
  for (const Counter& c : counters) {
    // Programs of a core have a beginning and an end; transactions have neither.
    if (c.path != "core0.core.cycles") text += fmt::format("{} {}\n", c.path, c.value);
  }
  return text;
}

/// Cycles and every counter of the library's machine with the same tables and accesses.
std::string alone(const Platform& platform) {
  return in_child([&] {
    Platform blocking = platform;
    blocking.set("/core/model", "blocking");
    Machine machine(blocking);
    Bytes memory;
    SocketTables tables(memory);
    for (uint64_t page = 0; page < kPages; ++page) tables.map(kBase + page * 4096, kData + page * 4096);
    machine.write_memory(0, std::as_bytes(std::span(memory.bytes)));
    machine.set_root(SocketTables::kRoot);
    std::vector<Access> accesses;
    for (const uint64_t va : addresses()) accesses.push_back({.va = va});
    machine.run(accesses);
    return fmt::format("cycles {}\n", machine.totals().cycles) + counted(machine.counters());
  });
}

/// The same through the sockets; `initiator` makes the accesses.
std::string through_sockets(const Platform& platform, const std::function<void(VirtualPlatform&)>& initiator) {
  return in_child([&] {
    VirtualPlatform p(platform);
    map_all(p);
    p.run([&] { initiator(p); });
    EXPECT_EQ(p.memory.seen.size(), p.mmu.totals().lookups);
    return fmt::format("cycles {}\n", p.mmu.totals().cycles) + counted(p.mmu.counters());
  });
}

/// A loosely-timed initiator that runs ahead by a quantum.
std::function<void(VirtualPlatform&)> loosely(const sc_time& quantum) {
  return [quantum](VirtualPlatform& p) {
    tlm_utils::tlm_quantumkeeper keeper;
    ::tlm::tlm_global_quantum::instance().set(quantum);
    keeper.reset();
    for (const uint64_t va : addresses()) {
      sc_time delay = keeper.get_local_time();
      EXPECT_EQ(p.load(va, delay).status, ::tlm::TLM_OK_RESPONSE);
      keeper.set(delay);
      if (keeper.need_sync()) keeper.sync();
    }
  };
}

void approximately(VirtualPlatform& p) {
  for (const uint64_t va : addresses()) p.transport_in_phases(va);
}

Platform platform(const char* name) { return Platform::load(name); }

TEST(TlmTiming, ALooselyTimedInitiatorGetsTheMachinesTimesWhateverItsQuantum) {
  for (const char* name : {"textbook", "milan"}) {
    const std::string expected = alone(platform(name));
    for (const double ns : {0.0, 100.0, 1e9})
      EXPECT_EQ(through_sockets(platform(name), loosely(sc_time(ns, sc_core::SC_NS))), expected) << name << " " << ns;
  }
}

TEST(TlmTiming, AnApproximatelyTimedInitiatorGetsThemToo) {
  EXPECT_EQ(through_sockets(platform("textbook"), approximately), alone(platform("textbook")));
}

TEST(TlmTiming, PrefetchersThatWorkBesideTheCoreChangeNothing) {
  Platform prefetching = platform("textbook");
  prefetching.set("/caches/l2/prefetch_next_line", "true");
  const std::string expected = alone(prefetching);
  for (const double ns : {0.0, 1e9})
    EXPECT_EQ(through_sockets(prefetching, loosely(sc_time(ns, sc_core::SC_NS))), expected) << ns;
}

TEST(TlmTiming, TheMemorysDelayIsAddedAndTheNextAccessBeginsAfterIt) {
  const auto run = [](const sc_time& latency) {
    return in_child([&] {
      VirtualPlatform p;
      map_all(p);
      p.memory.latency = latency;
      sc_time delay;
      p.run([&] {
        for (unsigned i = 0; i < 10; ++i) p.load(kBase + i * 8, delay);
      });
      return std::to_string(delay / sc_time(1, sc_core::SC_NS));
    });
  };
  EXPECT_EQ(std::stod(run(sc_time(7, sc_core::SC_NS))), std::stod(run(sc_core::SC_ZERO_TIME)) + 70);
}

TEST(TlmTiming, TwoInitiatorsTakeTurns) {
  VirtualPlatform p;
  map_all(p);
  std::vector<double> ends;
  const auto initiator = [&] {
    for (unsigned i = 0; i < 4; ++i) {
      sc_time delay;
      p.load(kBase, delay);
      sc_core::wait(delay);
      ends.push_back(sc_core::sc_time_stamp() / sc_time(1, sc_core::SC_NS));
    }
  };
  sc_core::sc_spawn(initiator);
  p.run(initiator);
  ASSERT_EQ(ends.size(), 8u);
  for (size_t i = 1; i < ends.size(); ++i) EXPECT_EQ(ends[i] - ends[i - 1], 5) << i;  // each a hit of the L1
}

}  // namespace
}  // namespace mmusim
