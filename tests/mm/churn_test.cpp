// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <random>

#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

/// Adds and removes random ranges, and forgets nothing: what a TLB may still hold must be what the tables say.
class Churn {
 public:
  explicit Churn(uint64_t seed, const KernelConfig& config = {})
      : m(config, contiguous(2), /*observe=*/false), random(seed) {
    EXPECT_TRUE(ok(m.boot()));
    before = m.kernel.counts();
    tables = m.tables();
  }

  void step() {
    const uint64_t start = kFourGib.raw() + random() % 512 * (kSection / 4);
    const bool present = added.contains(start);
    if (present) {
      ASSERT_TRUE(ok(m.kernel.remove_pages(PhysAddr(start), added[start])));
      added.erase(start);
      check_translations();
      return;
    }
    // Any number of sub-sections up to three sections, as far as they do not reach what is there.
    uint64_t bytes = (random() % 192 + 1) * kPmdBytes;
    if (random() % 4 == 0) bytes = (random() % 3 + 1) * kSection;
    const auto above = added.upper_bound(start);
    if (above != added.end()) bytes = std::min(bytes, above->first - start);
    if (above != added.begin()) {
      const auto below = std::prev(above);
      if (below->first + below->second > start) {
        EXPECT_EQ(m.kernel.add_pages(PhysAddr(start), kPmdBytes, 0), Errno::kExists);
        return;
      }
    }
    ASSERT_TRUE(ok(m.kernel.add_pages(PhysAddr(start), bytes, 0)));
    added[start] = bytes;
    // Someone uses the struct pages: translations get cached.
    for (uint64_t at = 0; at < bytes; at += bytes / 4 + 1) m.memory.store(m.page(pfn_of(PhysAddr(start + at))), at, 8);
  }
  void remove_all() {
    for (const auto& [start, bytes] : added) ASSERT_TRUE(ok(m.kernel.remove_pages(PhysAddr(start), bytes)));
    added.clear();
    check_translations();
  }
  void check_translations() {
    m.memory.for_each_cached([&](VirtAddr va, PhysAddr pa) {
      const auto now = m.memory.translate(va);
      ASSERT_TRUE(now) << "stale translation of " << std::hex << va.raw();
      ASSERT_EQ(*now, pa);
    });
  }

  Machine m;
  std::mt19937_64 random;
  MemoryCounts before;
  std::vector<TableEntry> tables;
  std::map<uint64_t, uint64_t> added;
};

class ChurnOf : public testing::TestWithParam<const char*> {};

KernelConfig churn_config(const std::string& name) {
  KernelConfig c;
  if (name == "base") c.vmemmap_pages = VmemmapPages::kBase;
  if (name == "five_levels") c.levels = 5;
  if (name == "v5_10") c.version = KernelVersion::kV5_10;
  if (name == "v6_18") c.version = KernelVersion::kV6_18;
  if (name == "v7_1") c.version = KernelVersion::kV7_1;
  if (name == "v7_3") c.version = KernelVersion::kV7_3;
  return c;
}

TEST_P(ChurnOf, NoPageLeaksAndNoTranslationStaysStale) {
  Churn churn(2024, churn_config(GetParam()));
  const unsigned steps = std::string_view(GetParam()) == "huge" ? 10000 : 2000;
  for (unsigned i = 0; i < steps; ++i) {
    churn.step();
    if (testing::Test::HasFatalFailure()) return;
  }
  churn.remove_all();
  const MemoryCounts after = churn.m.kernel.counts();
  EXPECT_EQ(after.vmemmap_blocks_pages, churn.before.vmemmap_blocks_pages);
  EXPECT_EQ(after.vmemmap_table_pages, churn.before.vmemmap_table_pages);
  EXPECT_EQ(after.leaked_pages, 0u);
  // Of free memory only the tables that no kernel frees are missing: the direct map's PUD tables with 4 levels.
  EXPECT_LE(churn.before.free_pages - after.free_pages, 1u);
  const auto tables = churn.m.tables();
  ASSERT_EQ(tables.size(), churn.tables.size());
  for (size_t i = 0; i < tables.size(); ++i) EXPECT_EQ(tables[i].value, churn.tables[i].value);
}

