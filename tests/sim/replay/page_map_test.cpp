// SPDX-License-Identifier: MIT
#include "sim/replay/page_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "models/base/errors.h"
#include "sim/replay/address_space.h"

namespace mmusim {
namespace {

using ::testing::HasSubstr;

/// A file of that text for one test.
class Written {
 public:
  explicit Written(std::string_view text) : path_(testing::TempDir() + "/mmusim-map-" + std::to_string(getpid())) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~Written() { std::filesystem::remove(path_); }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

PageMap map_of(std::string_view text) { return PageMap::read(Written(text).path()); }

std::string error_of(std::string_view text) {
  try {
    map_of(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

constexpr const char* kSmaps =
    "55d0c0a00000-55d0c0c01000 r-xp 00000000 fe:01 1234                       /usr/bin/my \xff sort\n"
    "Size:               2052 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\nAnonHugePages:         0 "
    "kB\n"
    "VmFlags: rd ex mr mw me\n"
    "7f0000000000-7f0000a00000 rw-p 00000000 00:00 0\n"
    "KernelPageSize:        4 kB\nMMUPageSize:           4 kB\nAnonHugePages:      4096 kB\nShmemPmdMapped:        0 "
    "kB\n"
    "7f0040000000-7f0040400000 rw-s 00000000 00:0f 77                         /anon_hugepage (deleted)\n"
    "KernelPageSize:     2048 kB\nMMUPageSize:        2048 kB\nTHPeligible:           0\n"
    "7f4000000000-7f4080000000 rw-s 00000000 00:0f 78                         /anon_hugepage (deleted)\n"
    "KernelPageSize:  1048576 kB\n";

TEST(PageMap, SizesOfSmaps) {
  PageMap map = map_of(kSmaps);
  EXPECT_EQ(map.ranges(), 4);
  EXPECT_EQ(map.gigabyte_pages(), 2);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x55d0c0a00123), 3), 1);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x7f0040200000), 1), 2);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x7f407fffffff), 1), 3);
  EXPECT_FALSE(map.covers(VirtAddr(0x7f4080000000)));
}

TEST(PageMap, TransparentHugePagesGoToTheRegionsTouchedFirst) {
  PageMap map = map_of(kSmaps);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x7f0000400000), 1), 2);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x7f00009fffff), 1), 2);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x7f0000000000), 1), 1);  // 4096 kB are two
}

TEST(PageMap, ARegionThatTheRangeDoesNotHoldWhollyHasSmallPages) {
  PageMap map = map_of("100000-900000 rw-p 0 0:0 0\nKernelPageSize: 4 kB\nAnonHugePages: 8192 kB\n");
  EXPECT_EQ(map.leaf_level(VirtAddr(0x100000), 1), 1);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x800000), 1), 1);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x200000), 1), 2);
}

TEST(PageMap, OutsideTheRangesNoPageReachesIntoOne) {
  PageMap map = map_of("# by hand\n0x40201000-0x40202000 4K\n\n7f0000000000-7f0040000000 1GiB\n");
  EXPECT_EQ(map.leaf_level(VirtAddr(0x40200000), 3), 1);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x40400000), 3), 2);
  EXPECT_EQ(map.leaf_level(VirtAddr(0x80000000), 3), 3);
}

TEST(PageMap, WhatIsWrongIsNamedByLine) {
  EXPECT_THAT(error_of("1000-2000 4K\n1000-3000 4K\n"), HasSubstr("line 2: range 0x1000-0x3000 overlaps"));
  EXPECT_THAT(error_of("2000-3000 4K\n1000-2001 4K\n"), HasSubstr("line 2: range 0x1000-0x2001, expected multiples"));
  EXPECT_THAT(error_of("1000-3000 2M\n"), HasSubstr("is no multiple of its pages of 2048 KiB"));
  EXPECT_THAT(error_of("1000-3000 8K\n"), HasSubstr("got \"8K\" behind a range"));
  EXPECT_THAT(error_of("2000-1000 4K\n"), HasSubstr("in ascending order"));
  EXPECT_THAT(error_of("hello\n"), HasSubstr("line 1: got \"hello\", expected a range"));
  EXPECT_THAT(error_of("1000-2000 r-xp 0 0:0 0 /bin/a\n2000-3000 r--p 0 0:0 0 /bin/a\n"), HasSubstr("not maps"));
  EXPECT_THAT(error_of("1000-2000 r-xp 0 0:0 0\nKernelPageSize: 64 kB\n"), HasSubstr("a page size of x86-64"));
  EXPECT_THAT(error_of("1000-2000 r-xp 0 0:0 0\nKernelPageSize: many\n"), HasSubstr("has no number of kB"));
  EXPECT_THAT(error_of("# nothing\n"), HasSubstr("no ranges"));
  EXPECT_THAT(error_of("1000-2000 4K"), HasSubstr("truncated"));
}

TEST(PageMap, AddressSpacesMapAsItSays) {
  PhysMem memory;
  AddressSpaceConfig config;
  config.page_map = map_of(kSmaps);
  AddressSpaces spaces(memory, config);
  for (const uint64_t va : {0x7f0000400000UL, 0x7f0000401000UL, 0x7f0000800000UL, 0x7f0000000000UL, 0x7f0000001000UL,
                            0x7f0040000000UL, 0x7f4000000000UL, 0x7f4040000000UL, 0x601000UL}) {
    spaces.ensure_mapped(VirtAddr(va));
  }
  EXPECT_EQ(spaces.counts().pages_2m, 3);
  EXPECT_EQ(spaces.counts().pages_4k, 3);
  EXPECT_EQ(spaces.counts().pages_1g, 2);
  EXPECT_EQ(spaces.counts().outside_map, 1);
}

}  // namespace
}  // namespace mmusim
