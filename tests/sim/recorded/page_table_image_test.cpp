// SPDX-License-Identifier: MIT
// The tables of a live process and its kernel (tests/data/images): everything that was recorded beside them must come
// out.
#include "sim/recorded/page_table_image.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/x86/mappings.h"
#include "sim/recorded/image_check.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {
namespace {

using nlohmann::json;

const std::string kImage = MMUSIM_SOURCE_DIR "/tests/data/images/img-512m-4l";

TEST(PageTableImage, EveryRecordedAnswerRangeAndLeafCountComesOut) {
  PhysMem memory;
  const PageTableImage image = load_page_table_image(kImage + ".ptimg.xz", memory);
  EXPECT_EQ(image.table_pages, 119U);
  EXPECT_EQ(image.control.mode(), PagingMode::k4Level);
  EXPECT_EQ(image.guest_memory.size(), 5U);
  const ImageCheck check = check_image(image, memory, pure_translation(image, memory));
  EXPECT_EQ(check.answers.agree, 729U);
  EXPECT_EQ(check.answers.of, 729U);
  EXPECT_EQ(check.ranges.agree, 475U);
  EXPECT_EQ(check.ranges.of, 475U);
  EXPECT_EQ(check.leaf_groups.agree, 14U);
  EXPECT_EQ(check.leaf_groups.of, 14U);
  EXPECT_TRUE(check.all_agree()) << ::testing::PrintToString(check.disagreements);
}

TEST(PageTableImage, FiveLevelsEveryRecordedAnswerAndLeafCountComesOut) {
  PhysMem memory;
  const PageTableImage image = load_page_table_image(MMUSIM_SOURCE_DIR "/tests/data/images/img-4g-5l.ptimg.xz", memory);
  EXPECT_EQ(image.control.mode(), PagingMode::k5Level);
  const ImageCheck check = check_image(image, memory, pure_translation(image, memory));
  EXPECT_EQ(check.answers.of, 799U);
  EXPECT_TRUE(check.all_agree()) << ::testing::PrintToString(check.disagreements);
}

TEST(PageTableImage, OneChangedEntryIsNoticed) {
  PhysMem memory;
  const PageTableImage image = load_page_table_image(kImage + ".json", memory);
  const TranslateFn translate = pure_translation(image, memory);
  Walk walk(image.control, VirtAddr(0xffff888000001000));
  while (!walk.done()) walk.feed(memory.load64(walk.entry_pa()));
  ASSERT_FALSE(walk.fault());
  const Walk::Step leaf = walk.steps().back();
  memory.store64(leaf.entry_pa, leaf.entry ^ pte::kWritable);
  const ImageCheck check = check_image(image, memory, translate);
  EXPECT_FALSE(check.all_agree());
  EXPECT_FALSE(check.disagreements.empty());
}

TEST(PageTableImage, ItIsRecognisedByEitherOfItsNames) {
  EXPECT_TRUE(is_page_table_image(kImage + ".json"));
  EXPECT_TRUE(is_page_table_image(kImage + ".ptimg.xz"));
  EXPECT_FALSE(is_page_table_image(MMUSIM_SOURCE_DIR "/tests/data/images/none.json"));
}

/// A small image in a directory of its own: one root table, whose entries are given.
class SmallImage : public ::testing::Test {
 protected:
  SmallImage() {
    directory = std::filesystem::path(::testing::TempDir()) /
                ("image_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(directory);
    description =
        json::parse(R"({"levels":4,"cr0":"0x80050033","cr3":"0x1000","cr4":"0x20","efer":"0xd01","phys_bits":40})");
    add_table(0x1000);
  }
  ~SmallImage() override { std::filesystem::remove_all(directory); }

  void add_table(uint64_t pa) {
    std::string record(4104, '\0');
    std::memcpy(record.data(), &pa, sizeof pa);
    tables += record;
  }
  std::string path(const char* name) const { return (directory / name).string(); }
  /// The text of the error that loading gives; empty if it loads.
  std::string load_error() {
    std::ofstream(path("a.json")) << description.dump();
    std::ofstream(path("a.ptimg"), std::ios::binary) << tables;
    PhysMem memory;
    try {
      load_page_table_image(path("a.ptimg"), memory);
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  }

  std::filesystem::path directory;
  json description;
  std::string tables;
};

TEST_F(SmallImage, LoadsUncompressed) { EXPECT_EQ(load_error(), ""); }

TEST_F(SmallImage, TruncationNamesRecordAndByte) {
  add_table(0x2000);
  tables.resize(tables.size() - 1);
  EXPECT_EQ(load_error(), path("a.ptimg") + ": record 1 at byte 4104: truncated: 4103 of 4104 bytes");
}

TEST_F(SmallImage, AddressesAscendAndLieWithinPhysicalMemory) {
  add_table(0x1000);
  EXPECT_EQ(load_error(), path("a.ptimg") + ": record 1 at byte 4104: 0x1000 after 0x1000: not ascending");
  tables.resize(4104);
  add_table(0x2008);
  EXPECT_NE(load_error().find("no address of a table page"), std::string::npos);
  tables.resize(4104);
  add_table(uint64_t{1} << 40);
  EXPECT_NE(load_error().find("no address of a table page within 40 bits"), std::string::npos);
}

TEST_F(SmallImage, ImpossibleDescriptionsAreRefused) {
  description["levels"] = 5;
  EXPECT_EQ(load_error(), path("a.json") + ": /levels: 5 given, but the control registers say 4-level");
  description["levels"] = 4;
  description["cr3"] = "0x5000";
  EXPECT_EQ(load_error(), path("a.ptimg") + ": the root table at 0x5000 is missing");
  description.erase("cr3");
  EXPECT_EQ(load_error(), path("a.json") + ": /cr3: missing");
  description["cr3"] = -1;
  EXPECT_NE(load_error().find("/cr3"), std::string::npos);
  description = json::array();
  EXPECT_NE(load_error().find("expected an object"), std::string::npos);
}

TEST(ForEachMapping, VisitsEveryLeafOnceInOrderOverTheCanonicalHole) {
  PhysMem memory;
  ControlRegisters registers;
  registers.cr3 = 0x1000;
  const ControlState control(registers, ProcessorTraits{});
  memory.store64(PhysAddr(0x1000), 0x2000 | pte::kPresent);                                 // PML4E 0
  memory.store64(PhysAddr(0x1000 + 511 * 8), 0x2000 | pte::kPresent);                       // the last one, same table
  memory.store64(PhysAddr(0x2000 + 511 * 8), 0x40000000 | pte::kPresent | pte::kPageSize);  // 1G
  memory.store64(PhysAddr(0x2000), 0x3000 | pte::kPresent);
  memory.store64(PhysAddr(0x3000 + 8), 0x200000 | pte::kPresent | pte::kPageSize);  // 2M
  std::vector<std::pair<uint64_t, PageSize>> seen;
  for_each_mapping(control, PhysMemEntries{memory},
                   [&](const Mapping& m) { seen.emplace_back(m.va.raw(), m.translation.size()); });
  const std::vector<std::pair<uint64_t, PageSize>> expected = {{0x20'0000, PageSize::k2M},
                                                               {0x7f'c000'0000, PageSize::k1G},
                                                               {0xffff'ff80'0020'0000, PageSize::k2M},
                                                               {0xffff'ffff'c000'0000, PageSize::k1G}};
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace mmusim
