// SPDX-License-Identifier: MIT
// The machine against the pure walk: random tables, random accesses, entries and control registers that change with the
// invalidation the architecture asks for and no more. Each access must end as the pure walk ends without any cache, and
// leave the same bits in the tables.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "models/x86/translate.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/x86/entry_map.h"
#include "tests/x86/random_tables.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

constexpr unsigned kAccesses = 20'000;
constexpr PhysAddr kRoots[] = {PhysAddr(0x1000), PhysAddr(0x2000)};
constexpr uint64_t kRootBytes = kPageBytes;

PlatformConfig platform_named(const std::string& name) {
  const size_t dash = name.find('/');
  PlatformConfig p = load_platform(name.substr(0, dash));
  const std::string variant = dash == std::string::npos ? "" : name.substr(dash + 1);
  if (variant == "no structure caches") p.walker.structure_caches = {};
  if (variant == "window") {
    p.model = CoreModel::kWindow;
    p.window.outstanding = 8;
    p.walker.walkers = 2;
  }
  p.cores = 1;
  return p;
}

class TimedWalk : public ::testing::TestWithParam<std::tuple<std::string, PagingMode>> {
 protected:
  TimedWalk()
      : mode(std::get<1>(GetParam())),
        machine("machine", platform_named(std::get<0>(GetParam()))),
        random(std::hash<std::string>{}(std::get<0>(GetParam())) + static_cast<unsigned>(mode)) {
    registers = registers_for(mode, kRoots[0].raw());
    registers.cr4 |= kCr4Pge;
    if (is_long_mode(mode)) registers.cr4 |= kCr4Pcide | kCr4Pke;
    traits = machine.platform().processor;
    if (mode == PagingMode::kPae) registers.pdpte.fill(kRoots[0].raw() | pte::kPresent);
    control = ControlState(registers, traits);
  }

  void store(PhysAddr pa, uint64_t value) {
    const unsigned bytes = control.entry_bytes();
    machine.memory().store(pa, value, bytes);
    reference.store(pa, value, bytes);
  }
  uint64_t load(PhysAddr pa) { return reference.load(pa, control.entry_bytes()); }

  /// Both address spaces: the same upper half, a lower half of their own.
  void build(RandomTables& tables) {
    const auto put = [this](PhysAddr pa, uint64_t value) { store(pa, value); };
    tables.build(kRoots[0], put);
    if (!is_long_mode(mode)) return;
    store(kRoots[1], tables.random_entry(control.levels(), entry_address(load(kRoots[0])), true) | pte::kPresent);
    const PhysAddr last(kRootBytes - kEntryBytes);
    store(kRoots[1] + last.raw(), load(kRoots[0] + last.raw()));
  }

  void access(Core& core, RandomTables& tables) {
    MemAccess a;
    a.va = tables.random_address();
    a.bytes = static_cast<uint16_t>(1 + random() % 16);
    a.kind = static_cast<AccessKind>(random() % 3);
    a.rmw = a.kind == AccessKind::kWrite && tables.chance(20);
    a.user = tables.chance(60);
    a.implicit = a.kind != AccessKind::kFetch && tables.chance(5);
    a.stack = tables.chance(5);
    const AccessResult got = core.access(a);
    const Outcome want = translate(control, a.va, a.bytes, access_type_of(a), PhysMemEntries{reference});
    faults += want.fault ? 1 : 0;
    ASSERT_EQ(got.fault.has_value(), want.fault.has_value()) << fmt::format("{} step {}", a.va, step);
    if (want.fault) {
      ASSERT_EQ(*got.fault, *want.fault) << name_of(*got.fault) << ", expected " << name_of(*want.fault);
    } else {
      ASSERT_EQ(got.pa.raw(), want.pa.raw()) << fmt::format("{} step {}", a.va, step);
    }
  }

  /// Any entry, or one on the way to an address in use.
  TableEntry entry_to_change(RandomTables& tables) {
    const VirtAddr va = control.linear(tables.random_address());
    Walk walk(control, va);
    while (!walk.done()) walk.feed(load(walk.entry_pa()));
    if (tables.chance(5) || walk.steps().empty() || !control.canonical(va)) {
      return tables.entries()[random() % tables.entries().size()];
    }
    const Walk::Step& chosen = tables.chance(85) ? walk.steps().back() : walk.steps()[random() % walk.steps().size()];
    const uint64_t bytes = uint64_t{1} << control.rules(chosen.level).shift;
    return {chosen.entry_pa, chosen.level, va.align_down(bytes), static_cast<int64_t>(va.raw()) >= 0};
  }

  /// Both address spaces share the upper half: its top entries are the same.
  void put(const TableEntry& e, uint64_t value) {
    store(e.pa, value);
    if (!is_long_mode(mode) || e.level != control.levels() || e.user_half) return;
    for (const PhysAddr root : kRoots) store(control.entry_pa(root, e.va, e.level), value);
  }

