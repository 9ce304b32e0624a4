// SPDX-License-Identifier: MIT
#include "models/x86/control.h"

#include <gtest/gtest.h>

#include "tests/x86/entry_map.h"

namespace mmusim {
namespace {

using namespace mmusim::test;

TEST(ControlState, S1_ModeFollowsPgPaeLmeAndLa57) {
  for (const PagingMode mode :
       {PagingMode::kNone, PagingMode::k32Bit, PagingMode::kPae, PagingMode::k4Level, PagingMode::k5Level}) {
    const ControlState control(registers_for(mode), {});
    EXPECT_EQ(control.mode(), mode);
    EXPECT_EQ(control.entry_bytes(), mode == PagingMode::k32Bit ? 4U : 8U);
  }
  EXPECT_EQ(ControlState(registers_for(PagingMode::k4Level), {}).linear_bits(), 48U);
  EXPECT_EQ(ControlState(registers_for(PagingMode::k5Level), {}).linear_bits(), 57U);
}

TEST(ControlState, S1_Cr3HoldsPcidOnlyWithPcideAndMemoryTypeOnlyWithout) {
  ControlRegisters r = registers_for(PagingMode::k4Level, 0x12345'0018 | 0x7);
  const ControlState plain(r, {});
  EXPECT_EQ(plain.root().raw(), 0x12345'0000U);
  EXPECT_EQ(plain.pcid(), 0U);
  EXPECT_EQ(plain.root_pat_index(), 3U);
  r.cr4 |= kCr4Pcide;
  ControlState tagged(r, {});
  EXPECT_EQ(tagged.pcid(), 0x1fU);
  EXPECT_EQ(tagged.root_pat_index(), 0U);
  tagged.set_cr3(kCr3NoInvalidate | 0x7000 | 0xabc);
  EXPECT_EQ(tagged.root().raw(), 0x7000U);
  EXPECT_EQ(tagged.pcid(), 0xabcU);
  EXPECT_EQ(tagged.registers().cr3, 0x7abcU) << "bit 63 always reads 0";
}

TEST(ControlState, S1_PaeTableIsAlignedTo32Bytes) {
  EXPECT_EQ(ControlState(registers_for(PagingMode::kPae, 0x205c7f), {}).root().raw(), 0x205c60U);
}

TEST(ControlState, S2_CanonicalMeansAllUpperBitsEqual) {
  const ControlState four(registers_for(PagingMode::k4Level), {});
  EXPECT_TRUE(four.canonical(VirtAddr(0x00007fffffffffff)));
  EXPECT_FALSE(four.canonical(VirtAddr(0x0000800000000000)));
  EXPECT_FALSE(four.canonical(VirtAddr(0xffff7fffffffffff)));
  EXPECT_TRUE(four.canonical(VirtAddr(0xffff800000000000)));
  const ControlState five(registers_for(PagingMode::k5Level), {});
  EXPECT_TRUE(five.canonical(VirtAddr(0x00ffffffffffffff)));
  EXPECT_FALSE(five.canonical(VirtAddr(0x0100000000000000)));
  EXPECT_TRUE(five.canonical(VirtAddr(0xff00000000000000)));
}

TEST(ControlState, S9_ChangesOfAcAndPkruTakeEffectAtOnce) {
  ControlRegisters r = registers_for(PagingMode::k4Level);
  r.cr4 |= kCr4Smap | kCr4Pke;
  ControlState control(r, {});
  const Rights user_page(7);
  EXPECT_FALSE(control.allows(user_page, kSupervisorRead));
  control.set_ac(true);
  EXPECT_TRUE(control.allows(user_page, kSupervisorRead));
  EXPECT_FALSE(control.key_denies(user_page, 3, kUserRead));
  control.set_pkru(1U << 6);
  EXPECT_TRUE(control.key_denies(user_page, 3, kUserRead));
}

TEST(Contradiction, S1_NamesStatesThatNoProcessorCanBeIn) {
  const ProcessorTraits traits = traits_with(40);
  const auto with = [&](auto&& change) {
    ControlRegisters r = registers_for(PagingMode::k4Level, 0x1000);
    change(r);
    return contradiction(r, traits).has_value();
  };
  EXPECT_FALSE(with([](ControlRegisters&) {}));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr0 &= ~kCr0Pe; }));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr0 |= uint64_t{1} << 32; }));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr0 |= kCr0Nw; }));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr4 &= ~kCr4Pae; }));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr3 |= uint64_t{1} << 40; }));
  EXPECT_FALSE(with([](ControlRegisters& r) { r.cr3 |= uint64_t{1} << 39; }));
  EXPECT_TRUE(with([](ControlRegisters& r) { r.cr3 |= kCr3NoInvalidate; }));
  EXPECT_TRUE(with([](ControlRegisters& r) {
    r.cr4 |= kCr4Cet;
    r.cr0 &= ~kCr0Wp;
  }));
  ControlRegisters pae = registers_for(PagingMode::kPae);
  EXPECT_FALSE(contradiction(pae, traits));
  pae.cr4 |= kCr4Pcide;
  EXPECT_TRUE(contradiction(pae, traits));
}

}  // namespace
}  // namespace mmusim