INSTANTIATE_TEST_SUITE_P(Hotplug, ChurnOf,
                         testing::Values("huge", "base", "five_levels", "v5_10", "v6_18", "v7_1", "v7_3"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Churn, FoliosComeAndGoWithoutALeak) {
  for (const Profile& p : profiles()) {
    if (p.hvo == HvoForm::kNone) continue;
    KernelConfig config = version(p.version);
    config.hvo = true;
    Machine m(config, contiguous(4), /*observe=*/false);
    ASSERT_TRUE(ok(m.boot()));
    std::mt19937_64 random(7);
    std::vector<Folio> held;
    const auto release = [&](size_t count) {
      std::vector<Folio> some(held.end() - static_cast<long>(count), held.end());
      held.resize(held.size() - count);
      ASSERT_TRUE(ok(m.kernel.hugetlb_restore(some)));
      m.kernel.hugetlb_free(some);
    };
    const auto all_of = [&] {
      auto folios = m.kernel.hugetlb_alloc(9, 300, 0);
      ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
      held.insert(held.end(), folios.begin(), folios.end());
    };
    // The first round splits leaves for good; afterwards the books must balance.
    all_of();
    release(held.size());
    const MemoryCounts settled = m.kernel.counts();
    for (int round = 0; round < 30; ++round) {
      auto folios = m.kernel.hugetlb_alloc(9, random() % 40 + 1, 0);
      ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
      held.insert(held.end(), folios.begin(), folios.end());
      release(random() % (held.size() + 1));
    }
    release(held.size());
    const MemoryCounts after = m.kernel.counts();
    EXPECT_EQ(after.vmemmap_blocks_pages, settled.vmemmap_blocks_pages);
    EXPECT_EQ(after.free_pages + after.vmemmap_table_pages, settled.free_pages + settled.vmemmap_table_pages);
  }
}

TEST(Churn, GiganticFoliosOfTheBootComeBackAsOrdinaryMemory) {
  for (const Profile& p : profiles()) {
    if (p.hvo == HvoForm::kNone) continue;
    KernelConfig config = version(p.version);
    config.hvo = true;
    config.boot_gigantic_pages = 2;
    Machine m(config, contiguous(5), /*observe=*/false);
    ASSERT_TRUE(ok(m.boot()));
    ASSERT_TRUE(ok(m.kernel.hugetlb_init()));
    const auto boot = m.kernel.boot_folios();
    ASSERT_EQ(boot.size(), 2u);
    ASSERT_TRUE(ok(m.kernel.hugetlb_restore(boot)));
    m.kernel.hugetlb_free(boot);
    const MemoryCounts settled = m.kernel.counts();
    EXPECT_EQ(settled.vmemmap_blocks_pages, 5 * 8 * 512u) << p.name;
    for (int round = 0; round < 3; ++round) {
      const auto folios = m.kernel.hugetlb_alloc(18, 3, 0);
      ASSERT_GE(folios.size(), 2u) << p.name;
      ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
      ASSERT_TRUE(ok(m.kernel.hot_add(PhysAddr(8 * kGiB), 2 * kSection, 0)));
      ASSERT_TRUE(ok(m.kernel.hugetlb_restore(folios)));
      m.kernel.hugetlb_free(folios);
      ASSERT_TRUE(ok(m.kernel.hot_remove(PhysAddr(8 * kGiB), 2 * kSection)));
    }
    const MemoryCounts after = m.kernel.counts();
    EXPECT_EQ(after.vmemmap_blocks_pages, settled.vmemmap_blocks_pages) << p.name;
    EXPECT_EQ(after.free_pages + after.vmemmap_table_pages, settled.free_pages + settled.vmemmap_table_pages) << p.name;
  }
}

TEST(Churn, GivenFoliosMayContainPagesThatTheModelItselfUses) {
  for (const Profile& p : profiles()) {
    if (p.hvo == HvoForm::kNone) continue;
    KernelConfig config = version(p.version);
    config.hvo = true;
    Machine m(config, contiguous(2), /*observe=*/false);
    ASSERT_TRUE(ok(m.boot()));
    const uint64_t all = m.kernel.counts().free_pages;
    std::mt19937_64 random(11);
    std::vector<Folio> held;
    const auto give_back = [&](size_t count) {
      const std::vector<Folio> some(held.begin(), held.begin() + static_cast<long>(count));
      held.erase(held.begin(), held.begin() + static_cast<long>(count));
      ASSERT_TRUE(ok(m.kernel.hugetlb_restore(some)));
      m.kernel.hugetlb_free(some);
    };
    for (int round = 0; round < 12; ++round) {
      std::vector<Folio> folios;
      for (uint64_t pfn = 0x4800; pfn < 0x4800 + 512 * 300; pfn += 512) {
        const auto is_held = [&](const Folio& f) { return f.head.raw == pfn; };
        if (random() % 3 == 0 && std::none_of(held.begin(), held.end(), is_held)) folios.push_back({Pfn(pfn), 9});
      }
      m.kernel.hugetlb_claim(folios);
      ASSERT_TRUE(ok(m.kernel.hugetlb_optimize(folios)));
      held.insert(held.end(), folios.begin(), folios.end());
      ASSERT_TRUE(ok(m.kernel.hot_add(kFourGib, kSection, 0)));
      std::shuffle(held.begin(), held.end(), random);
      give_back(held.size() / 2);
      ASSERT_TRUE(ok(m.kernel.hot_remove(kFourGib, kSection)));
    }
    give_back(held.size());
    // All that is missing are the tables of split leaves, 7.x's shared tail page and the direct map's PUD table.
    const MemoryCounts after = m.kernel.counts();
    EXPECT_LE(all - after.free_pages, after.vmemmap_table_pages);
    EXPECT_EQ(after.vmemmap_blocks_pages, 16 * 512u);
  }
}

}  // namespace
}  // namespace mmusim::mm::test
