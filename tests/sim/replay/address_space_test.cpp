// SPDX-License-Identifier: MIT
#include "sim/replay/address_space.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "models/base/errors.h"
#include "models/x86/paging.h"

namespace mmusim {
namespace {

/// What the entries in memory say, level by level.
struct Found {
  unsigned level = 0;  // of the leaf
  uint64_t entry = 0;
  PhysAddr pa;
};

std::optional<Found> walk(const PhysMem& memory, PhysAddr root, unsigned levels, VirtAddr va) {
  PhysAddr table = root;
  for (unsigned level = levels; level >= 1; --level) {
    const uint64_t entry = memory.load64(table + level_index(va, level) * uint64_t{8});
    if ((entry & pte::kPresent) == 0) return std::nullopt;
    if (level == 1 || (level <= 3 && (entry & pte::kPageSize) != 0)) {
      return Found{level, entry, entry_address(entry) + (va.raw() & (level_bytes(level) - 1))};
    }
    table = entry_address(entry);
  }
  return std::nullopt;
}

TEST(AddressSpaces, BuildsRealEntriesOfThePolicysSize) {
  for (const unsigned levels : {4U, 5U}) {
    for (const auto& [policy, leaf] :
         {std::pair{MappingPolicy::k4K, 1U}, {MappingPolicy::k2M, 2U}, {MappingPolicy::k1G, 3U}}) {
      PhysMem memory;
      AddressSpaceConfig config;
      config.levels = levels;
      config.pages = policy;
      AddressSpaces spaces(memory, config);
      for (const uint64_t raw : {0x1234ULL, 0x7fff12345678ULL, 0xffffea0000000008ULL, 0xffffffff81000000ULL}) {
        const VirtAddr va(raw);
        EXPECT_FALSE(walk(memory, spaces.root(), levels, va));
        spaces.ensure_mapped(va);
        const std::optional<Found> found = walk(memory, spaces.root(), levels, va);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->level, leaf);
        const uint64_t want = pte::kPresent | pte::kWritable | pte::kAccessed | pte::kDirty;
        EXPECT_EQ(found->entry & want, want);
        EXPECT_EQ((found->entry & pte::kUser) != 0, raw >> 63 == 0);
        EXPECT_EQ((found->entry & pte::kGlobal) != 0, raw >> 63 != 0);
        EXPECT_EQ(spaces.frame_of(va), pfn_of(found->pa));
      }
    }
  }
}

TEST(AddressSpaces, SecondTouchChangesNothing) {
  PhysMem memory;
  AddressSpaces spaces(memory, {});
  spaces.ensure_mapped(VirtAddr(0x5000));
  const std::optional<Pfn> frame = spaces.frame_of(VirtAddr(0x5000));
  spaces.ensure_mapped(VirtAddr(0x5fff));
  spaces.ensure_mapped(VirtAddr(0x6000));
  EXPECT_EQ(spaces.frame_of(VirtAddr(0x5000)), frame);
  EXPECT_EQ(spaces.frame_of(VirtAddr(0x6000)), *frame + 1);  // sequential
  EXPECT_EQ(spaces.counts().pages_4k, 2);
  EXPECT_EQ(spaces.counts().tables, 4);
}

/// No frame twice, none a table, all inside the range; the same again for the same seed.
TEST(FramePool, EachOrderIsAnInjectionIntoTheRangeAndRepeats) {
  for (const FrameOrder order : {FrameOrder::kSequential, FrameOrder::kRandom, FrameOrder::kFragmented}) {
    FramePoolConfig config;
    config.begin = PhysAddr(3 * kMiB);
    config.bytes = 64 * kMiB;
    config.order = order;
    FramePool pool(config);
    FramePool again(config);
    std::set<uint64_t> seen;
    unsigned taken = 0;
    try {
      for (;; ++taken) {
        const bool large = taken % 3000 == 2999;
        const PhysAddr frame = large ? pool.take_2m() : taken % 50 == 0 ? pool.take_table() : pool.take_4k();
        EXPECT_EQ(large ? again.take_2m() : taken % 50 == 0 ? again.take_table() : again.take_4k(), frame);
        for (uint64_t page = 0; page < (large ? 512U : 1U); ++page) {
          EXPECT_TRUE(seen.insert((frame + page * kPageBytes).raw()).second);
        }
        EXPECT_GE(frame, PhysAddr(4 * kMiB));
        EXPECT_LT(frame, PhysAddr(67 * kMiB));
      }
    } catch (const JobError&) {
    }
    EXPECT_GT(taken, 12000U) << static_cast<int>(order);  // most of 15,360 frames were handed out
  }
}

TEST(FramePool, RandomDependsOnTheSeedAndFragmentationOnTheIndex) {
  const auto neighbours = [](FrameOrder order, double index, uint64_t seed) {
    FramePoolConfig config;
    config.order = order;
    config.fragmentation = index;
    config.seed = seed;
    FramePool pool(config);
    unsigned follow = 0;
    PhysAddr last = pool.take_4k();
    for (unsigned i = 0; i < 10000; ++i) {
      const PhysAddr frame = pool.take_4k();
      follow += frame == last + kPageBytes ? 1 : 0;
      last = frame;
    }
    return follow;
  };
  EXPECT_EQ(neighbours(FrameOrder::kSequential, 0, 1), 10000U);
  EXPECT_LT(neighbours(FrameOrder::kRandom, 0, 1), 10U);
  EXPECT_GT(neighbours(FrameOrder::kFragmented, 0, 1), 9900U);
  EXPECT_NEAR(neighbours(FrameOrder::kFragmented, 0.3, 1), 7000, 300);
  FramePoolConfig config;
  config.order = FrameOrder::kRandom;
  FramePool one(config);
  config.seed = 2;
  FramePool two(config);
  EXPECT_NE(one.take_4k(), two.take_4k());
}

TEST(FramePool, PermutationsAreBijections) {
  for (const uint64_t n : {1ULL, 2ULL, 3ULL, 512ULL, 1000ULL, 262144ULL}) {
    std::vector<bool> seen(n);
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t p = permuted(i, n, 42);
      ASSERT_LT(p, n);
      ASSERT_FALSE(seen[p]);
      seen[p] = true;
    }
  }
}

