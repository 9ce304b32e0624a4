// SPDX-License-Identifier: MIT
#include "sim/workloads/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "sim/workloads/memory_image.h"
#include "sim/workloads/page_stream.h"

namespace mmusim {
namespace {

using nlohmann::json;

constexpr uint64_t kBase = 0xffffea0000000000;

WorkloadContext machine(uint64_t seed = 1) {
  WorkloadContext c;
  c.vmemmap_base = VirtAddr(kBase);
  c.page_offset_base = VirtAddr(0xffff888000000000);
  c.memory = {{Pfn(1), Pfn(0x9f), 0}, {Pfn(0x100), Pfn(0x20000), 0}, {Pfn(0x100000), Pfn(0x110000), 0}};
  c.seed = seed;
  return c;
}

std::unique_ptr<Workload> make(const std::string& kind, const json& parameters, uint64_t seed = 1) {
  ConfigErrors errors("test");
  const json read_back = json::parse(parameters.dump());  // numbers as a file has them
  ConfigReader reader(read_back, "", errors);
  const WorkloadKind* k = find_workload_kind(kind);
  EXPECT_NE(k, nullptr) << kind;
  const WorkloadPlan plan = k->read(reader);
  reader.finish();
  EXPECT_EQ(errors.text(), "");
  return plan(machine(seed));
}

std::vector<MemAccess> all(Workload& workload, size_t limit = 2'000'000) {
  std::vector<MemAccess> out;
  std::vector<MemAccess> batch;
  while (out.size() < limit && workload.next(batch)) out.insert(out.end(), batch.begin(), batch.end());
  return out;
}

uint64_t checksum(const std::vector<MemAccess>& accesses) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const MemAccess& a : accesses) {
    for (const uint64_t part : {a.va.raw(), uint64_t{a.bytes}, static_cast<uint64_t>(a.kind), uint64_t{a.rmw}}) {
      sum = (sum ^ part) * 0x100000001b3;
    }
  }
  return sum;
}

/// Small parameters for each kind, so that all of it fits a test.
json small(std::string_view kind) {
  if (kind == "mix") {
    return json::parse(R"({"parts": [{"kind": "gup_fast", "weight": 3, "parameters": {"operations": 3000}},
                                      {"kind": "zap", "parameters": {"operations": 2000}}]})");
  }
  if (kind == "pointer_chase") return {{"pages", 100}, {"accesses", 1000}};
  for (const char* pattern : {"sequential", "strided", "uniform", "zipf"}) {
    if (kind == pattern) return {{"accesses", 10000}};
  }
  for (const char* scan :
       {"linear_pfn_scan", "kpageflags", "kpagecount", "unmovable_scan", "movable_scan", "crash_dump", "memmap_init"}) {
    if (kind == scan) return {{"pfns", 5000}};
  }
  if (kind == "compaction" || kind == "free_scanner") return json::object();
  return {{"operations", 2000}};
}

TEST(Workloads, EveryKindIsTheSameForTheSameSeedAndStaysInsideTheMachine) {
  for (const WorkloadKind& kind : workload_kinds()) {
    SCOPED_TRACE(std::string(kind.name));
    EXPECT_FALSE(kind.description.empty());
    const auto first = all(*make(std::string(kind.name), small(kind.name)));
    const auto again = all(*make(std::string(kind.name), small(kind.name)));
    ASSERT_FALSE(first.empty());
    EXPECT_EQ(checksum(first), checksum(again));
    const PfnSpace space(machine().memory);
    for (const MemAccess& a : first) {
      if (a.va < VirtAddr(kBase)) continue;  // the side table of page_ext
      const uint64_t offset = a.va.raw() - kBase;
      ASSERT_TRUE(space.contains(Pfn(offset / 64)) || kind.name == "gup_fast") << fmt::format("{}", a.va);
      ASSERT_LE(offset % 64 + a.bytes, 64U) << fmt::format("{}", a.va);
    }
  }
}

