// SPDX-License-Identifier: MIT
// What `explain` tells of the recorded kernel in tests/data/images: facts of that image, and of the teaching machine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <tuple>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "sim/explain/entry_text.h"
#include "sim/explain/explained_system.h"
#include "sim/machine/programs.h"
#include "sim/machine/simulation.h"
#include "sim/recorded/image_check.h"

namespace mmusim {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr AccessType kRead{AccessKind::kRead, Privilege::kSupervisor};
constexpr AccessType kWrite{AccessKind::kWrite, Privilege::kSupervisor};
constexpr AccessType kUserFetch{AccessKind::kFetch, Privilege::kUser};

class ExplainImage : public ::testing::Test {
 protected:
  ExplainImage() : system(target()) {}
  static ExplainTarget target() {
    ExplainTarget t;
    t.image = MMUSIM_SOURCE_DIR "/tests/data/images/img-512m-4l.ptimg.xz";
    return t;
  }
  ExplainedSystem system;
};

TEST_F(ExplainImage, AVmemmapAddressNamesItsPageSectionAndField) {
  const Explanation e = system.explain(VirtAddr(0xffffea0000200034), 4, kRead);
  ASSERT_TRUE(e.kernel);
  EXPECT_EQ(e.kernel->region, "vmemmap");
  ASSERT_TRUE(e.kernel->struct_page);
  EXPECT_EQ(e.kernel->struct_page->pfn.raw, 0x8000U);
  EXPECT_EQ(e.kernel->struct_page->section, 1U);
  EXPECT_EQ(e.kernel->struct_page->field, "_refcount");
  EXPECT_TRUE(e.kernel->struct_page->memory);
  EXPECT_FALSE(e.kernel->struct_page->node) << "images do not record nodes";
  EXPECT_EQ(system.struct_page_of(Pfn(0x8000)).raw(), 0xffffea0000200000U);
}

TEST_F(ExplainImage, AColdWalkReadsEachEntryAndTheSecondTimeTheTlbAnswers) {
  const Explanation e = system.explain(VirtAddr(0xffffea0000000040), 8, kRead);
  ASSERT_EQ(e.pages.size(), 1U);
  EXPECT_THAT(e.pages[0].indices, ElementsAre(468, 0, 0));
  ASSERT_EQ(e.pages[0].entries.size(), 3U);
  Cycles reads{};
  for (const EntryExplanation& entry : e.pages[0].entries) {
    EXPECT_EQ(entry.source.kind, EntrySource::Kind::kRead);
    EXPECT_EQ(entry.source.hit, HitLevel::kDram);
    reads += entry.source.cycles;
  }
  EXPECT_EQ(e.first->record.stage[Stage::kEntryReads], reads);
  EXPECT_TRUE(e.first->record.stlb_miss);
  EXPECT_FALSE(e.again->record.tlb_miss);
  EXPECT_LT(e.again->record.end - e.again->record.begin, e.first->record.end - e.first->record.begin);
}

TEST_F(ExplainImage, EachIsToldColdUnlessAskedWarm) {
  for (int i = 0; i < 2; ++i) {
    const Explanation e = system.explain(VirtAddr(0xffff888000001000 + 0x1000U * static_cast<unsigned>(i)), 8, kRead);
    for (const EntryExplanation& entry : e.pages[0].entries) {
      EXPECT_EQ(entry.source.kind, EntrySource::Kind::kRead) << i;
      EXPECT_EQ(entry.source.hit, HitLevel::kDram) << i;
    }
    EXPECT_EQ(e.first->record.data_hit, HitLevel::kDram) << i;
  }
}

TEST(ExplainWarm, ANeighbourIsServedByThePagingStructureCaches) {
  ExplainTarget target;
  target.image = MMUSIM_SOURCE_DIR "/tests/data/images/img-512m-4l.ptimg.xz";
  target.warm = true;
  ExplainedSystem system(target);
  system.explain(VirtAddr(0xffff888000001000), 8, kRead);
  const Explanation e = system.explain(VirtAddr(0xffff888000002000), 8, kRead);
  ASSERT_EQ(e.pages[0].entries.size(), 4U);
  EXPECT_EQ(e.pages[0].entries[1].source.kind, EntrySource::Kind::kNotAsked);
  EXPECT_EQ(e.pages[0].entries[2].source.kind, EntrySource::Kind::kStructureCache);
  EXPECT_EQ(e.pages[0].entries[3].source.kind, EntrySource::Kind::kRead);
  EXPECT_EQ(e.pages[0].entries[3].source.hit, HitLevel::kL1) << "the same line as its neighbour";
  EXPECT_THAT(explanation_text(e, Colour::kOff), HasSubstr("PDE cache"));
}

TEST_F(ExplainImage, AFaultNamesTheRuleTheEntryAndTheErrorCode) {
  const Explanation e = system.explain(VirtAddr(0xffffffff81000000), 8, kWrite);
  EXPECT_EQ(e.fault, FaultReason::kReadOnly);
  EXPECT_THAT(e.pages[0].restrictions, ElementsAre(2));
  const std::string text = explanation_text(e, Colour::kOff);
  EXPECT_THAT(text, HasSubstr("R/W=0), by the PDE"));
  EXPECT_THAT(text, HasSubstr("#PF, error code 0x3 (present, write), CR2 0xffffffff81000000"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(explanation_text(e, Colour::kOn), HasSubstr("\x1b["));
}

TEST_F(ExplainImage, SmapIsLiftedByAc) {
  EXPECT_EQ(system.explain(VirtAddr(0x400000), 8, kRead).fault, FaultReason::kSmap);
  system.set_ac();
  EXPECT_FALSE(system.explain(VirtAddr(0x400000), 8, kRead).fault);
}

TEST_F(ExplainImage, ANonCanonicalAddressIsNoPageFault) {
  const Explanation e = system.explain(VirtAddr(0x8000'0000'0000), 8, kRead);
  EXPECT_EQ(e.exception->vector, Vector::kGeneralProtection);
  EXPECT_TRUE(e.pages.empty());
  EXPECT_THAT(explanation_text(e, Colour::kOff), HasSubstr("#GP(0), CR2 unchanged"));
}

TEST_F(ExplainImage, JsonSaysTheSame) {
  const json j = json::parse(explanation_json(system.explain(VirtAddr(0x400ffe), 1, kUserFetch)));
  EXPECT_EQ(j["fault"]["reason"], "no_execute");
  EXPECT_EQ(j["fault"]["error_code"], "0x15");
  EXPECT_EQ(j["fault"]["withheld_by_levels"], json({1}));
  EXPECT_EQ(j["pages"][0]["entries"][3]["pfn"], "0x46ba");
  EXPECT_EQ(j["pages"][0]["entries"][0]["source"]["hit"], "DRAM");
}

TEST_F(ExplainImage, AnAccessAcrossPagesIsToldInTwoParts) {
  const Explanation e = system.explain(VirtAddr(0xffff888000001ffc), 8, kRead);
  ASSERT_EQ(e.pages.size(), 2U);
  EXPECT_EQ(e.pages[1].va.raw(), 0xffff888000002000U);
  EXPECT_EQ(e.pa.raw(), 0x1ffcU);
}

/// The whole machine, TLBs and paging-structure caches warm or not, gives what the recorded machine answered.
void every_recorded_translation_comes_out_of_the_machine_twice(const std::string& name, uint64_t answers) {
  Simulation simulation;
  Machine machine("machine", load_platform("textbook"));
  const std::string path = MMUSIM_SOURCE_DIR "/tests/data/images/" + name + ".json";
  const PageTableImage image = load_page_table_image(path, machine.memory());
  ControlRegisters registers = image.control.registers();
  registers.ac = true;  // user pages too: the recorded answers do not look at rights
  machine.set_control(0, ControlState(registers, image.control.traits()));
  ImageCheck cold, warm;
  CallProgram program([&](Core& core) {
    const TranslateFn translate = [&](VirtAddr va) -> std::optional<PhysAddr> {
      MemAccess access;
      access.va = va;
      access.bytes = 1;
      const AccessResult result = core.access(access);
      if (result.fault) return std::nullopt;
      return result.pa;
    };
    cold = check_image(image, machine.memory(), translate);
    warm = check_image(image, machine.memory(), translate);
  });
  simulation.run(machine, program);
  EXPECT_EQ(cold.answers.of, answers);
  EXPECT_EQ(cold.answers.agree, answers) << ::testing::PrintToString(cold.disagreements);
  EXPECT_EQ(warm.answers.agree, answers) << ::testing::PrintToString(warm.disagreements);
  EXPECT_GT(machine.totals().l1_dtlb_misses, 100U);
}

TEST(TimedImage, FourLevelsEveryRecordedTranslationComesOutTwice) {
  every_recorded_translation_comes_out_of_the_machine_twice("img-512m-4l", 729);
}

TEST(TimedImage, FiveLevelsEveryRecordedTranslationComesOutTwice) {
  every_recorded_translation_comes_out_of_the_machine_twice("img-4g-5l", 799);
}

TEST(EntryFlags, NamesEveryBitAtItsLevel) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pke;
  ProcessorTraits traits;
  traits.phys_bits = 40;
  const ControlState control(registers, traits);
  EXPECT_THAT(entry_flags(control, 1, 0x9800'0000'0000'11e7 | uint64_t{1} << 52),
              ElementsAre("present", "writable", "user", "accessed", "dirty", "pat", "global", "sw52", "key 3", "nx"));
  EXPECT_THAT(entry_flags(control, 2, 0x11e3),
              ElementsAre("present", "writable", "accessed", "dirty", "2M page", "pat", "global"));
  EXPECT_THAT(entry_flags(control, 4, 0x1063), ElementsAre("present", "writable", "accessed")) << "D is ignored there";
  EXPECT_THAT(entry_flags(control, 4, 0x10e1), ElementsAre("present", "accessed", "reserved 7"));
  EXPECT_THAT(entry_flags(control, 1, 0x8000), ElementsAre("not present"));
  EXPECT_THAT(entry_flags(control, 1, 0), ElementsAre("empty"));
}

TEST(StructPageField, OffsetsWithinAFieldBelongToIt) {
  EXPECT_EQ(struct_page_field(0), "flags");
  EXPECT_EQ(struct_page_field(55), "_refcount");
  EXPECT_EQ(struct_page_field(64), "");
}

/// Two nodes, a section added on the second, all built by the kernel model.
class ExplainScenario : public ::testing::Test {
 protected:
  ExplainScenario() {
    target.scenario = ::testing::TempDir() + "/explain_scenario.json";
    std::ofstream(target.scenario) << R"({
      "name": "explained", "platform": "textbook", "kernel": {"version": "6.1"},
      "memory": {"ranges": [{"start": "0x1000", "end": "0x9f000", "node": 0},
                            {"start": "0x100000", "end": "0x10000000", "node": 0},
                            {"start": "0x10000000", "end": "0x20000000", "node": 1}],
                 "reserved": [{"start": "0x1000000", "end": "0x4000000"}]},
      "phases": [{"phase": "boot"},
                 {"phase": "hot_add", "stage": "plug", "start": "0x100000000", "size": "128MiB", "node": 1}]})";
  }
  ExplainTarget target;
};

TEST_F(ExplainScenario, StructPagesAreFoundWithTheirNodeAndSection) {
  ExplainedSystem system(target);
  for (const auto& [pfn, section, node] : {std::tuple{0x8000U, 1U, 0U}, {0x18000U, 3U, 1U}, {0x100010U, 32U, 1U}}) {
    const VirtAddr va = system.struct_page_of(Pfn(pfn));
    const Explanation e = system.explain(va, 8, kRead);
    EXPECT_FALSE(e.fault) << va.raw();
    ASSERT_TRUE(e.kernel && e.kernel->struct_page);
    EXPECT_EQ(e.kernel->struct_page->pfn.raw, pfn);
    EXPECT_EQ(e.kernel->struct_page->section, section);
    EXPECT_EQ(e.kernel->struct_page->node, node);
    EXPECT_EQ(e.pages[0].translation->size(), PageSize::k2M);
  }
}

TEST_F(ExplainScenario, EachEntrySaysWhichFunctionWroteItAndWhen) {
  ExplainedSystem system(target);
  const Explanation e = system.explain(system.struct_page_of(Pfn(0x100010)), 8, kWrite);
  const std::vector<EntryExplanation>& entries = e.pages[0].entries;
  ASSERT_EQ(entries.size(), 3U);
  ASSERT_TRUE(entries[1].writer && entries[2].writer);
  EXPECT_STREQ(entries[2].writer->function, "vmemmap_set_pmd");
  EXPECT_GT(entries[2].writer->cycle, entries[1].writer->cycle) << "the section was plugged after the boot";
  const json j = json::parse(explanation_json(e));
  EXPECT_EQ(j["pages"][0]["entries"][2]["written_by"]["function"], "vmemmap_set_pmd");
  EXPECT_EQ(j["pages"][0]["entries"][2]["written_by"]["cycle"], entries[2].writer->cycle.count);
  for (const Names names : {Names::kLinux, Names::kIntel}) {
    const std::string text = explanation_text(e, Colour::kOff, names);
    EXPECT_THAT(text, HasSubstr(fmt::format("written by vmemmap_set_pmd in cycle {}", entries[2].writer->cycle)));
    EXPECT_THAT(text,
                HasSubstr(names == Names::kLinux ? "PRESENT RW ACCESSED DIRTY PSE GLOBAL NX" : "P R/W A D PS G XD"));
    EXPECT_THAT(text, HasSubstr(names == Names::kLinux ? "  pmd " : "  PDE "));
    EXPECT_THAT(text, Not(HasSubstr(names == Names::kLinux ? "PDE" : "pmd  ")));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST_F(ExplainScenario, AColdMachineOfSeveralCoresRemembersNothing) {
  target.overrides.sets = {"/platform/cores=2"};
  ExplainedSystem system(target);
  for (const unsigned pfn : {0x8000U, 0x8040U}) {
    const Explanation e = system.explain(system.struct_page_of(Pfn(pfn)), 8, kRead);
    for (const EntryExplanation& entry : e.pages[0].entries) EXPECT_EQ(entry.source.hit, HitLevel::kDram);
    EXPECT_EQ(e.again->record.data_hit, HitLevel::kL1);
  }
}

TEST(EntryNames, FollowTheVocabularyAndTheLevels) {
  EXPECT_STREQ(entry_name(4, 4, Names::kLinux), "pgd");
  EXPECT_STREQ(entry_name(4, 5, Names::kLinux), "p4d");
  EXPECT_STREQ(entry_name(5, 5, Names::kLinux), "pgd");
  EXPECT_STREQ(entry_name(1, 4, Names::kLinux), "pte");
  EXPECT_STREQ(entry_name(4, 4, Names::kIntel), "PML4E");
  EXPECT_EQ(flag_name("sw58", Names::kLinux), "SOFTW4");
  EXPECT_EQ(flag_name("sw60", Names::kLinux), "bit 60");
  EXPECT_EQ(flag_name("key 3", Names::kIntel), "key 3");
}

TEST_F(ExplainScenario, BeforeItsStageTheNewSectionIsNotMapped) {
  target.after = "boot";
  ExplainedSystem system(target);
  const Explanation e = system.explain(system.struct_page_of(Pfn(0x100010)), 8, kRead);
  EXPECT_EQ(e.fault, FaultReason::kNotPresent);
  EXPECT_FALSE(e.kernel->struct_page->memory);
  EXPECT_THAT(explanation_text(e, Colour::kOff), HasSubstr("no memory\n"));
}

TEST_F(ExplainScenario, AnUnknownStageNamesThoseThereAre) {
  target.after = "nothing";
  try {
    ExplainedSystem system(target);
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("expected one of boot, plug"));
  }
}

TEST(ExplainedSystem, WrongTargetsAreInputErrors) {
  ExplainTarget target;
  target.image = MMUSIM_SOURCE_DIR "/tests/data/paging/L4.jsonl.zst";
  EXPECT_THROW(ExplainedSystem{target}, InputError);
}

}  // namespace
}  // namespace mmusim