TEST(AddressSpaces, ThpMapsRegionsWithTheStatedProbability) {
  PhysMem memory;
  AddressSpaceConfig config;
  parse_page_policy("thp:0.25", config);
  AddressSpaces spaces(memory, config);
  for (uint64_t region = 0; region < 4000; ++region) {
    spaces.ensure_mapped(VirtAddr(region << 21));
    spaces.ensure_mapped(VirtAddr((region << 21) + 0x3000));
  }
  EXPECT_NEAR(static_cast<double>(spaces.counts().pages_2m), 1000, 90);
  EXPECT_EQ(spaces.counts().pages_4k, 2 * (4000 - spaces.counts().pages_2m));
}

TEST(AddressSpaces, ProcessesShareTheUpperHalfOnly) {
  PhysMem memory;
  AddressSpaces spaces(memory, {});
  const VirtAddr user(0x400000);
  const VirtAddr kernel(0xffff888000000000);
  spaces.ensure_mapped(user);
  spaces.ensure_mapped(kernel);
  const std::optional<Pfn> first = spaces.frame_of(user);
  const std::optional<Pfn> shared = spaces.frame_of(kernel);
  const PhysAddr root = spaces.root();
  spaces.switch_to(17);
  EXPECT_NE(spaces.root(), root);
  EXPECT_EQ(spaces.pcid(), 1);
  EXPECT_FALSE(spaces.frame_of(user));
  EXPECT_EQ(spaces.frame_of(kernel), shared);
  spaces.ensure_mapped(user);
  EXPECT_NE(spaces.frame_of(user), first);
  const VirtAddr later(0xffffea0000000000);  // a new top-level entry of the upper half, made while 17 runs
  spaces.ensure_mapped(later);
  const std::optional<Pfn> later_frame = spaces.frame_of(later);
  spaces.switch_to(0);
  EXPECT_EQ(spaces.root(), root);
  EXPECT_EQ(spaces.pcid(), 0);
  EXPECT_EQ(spaces.frame_of(user), first);
  EXPECT_EQ(spaces.frame_of(later), later_frame);
  const VirtAddr last(0xffffc90000000000);  // made while 0 runs: 17 has it too, as its global translation serves both
  spaces.ensure_mapped(last);
  const std::optional<Pfn> last_frame = spaces.frame_of(last);
  spaces.switch_to(17);
  EXPECT_TRUE(last_frame);
  EXPECT_EQ(spaces.frame_of(last), last_frame);
}

TEST(AddressSpaces, RecordedTranslationsAreRebuiltExactly) {
  PhysMem memory;
  AddressSpaceConfig config;
  config.frames.begin = PhysAddr(uint64_t{1} << 40);  // tables lie outside the recorded machine
  AddressSpaces spaces(memory, config);
  const VirtAddr va(0xffff888000123000);
  EXPECT_FALSE(spaces.map_recorded(va, Pfn(0x123)));
  EXPECT_EQ(spaces.frame_of(va), Pfn(0x123));
  EXPECT_FALSE(spaces.map_recorded(va, Pfn(0x123)));
  EXPECT_TRUE(spaces.map_recorded(va, Pfn(0x456)));
  EXPECT_EQ(spaces.frame_of(va), Pfn(0x456));
  spaces.ensure_mapped(va);
  EXPECT_EQ(spaces.frame_of(va), Pfn(0x456));
}

TEST(AddressSpaces, AddressesThatAreNotCanonicalAreRefused) {
  PhysMem memory;
  AddressSpaces four(memory, {});
  EXPECT_THROW(four.ensure_mapped(VirtAddr(0x0000800000000000)), InputError);
  AddressSpaceConfig config;
  config.levels = 5;
  AddressSpaces five(memory, config);
  five.ensure_mapped(VirtAddr(0x0000800000000000));
  EXPECT_THROW(five.ensure_mapped(VirtAddr(0x0100000000000000)), InputError);
}

TEST(AddressSpaces, OptionsInWords) {
  AddressSpaceConfig config;
  parse_page_policy("1G", config);
  EXPECT_EQ(config.pages, MappingPolicy::k1G);
  parse_frame_order("fragmented:0.75", config.frames);
  EXPECT_EQ(config.frames.order, FrameOrder::kFragmented);
  EXPECT_EQ(config.frames.fragmentation, 0.75);
  for (const char* text : {"", "8K", "thp:", "thp:2", "thp:nan", "thp:0.5x"}) {
    EXPECT_THROW(parse_page_policy(text, config), InputError) << text;
  }
  for (const char* text : {"", "ordered", "fragmented:-1", "fragmented:"}) {
    EXPECT_THROW(parse_frame_order(text, config.frames), InputError) << text;
  }
}

}  // namespace
}  // namespace mmusim