TEST(Workloads, StreamIsTheSameOnEveryCompiler) {
  // Pinned: a change of these numbers changes the results of every seeded scenario.
  EXPECT_EQ(Random(1).next(), 0x910a2dec89025cc1U);
  EXPECT_EQ(Random(42).below(1000), 741U);
}

TEST(Workloads, LinearScanTouchesEachPageOnceAscending) {
  const auto accesses = all(*make("linear_pfn_scan", {{"offset", 48}, {"bytes", 4}}));
  const PfnSpace space(machine().memory);
  ASSERT_EQ(accesses.size(), space.pages());
  for (uint64_t i = 0; i < accesses.size(); ++i) {
    ASSERT_EQ(accesses[i].va, VirtAddr(kBase) + space.at(i).raw * 64 + 48);
    ASSERT_EQ(accesses[i].bytes, 4);
  }
}

TEST(Workloads, PassesRepeatTheScan) {
  const auto once = all(*make("linear_pfn_scan", {{"pfns", 100}}));
  const auto thrice = all(*make("linear_pfn_scan", {{"pfns", 100}, {"passes", 3}}));
  ASSERT_EQ(thrice.size(), 3 * once.size());
  EXPECT_EQ(thrice[250].va, once[50].va);
}

TEST(Workloads, StridedWrapsAtTheEndOfTheWorkingSet) {
  const auto accesses = all(*make("strided", {{"stride", "4KiB"}, {"bytes", "64KiB"}, {"accesses", 40}}));
  ASSERT_EQ(accesses.size(), 40U);
  for (size_t i = 0; i < 40; ++i) EXPECT_EQ(accesses[i].va - accesses[0].va, i % 16 * 4096);
}

TEST(Workloads, PointerChaseVisitsEachPageOncePerRoundInDistinctSets) {
  const auto accesses = all(*make("pointer_chase", {{"pages", 64}, {"accesses", 128}}));
  ASSERT_EQ(accesses.size(), 128U);
  std::set<uint64_t> pages;
  std::set<uint64_t> lines;
  for (size_t i = 0; i < 64; ++i) {
    const uint64_t offset = accesses[i].va.raw() & ~(kLineBytes - 1);
    pages.insert(offset >> 12);
    lines.insert(offset >> 6 & 63);
    EXPECT_EQ(accesses[i + 64].va, accesses[i].va) << "the second round repeats the first";
    EXPECT_EQ(accesses[i + 64].depends_on, 1);
  }
  EXPECT_EQ(pages.size(), 64U);
  EXPECT_EQ(lines.size(), 64U) << "64 pages use the 64 lines of a page";
}

TEST(Workloads, ZipfFrequenciesFollowTheLaw) {
  // 1000 units, exponent 1: the most popular is drawn with 1 / H(1000) = 0.1336.
  const auto accesses =
      all(*make("zipf", {{"unit", "64B"}, {"bytes", "64000B"}, {"exponent", 1.0}, {"accesses", 200000}}));
  std::map<uint64_t, unsigned> counts;
  for (const MemAccess& a : accesses) ++counts[a.va.raw()];
  std::vector<unsigned> sorted;
  for (const auto& [va, n] : counts) sorted.push_back(n);
  std::sort(sorted.rbegin(), sorted.rend());
  double harmonic = 0;
  for (int i = 1; i <= 1000; ++i) harmonic += 1.0 / i;
  EXPECT_NEAR(sorted[0] / 200000.0, 1 / harmonic, 0.004);
  EXPECT_NEAR(sorted[9] / 200000.0, 0.1 / harmonic, 0.002);
}

TEST(Workloads, UniformCoversTheRegionEvenly) {
  const auto accesses = all(*make("uniform", {{"bytes", "64KiB"}, {"accesses", 80000}}));
  std::vector<unsigned> pages(16);
  for (const MemAccess& a : accesses) ++pages[(a.va.raw() - (kBase + 0x100 * 64)) >> 12 & 15];
  for (const unsigned n : pages) EXPECT_NEAR(n, 5000, 5 * std::sqrt(5000.0));
}

