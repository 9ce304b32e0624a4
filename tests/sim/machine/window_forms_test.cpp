// SPDX-License-Identifier: MIT
// The window core against closed forms: streams whose time follows from latencies, widths and slots alone, on the
// textbook machine and on two processors with their own numbers. Each data line is in the L3 only, and the TLB has its
// page; the second level is made small, so that few lines do.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/machine/machine.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kData = 0x40000000, kCode = 0x80000000;
constexpr unsigned kLines = 4096;  ///< of data, taken round and round

PlatformConfig platform_of(const std::string& name) {
  PlatformConfig p = load_platform(name);
  p.model = CoreModel::kWindow;
  p.l2.geometry.entries = 64 * p.l2.geometry.ways;
  return p;
}

MemAccess load(unsigned n) { return {VirtAddr(kData + uint64_t{n % kLines} * kLineBytes)}; }
MemAccess store(unsigned n) {
  MemAccess access = load(n);
  access.kind = AccessKind::kWrite;
  return access;
}

/// A stream with `pass` once for each line, `rounds` times.
template <class Pass>
std::vector<MemAccess> stream(unsigned rounds, Pass&& pass) {
  std::vector<MemAccess> accesses;
  for (unsigned n = 0; n < rounds * kLines; ++n) pass(accesses, n);
  return accesses;
}

/// The same stream with a fetch for each instruction, all of one line of code.
std::vector<MemAccess> with_fetches(const std::vector<MemAccess>& accesses) {
  std::vector<MemAccess> out;
  std::vector<size_t> place;  // of each access
  for (const MemAccess& access : accesses) {
    for (unsigned i = 0; i <= access.gap; ++i) {
      out.push_back({VirtAddr(kCode + (out.size() % 16) * 4), 4, AccessKind::kFetch});
    }
    MemAccess data = access;
    data.gap = 0;
    const auto moved = [&](uint16_t distance) {
      return distance == 0 ? uint16_t{0} : static_cast<uint16_t>(out.size() - place[place.size() - distance]);
    };
    data.depends_on = moved(access.depends_on);
    for (size_t i = 0; i < data.also_depends_on.size(); ++i) data.also_depends_on[i] = moved(access.also_depends_on[i]);
    place.push_back(out.size());
    out.push_back(data);
  }
  return out;
}

double measure(const PlatformConfig& platform, const std::vector<MemAccess>& accesses, unsigned rounds) {
  Simulation simulation;
  Machine machine("machine", platform);
  TableBuilder tables(machine.memory(), 4);
  tables.map(VirtAddr(kData), PhysAddr(kGiB), PageSize::k2M);
  tables.map(VirtAddr(kCode), PhysAddr(2 * kGiB), PageSize::k2M);
  machine.write_cr3(0, tables.root().raw());
  Cycles measured{0};
  CallProgram program([&](Core& core) {
    const auto warm = static_cast<std::ptrdiff_t>(accesses.size() / rounds);
    const std::span<const MemAccess> all(accesses);
    core.execute(all.first(static_cast<size_t>(warm)));
    core.drain();
    const CycleTime begin = core.now();
    core.execute(all.subspan(static_cast<size_t>(warm)));
    core.drain();
    measured = core.now() - begin;
  });
  simulation.run(machine, program);
  return static_cast<double>(measured.count) / ((rounds - 1) * kLines);
}

/// Cycles for each line of a stream, without the first round.
double cycles_of(const PlatformConfig& platform, const std::vector<MemAccess>& accesses, unsigned rounds) {
  return std::stod(in_child([&] { return std::to_string(measure(platform, accesses, rounds)); }));
}