  /// A random entry changes; then what the architecture asks software to do.
  void change_entry(RandomTables& tables) {
    const TableEntry e = entry_to_change(tables);
    const uint64_t old = load(e.pa);
    if (tables.chance(30)) {  // more rights: needs no invalidation
      put(e, old | pte::kWritable);
      return;
    }
    // A table keeps its place in the tree or is a new one: no table is reached by two addresses of one space.
    const bool table = old != 0 && e.level > 1 && (old & control.rules(e.level).leaf_bit) == 0;
    uint64_t entry = tables.random_entry(e.level, table ? entry_address(old) : tables.next_table(), e.user_half);
    const bool top = e.level == control.levels() || (mode == PagingMode::kPae && e.level == 2);
    if (top && !e.user_half) entry |= pte::kAccessed;
    put(e, entry);
    // Both address spaces may share the table. INVLPG reaches the current tag and globals, INVPCID the other tag.
    if (e.level == 1 && tables.chance(95)) {
      machine.invalidate(0, on_invlpg(control, e.va));
      if (control.pcide()) {
        const auto other = on_invpcid(control, 0, control.pcid() ^ 1, e.va);
        machine.invalidate(0, *other);
      }
    } else {
      machine.invalidate(0, *on_invpcid(control, 2, 0, VirtAddr()));
    }
  }

  void switch_space() {
    if (!is_long_mode(mode)) return;
    const unsigned which = control.pcid() ^ 1;
    const uint64_t keep = random() % 2 != 0 ? kCr3NoInvalidate : 0;
    const uint64_t value = kRoots[which].raw() | which | keep;
    machine.write_cr3(0, value);
    control.set_cr3(value);
  }

  /// WP, SMAP, AC and PKRU need no invalidation; SMEP has its own.
  void change_control() {
    ControlRegisters r = control.registers();
    const auto what = random() % 5;
    if (what == 0) r.cr0 ^= kCr0Wp;
    if (what == 1) r.cr4 ^= kCr4Smap;
    if (what == 2) r.ac = !r.ac;
    if (what == 3) r.pkru = random() % 2 != 0 ? static_cast<uint32_t>(random()) : 0;
    if (what == 4) {
      machine.invalidate(0, on_mov_cr4(control, r.cr4 ^ kCr4Smep));
      r.cr4 ^= kCr4Smep;
    }
    control.set_registers(r);
    machine.set_control(0, control);
  }

  void expect_same_tables(const RandomTables& tables) {
    for (const TableEntry& e : tables.entries()) {
      ASSERT_EQ(machine.memory().load(e.pa, control.entry_bytes()), load(e.pa))
          << fmt::format("{} entry for {} step {}", entry_name(e.level), e.va, step);
    }
  }

  PagingMode mode;
  Simulation simulation;
  Machine machine;
  std::mt19937_64 random;
  ControlRegisters registers;
  ProcessorTraits traits;
  ControlState control;
  PhysMem reference;
  unsigned step = 0;
  unsigned faults = 0;
};

TEST_P(TimedWalk, EndsAsThePureWalkAndLeavesTheSameBits) {
  RandomTables tables(control, random);
  build(tables);
  machine.set_control(0, control);
  CallProgram program([&](Core& core) {
    for (step = 0; step < kAccesses && !HasFatalFailure(); ++step) {
      const auto what = random() % 200;
      if (what < 4) change_entry(tables);
      if (what >= 4 && what < 8) switch_space();
      if (what >= 8 && what < 12) change_control();
      access(core, tables);
      if (step % 256 == 0 && !HasFatalFailure()) expect_same_tables(tables);
    }
  });
  simulation.run(machine, program);
  if (!HasFatalFailure()) expect_same_tables(tables);
  EXPECT_GT(faults, kAccesses / 50) << "too few faults to tell";
  EXPECT_LT(faults, kAccesses * 19 / 20) << "too few translations to tell";
  EXPECT_LT(machine.totals().walks, 2 * kAccesses);
}

constexpr PagingMode kLong[] = {PagingMode::k4Level, PagingMode::k5Level};
std::string case_name(const ::testing::TestParamInfo<TimedWalk::ParamType>& param) {
  std::string name = std::get<0>(param.param) + "_" + name_of(std::get<1>(param.param));
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Platforms, TimedWalk,
    ::testing::Combine(::testing::Values<std::string>("textbook", "textbook/no structure caches", "textbook/window",
                                                      "skylake-sp", "cascade-lake", "icelake-sp", "sapphire-rapids",
                                                      "rome", "milan", "genoa", "turin", "milan/no structure caches"),
                       ::testing::ValuesIn(kLong)),
    case_name);
INSTANTIATE_TEST_SUITE_P(Legacy, TimedWalk,
                         ::testing::Combine(::testing::Values<std::string>("textbook", "skylake-sp", "milan"),
                                            ::testing::Values(PagingMode::kPae, PagingMode::k32Bit)),
                         case_name);

}  // namespace
}  // namespace mmusim
