// SPDX-License-Identifier: MIT
// Each invalidation rule of the architecture, seen from a program: entries change in memory without an invalidation,
// then one operation; what it must remove is walked again, everything else still gives the old page (the classic bug).
#include <gtest/gtest.h>

#include <functional>

#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "tests/support/table_builder.h"

namespace mmusim {
namespace {

constexpr uint64_t kA = 0x1000, kA2 = 0x40'0000'0000, kB = 0x3000;  ///< pages of PCID 1, 1 and 2
constexpr uint64_t kG = 0x5000;                                     ///< a global page
constexpr uint64_t kOld = kGiB, kNew = 2 * kGiB;
constexpr uint64_t kGlobalLeaf = TableBuilder::kLeafFlags | pte::kGlobal;

/// Which pages still have their old translation.
struct Stale {
  bool a, a2, b, g;
  bool operator==(const Stale&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Stale& s) {
  return out << "A " << s.a << " A2 " << s.a2 << " B " << s.b << " G " << s.g;
}
constexpr Stale kNothingGone{true, true, true, true}, kAllGone{false, false, false, false};

class InvalidationRules : public testing::TestWithParam<std::string> {
 protected:
  InvalidationRules() : machine("machine", load_platform(GetParam())), tables(machine.memory(), 4) {
    ControlRegisters registers = machine.control(0).registers();
    registers.cr4 |= kCr4Pge | kCr4Pcide;
    registers.cr3 = tables.root().raw();
    machine.set_control(0, ControlState(registers, machine.platform().processor));
  }

  void map_all(uint64_t frame) {
    for (const uint64_t va : {kA, kA2, kB}) tables.map(VirtAddr(va), PhysAddr(frame + va % kMiB), PageSize::k4K);
    tables.map(VirtAddr(kG), PhysAddr(frame + kG), PageSize::k4K, kGlobalLeaf);
  }
  /// Makes a PCID current and removes nothing.
  void use(uint16_t pcid) {
    ControlRegisters registers = machine.control(0).registers();
    registers.cr4 |= kCr4Pcide;
    registers.cr3 = tables.root().raw() | pcid;
    machine.set_control(0, ControlState(registers, machine.platform().processor));
  }
  bool old(Core& core, uint64_t va) { return core.access({VirtAddr(va)}).pa < PhysAddr(kNew); }

  /// Loads all pages with their old frames, changes the entries, carries out `operation` with PCID 1 current, and
  /// looks.
  Stale after(Core& core, const std::function<Invalidation(const ControlState&)>& operation) {
    machine.invalidate(0, *on_invpcid(machine.control(0), 2, 0, VirtAddr()));
    map_all(kOld);
    use(2);
    EXPECT_TRUE(old(core, kB));
    use(1);
    for (const uint64_t va : {kA, kA2, kG}) EXPECT_TRUE(old(core, va));
    map_all(kNew);
    const Invalidation what = operation(machine.control(0));
    if (!what.nothing()) machine.invalidate(0, what);
    Stale stale{};
    stale.a = old(core, kA);
    stale.a2 = old(core, kA2);
    stale.g = old(core, kG);
    use(2);
    stale.b = old(core, kB);
    return stale;
  }