class WindowForms : public testing::TestWithParam<const char*> {
 protected:
  PlatformConfig p = platform_of(GetParam());
  double l3 = static_cast<double>(p.l3.latency.count);
  double slots = p.window.outstanding;
  double width = p.window.issue_width;
  /// Holds a stream to its closed form, without fetches and with them.
  template <class Pass>
  void expect_cycles(double expected, Pass&& pass, unsigned rounds = 3) {
    const auto accesses = stream(rounds, pass);
    EXPECT_NEAR(cycles_of(p, accesses, rounds) / expected, 1, 0.02);
    EXPECT_NEAR(cycles_of(p, with_fetches(accesses), rounds) / expected, 1, 0.02) << "with fetches";
  }
};

TEST_P(WindowForms, ChainsTakeTheLatencyOfEachNode) {
  expect_cycles(l3, [](auto& out, unsigned n) {
    out.push_back(load(n));
    out.back().depends_on = n == 0 ? 0 : 1;
  });
}

TEST_P(WindowForms, IndependentLoadsTakeTheLatencyByTheSlots) {
  expect_cycles(std::max(l3 / slots, 1 / width), [](auto& out, unsigned n) { out.push_back(load(n)); });
}

TEST_P(WindowForms, ListsThatFitTheWindowAreAsFastAsIndependentLoads) {
  for (const unsigned length : {2U, 4U}) {
    const double lists = p.window.load_queue / static_cast<double>(length);
    const auto pass = [length](auto& out, unsigned n) {
      out.push_back(load(n));
      out.back().depends_on = n % length == 0 ? 0 : 1;
    };
    const double expected = std::max(l3 / std::min(slots, lists), 1 / width);
    if (slots <= lists) {
      expect_cycles(expected, pass);
    } else {  // the load queue binds: lists that are partly done leave room for more than `lists` at once
      EXPECT_LE(cycles_of(p, stream(3, pass), 3) / expected, 1.02);
    }
  }
}

TEST_P(WindowForms, NodesWithTwoSourcesWaitForBoth) {
  // Each needs the one before and the one before that: a chain, however slots are free.
  expect_cycles(l3, [](auto& out, unsigned n) {
    out.push_back(load(n));
    out.back().depends_on = n < 2 ? 0 : 2;
    if (n >= 2) out.back().also_depends_on[0] = 1;
  });
  // Of every four, the fourth needs the other three: one latency for three and one for the fourth.
  expect_cycles(std::max(l3 / slots, 1 / width), [](auto& out, unsigned n) {
    out.push_back(load(n));
    if (n % 4 != 3) return;
    out.back().depends_on = 1;
    out.back().also_depends_on = {2, 3, 0, 0};
  });
}

TEST_P(WindowForms, InstructionsWithoutAccessTakeTheirShareOfTheWidth) {
  expect_cycles(std::max(l3 / slots, 10 / width), [](auto& out, unsigned n) {
    out.push_back(load(n));
    out.back().gap = 9;
  });
}

TEST_P(WindowForms, FirstLevelHitsAreLimitedByWidthAndPorts) {
  const auto hits = [](auto& out, unsigned n) { out.push_back(load(n % 64)); };
  for (const unsigned ports : {1U, 2U, p.window.issue_width}) {
    p.l1d.ports = ports;
    expect_cycles(std::max(1 / width, 1.0 / ports), hits);
  }
}

TEST_P(WindowForms, LoadsOfWhatIsStoredTakeNothingOfTheirOwn) {
  expect_cycles(std::max(l3 / slots, 2 / width), [](auto& out, unsigned n) {
    out.push_back(store(n));
    out.push_back(load(n));
  });
}

TEST_P(WindowForms, LoadsOfOneLineShareItsMiss) {
  const double lines = p.window.load_queue / 8.0;
  expect_cycles(std::max(l3 / std::min(slots, lines), 8 / width), [](auto& out, unsigned n) {
    for (unsigned i = 0; i < 8; ++i) {
      out.push_back(load(n));
      out.back().va += 8 * i;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Platforms, WindowForms, testing::Values("textbook", "milan", "skylake-sp"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mmusim