TEST(Workloads, MemmapInitMakesTheStoresOfM1) {
  const auto accesses = all(*make("memmap_init", {{"pfns", 3}}));
  ASSERT_EQ(accesses.size(), 21U);
  const std::vector<std::pair<uint64_t, unsigned>> expected = {{0, 64}, {0, 8}, {52, 4}, {48, 4},
                                                               {0, 8},  {8, 8}, {16, 8}};
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(accesses[7 + i].va.raw() - (kBase + 2 * 64), expected[i].first) << i;
    EXPECT_EQ(accesses[7 + i].bytes, expected[i].second) << i;
    EXPECT_EQ(accesses[7 + i].kind, AccessKind::kWrite);
  }
}

TEST(Workloads, BuddyMergeWalksTheBuddies) {
  const auto accesses = all(*make("buddy_free", {{"operations", 200}, {"merge", 1.0}}));
  uint64_t type_reads = 0;
  for (const MemAccess& a : accesses)
    type_reads += a.kind == AccessKind::kRead && a.va.raw() % 64 == 48 && a.bytes == 4;
  EXPECT_GE(type_reads, 200U * 9) << "almost every free merges up to order 10";
  EXPECT_LE(type_reads, 200U * 10);
}

TEST(Workloads, CompactionFrontsMeet) {
  const auto accesses = all(*make("free_scanner", json::object()));
  std::set<uint64_t> pageblocks;
  for (const MemAccess& a : accesses) {
    if (a.kind == AccessKind::kRead && a.va.raw() % 64 == 0) pageblocks.insert((a.va.raw() - kBase) / 64 / 512);
  }
  EXPECT_NEAR(static_cast<double>(pageblocks.size()), static_cast<double>(PfnSpace(machine().memory).pages() / 512), 2);
}

TEST(MemoryImage, SharesComeOutAsAskedFor) {
  FillConfig fill;
  fill.thp = 0.2;
  fill.hugetlb = 0.1;
  MemoryImage image(fill, 5);
  std::map<PageKind, double> share;
  constexpr uint64_t kPages = 1 << 20;
  for (uint64_t pfn = 0; pfn < kPages;) {
    const PageRun& run = image.at(Pfn(pfn));
    ASSERT_EQ(run.head.raw, pfn) << "blocks tile the memory";
    ASSERT_EQ(pfn % run.pages(), 0U) << "blocks are aligned";
    share[run.kind] += static_cast<double>(run.pages()) / kPages;
    pfn += run.pages();
  }
  EXPECT_NEAR(share[PageKind::kThp], fill.thp, 0.03);
  EXPECT_NEAR(share[PageKind::kHugetlb], fill.hugetlb, 0.03);
  EXPECT_NEAR(share[PageKind::kAnon], fill.anon, 0.03);
  EXPECT_NEAR(share[PageKind::kFile], fill.file, 0.03);
  EXPECT_NEAR(share[PageKind::kFree], fill.free(), 0.03);
}

TEST(Permutation, IsOneToOne) {
  for (const uint64_t n : {1U, 2U, 3U, 1000U, 4097U}) {
    const Permutation order(n, 7);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t place = order(i);
      EXPECT_LT(place, n);
      seen.insert(place);
    }
    EXPECT_EQ(seen.size(), n);
  }
}

TEST(Workloads, BadParametersAreRefused) {
  const auto errors_of = [](const std::string& kind, const json& parameters) {
    ConfigErrors errors("test");
    const json read_back = json::parse(parameters.dump());
    ConfigReader reader(read_back, "/p", errors);
    find_workload_kind(kind)->read(reader);
    reader.finish();
    return errors.text();
  };
  EXPECT_NE(errors_of("zipf", {{"exponent", -1}}).find("/p/exponent"), std::string::npos);
  EXPECT_NE(errors_of("kpageflags", {{"fill", {{"anon", 0.9}, {"file", 0.9}}}}).find("add up to"), std::string::npos);
  EXPECT_NE(errors_of("mix", {{"parts", {{{"kind", "mix"}}}}}).find("/p/parts/0/kind"), std::string::npos);
  EXPECT_NE(errors_of("buddy_alloc", {{"order", 5}, {"from_order", 3}}).find("/p/from_order"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
