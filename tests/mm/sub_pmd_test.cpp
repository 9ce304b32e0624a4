// SPDX-License-Identifier: MIT
// Struct pages of 80 bytes (KMSAN): a section's map is 2.5 MiB, so sections share 2 MiB leaves.
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

constexpr uint64_t kMapBytes = 32768 * 80;

KernelConfig kmsan(KernelVersion v = KernelVersion::kV6_1) {
  KernelConfig c = version(v);
  c.struct_page_bytes = 80;
  return c;
}

TEST(SubPmd, H5_BootKeepsOneLeafForTheSharedPart) {
  Machine m(kmsan(), contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  uint64_t leaves = 0;
  for (const TableEntry& e : m.tables()) leaves += e.level == 2 ? 1 : 0;
  EXPECT_EQ(leaves, 8 * kMapBytes / kPmdBytes);  // 20 MiB: exactly ten
}

TEST(SubPmd, H5_TheEndOfTheLastRangeIsRememberedNotFilled) {
  Machine m(kmsan(), contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  m.events.clear();
  const VirtAddr start = m.page(Pfn(0x100000));  // 4 GiB: 80 MiB into the map, aligned
  ASSERT_TRUE(start.is_aligned(kPmdBytes));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  for (const FillEvent& f : m.events.fills) EXPECT_NE(f.value, 0xfd);
  // The next section goes on where the last one ended: nothing is filled or marked either.
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + kSection, kSection, 0)));
  for (const FillEvent& f : m.events.fills) EXPECT_NE(f.value, 0xfd);
  EXPECT_EQ(m.events.leaf_writes(2) - m.events.writes_in(m.layout.direct_map(PhysAddr(0)), 64 * kGiB).size(), 1u);
}

TEST(SubPmd, H5_ASectionElsewhereFlushesThePendingRange) {
  Machine m(kmsan(), contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  const VirtAddr end = m.page(Pfn(0x108000));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  m.events.clear();
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + 2 * kSection, kSection, 0)));  // 85 MiB: begins inside a leaf
  std::vector<std::pair<uint64_t, uint64_t>> unused;
  for (const FillEvent& f : m.events.fills)
    if (f.value == 0xfd) unused.emplace_back(f.va.raw(), f.bytes);
  const VirtAddr third = m.page(Pfn(0x110000));
  const std::vector<std::pair<uint64_t, uint64_t>> expected{
      {end.raw(), end.align_up(kPmdBytes) - end},
      {third.align_down(kPmdBytes).raw(), third - third.align_down(kPmdBytes)}};
  EXPECT_EQ(unused, expected);
  EXPECT_EQ(m.memory.load(end, 8), 0xfdfdfdfdfdfdfdfdu);
  EXPECT_EQ(m.memory.load(third, 8), 0u);  // the marker: one zeroed struct page
}

TEST(SubPmd, H5_ALeafGoesWhenItsLastSectionGoes) {
  Machine m(kmsan(), contiguous(1));
  ASSERT_TRUE(ok(m.boot()));
  const VirtAddr shared = m.page(Pfn(0x108000)).align_down(kPmdBytes);
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + kSection, kSection, 0)));
  // Struct pages in use hold something.
  m.memory.fill(m.page(Pfn(0x100000)), 0x11, 2 * kMapBytes);
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kSection)));
  EXPECT_TRUE(entry_leaf(m.entry(2, shared)));  // the second section uses a part
  EXPECT_EQ(m.entry(2, shared - kPmdBytes), 0u);
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib + kSection, kSection)));
  EXPECT_EQ(m.entry(2, shared), 0u);
}

TEST(SubPmd, OldKernelsDoNoBookkeepingWhenTheyPopulate) {
  for (const Profile& p : profiles()) {
    Machine m(kmsan(p.version), contiguous(1));
    ASSERT_TRUE(ok(m.boot()));
    ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
    m.events.clear();
    ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib + 2 * kSection, kSection, 0)));
    const bool books =
        std::any_of(m.events.fills.begin(), m.events.fills.end(), [](const FillEvent& f) { return f.value == 0xfd; });
    EXPECT_EQ(books, p.version >= KernelVersion::kV6_1) << p.name;
    if (books) continue;
    m.memory.fill(m.page(Pfn(0x100000)), 0x11, kMapBytes);
    // On removal the piece is filled, and the leaf stays because the rest of it does not read 0xfd.
    ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kSection)));
    EXPECT_TRUE(entry_leaf(m.entry(2, m.page(Pfn(0x108000)).align_down(kPmdBytes))));
  }
}

}  // namespace
}  // namespace mmusim::mm::test