  Simulation simulation;
  Machine machine;
  TableBuilder tables;
};

TEST_P(InvalidationRules, EachOperationRemovesWhatItMustAndNoMore) {
  const auto cr4 = [](uint64_t flip) {
    return [flip](const ControlState& c) { return on_mov_cr4(c, c.registers().cr4 ^ flip); };
  };
  CallProgram program([&](Core& core) {
    EXPECT_EQ(after(core, [](const ControlState&) { return Invalidation{}; }), kNothingGone) << "the classic bug";
    EXPECT_EQ(after(core, [](const auto& c) { return on_invlpg(c, VirtAddr(kA)); }), (Stale{false, true, true, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return on_invlpg(c, VirtAddr(kB)); }), kNothingGone) << "another PCID";
    EXPECT_EQ(after(core, [](const auto& c) { return on_invlpg(c, VirtAddr(kG)); }), (Stale{true, true, true, false}));
    EXPECT_EQ(after(core, [](const auto& c) { return on_invlpg(c, VirtAddr(uint64_t{1} << 60)); }), kNothingGone);
    EXPECT_EQ(after(core, [](const auto& c) { return *on_invpcid(c, 0, 2, VirtAddr(kB)); }),
              (Stale{true, true, false, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return *on_invpcid(c, 0, 1, VirtAddr(kG)); }), kNothingGone)
        << "type 0 leaves globals";
    EXPECT_EQ(after(core, [](const auto& c) { return *on_invpcid(c, 1, 2, VirtAddr()); }),
              (Stale{true, true, false, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return *on_invpcid(c, 2, 0, VirtAddr()); }), kAllGone);
    EXPECT_EQ(after(core, [](const auto& c) { return *on_invpcid(c, 3, 0, VirtAddr()); }),
              (Stale{false, false, false, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return on_mov_cr3(c, 1); }), (Stale{false, false, true, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return on_mov_cr3(c, 2); }), (Stale{true, true, false, true}));
    EXPECT_EQ(after(core, [](const auto& c) { return on_mov_cr3(c, 1 | kCr3NoInvalidate); }), kNothingGone);
    EXPECT_EQ(after(core, cr4(kCr4Pge)), kAllGone);
    EXPECT_EQ(after(core, cr4(kCr4Pcide)), kAllGone) << "1 to 0";
    EXPECT_EQ(after(core, cr4(kCr4Smep)), (Stale{false, false, true, false})) << "0 to 1";
    EXPECT_EQ(after(core, cr4(kCr4Smap)), kNothingGone);
    EXPECT_EQ(after(core, [](const auto& c) { return on_mov_cr0(c, c.registers().cr0 ^ kCr0Pg); }), kAllGone)
        << "paging off, without which LA57 cannot change";
    EXPECT_EQ(after(core, [](const auto& c) { return on_mov_cr0(c, c.registers().cr0 ^ kCr0Wp); }), kNothingGone);
  });
  simulation.run(machine, program);
}

TEST_P(InvalidationRules, WithoutPcidsMovToCr3RemovesAllButGlobals) {
  CallProgram program([&](Core& core) {
    ControlRegisters registers = machine.control(0).registers();
    registers.cr4 &= ~kCr4Pcide;
    machine.set_control(0, ControlState(registers, machine.platform().processor));
    map_all(kOld);
    EXPECT_TRUE(old(core, kA) && old(core, kG));
    map_all(kNew);
    EXPECT_TRUE(machine.write_cr3(0, tables.root().raw()));
    EXPECT_FALSE(old(core, kA));
    EXPECT_TRUE(old(core, kG));
  });
  simulation.run(machine, program);
}

/// x86-paging E18: a changed entry above the leaf is used from the paging-structure caches until an INVLPG of any
/// address.
TEST_P(InvalidationRules, E18_AChangedUpperEntryIsStaleUntilAnInvlpgOfAnyAddress) {
  CallProgram program([&](Core& core) {
    use(1);
    map_all(kOld);
    EXPECT_TRUE(old(core, kA));
    TableBuilder other(machine.memory(), 4, PhysAddr(0x100'0000));
    for (const uint64_t va : {kA, kB}) other.map(VirtAddr(va), PhysAddr(kNew + va), PageSize::k4K);
    const PhysAddr entry = tables.entry(VirtAddr(0), 4);
    machine.memory().store64(entry, machine.memory().load64(other.entry(VirtAddr(0), 4)));
    EXPECT_TRUE(old(core, kB)) << "never translated, but its tables are cached";
    machine.invalidate(0, on_invlpg(machine.control(0), VirtAddr(kB)));
    EXPECT_FALSE(old(core, kB));
    EXPECT_TRUE(old(core, kA)) << "its translation is another entry";
  });
  simulation.run(machine, program);
}

/// x86-paging 11.2, 11.4: rights that grow need no invalidation: the access walks again, and passes.
TEST_P(InvalidationRules, GrowingRightsAreSeenWithoutInvalidation) {
  CallProgram program([&](Core& core) {
    tables.map(VirtAddr(kA), PhysAddr(kOld), PageSize::k4K, pte::kPresent | pte::kAccessed);
    const MemAccess user{VirtAddr(kA), 8, AccessKind::kRead, true}, store{VirtAddr(kA), 8, AccessKind::kWrite};
    EXPECT_FALSE(core.access({VirtAddr(kA)}).fault);
    EXPECT_EQ(core.access(user).fault, FaultReason::kSupervisorPage);
    EXPECT_EQ(core.access(store).fault, FaultReason::kReadOnly);
    EXPECT_FALSE(core.access({VirtAddr(kA)}).fault);
    tables.map(VirtAddr(kA), PhysAddr(kOld), PageSize::k4K, TableBuilder::kLeafFlags);
    EXPECT_FALSE(core.access(user).fault);
    EXPECT_FALSE(core.access(store).fault);
  });
  simulation.run(machine, program);
}

INSTANTIATE_TEST_SUITE_P(Platforms, InvalidationRules,
                         testing::Values("textbook", "skylake-sp", "sapphire-rapids", "milan", "turin"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mmusim
