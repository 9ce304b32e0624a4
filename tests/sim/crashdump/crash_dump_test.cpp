// SPDX-License-Identifier: MIT
// A dump of a running Debian kernel in three forms: the tables that explain and replay take, and translations beside those
// of the crash utility.
#include "sim/crashdump/crash_dump.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "models/base/errors.h"
#include "sim/bootlog/derive.h"
#include "sim/crashdump/dump_tables.h"
#include "sim/explain/explained_system.h"
#include "sim/translate/case_translator.h"

namespace mmusim {
namespace {

std::string dump_path(const std::string& form) {
  return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/crash/k61-128m." + form + ".xz";
}

/// One answer of `vtop`: entries by level, and the physical address.
struct Vtop {
  VirtAddr va;
  PhysAddr pa;
  std::map<unsigned, uint64_t> entries;
};

/// "   PMD: 7c6f000 => 8000000007a001e3", of level 2.
std::vector<Vtop> vtop_answers() {
  std::ifstream file(std::string(MMUSIM_SOURCE_DIR) + "/tests/data/crash/k61-128m.vtop.txt");
  std::vector<Vtop> answers;
  const auto hex = [](const std::string& text) { return std::stoull(text, nullptr, 16); };
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first, second, third;
    words >> first >> second >> third;
    if (first == "VIRTUAL") {
      std::getline(file, line);
      std::istringstream(line) >> first >> second;
      answers.push_back({VirtAddr(hex(first)), PhysAddr(hex(second)), {}});
    }
    if (first == "PAGE" && second == "DIRECTORY:") answers.back().entries[4] = hex(third);
    const std::map<std::string, unsigned> levels = {{"PUD:", 3}, {"PMD:", 2}, {"PTE:", 1}};
    if (const auto level = levels.find(first); level != levels.end() && third == "=>") {
      words >> third;
      answers.back().entries[level->second] = hex(third);
    }
  }
  return answers;
}

class CrashDumps : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    static const bool once = [] {
      register_crash_dumps();
      return true;
    }();
    (void)once;
  }
};

TEST_P(CrashDumps, ItIsKnownByItsContent) {
  const DumpForm forms[] = {DumpForm::kKdump, DumpForm::kFlattened, DumpForm::kElf};
  const std::string names[] = {"kdump", "flat", "elf"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] != GetParam()) continue;
    EXPECT_EQ(dump_form(dump_path(names[i])), forms[i]);
  }
  EXPECT_TRUE(is_page_table_image(dump_path(GetParam())));
}

TEST_P(CrashDumps, VmcoreinfoMemoryAndRegistersAreThere) {
  const CrashDump dump(dump_path(GetParam()));
  EXPECT_EQ(dump.release(), "6.1.0-56-cloud-amd64");
  EXPECT_EQ(dump.symbol("init_top_pgt"), VirtAddr(0xffffffff82a10000));
  EXPECT_EQ(dump.symbol("no_such_symbol"), std::nullopt);
  EXPECT_EQ(dump.size("page"), 64U);
  EXPECT_EQ(dump.offset("mem_section.section_mem_map"), 0U);
  EXPECT_EQ(dump.length("mem_section"), 2048U);
  ASSERT_EQ(dump.processors().size(), 1U);  // as QEMU's monitor printed them: info registers
  EXPECT_EQ(dump.processors()[0].cr0, 0x80050033U);
  EXPECT_EQ(dump.processors()[0].cr3, 0x563a000U);
  EXPECT_EQ(dump.processors()[0].cr4, 0x6b0U);
  std::byte outside[8];
  EXPECT_FALSE(dump.read(PhysAddr(uint64_t{1} << 40), outside));
  ASSERT_FALSE(dump.memory().empty());
  EXPECT_EQ(dump.memory().back().end, PhysAddr(128 * kMiB));
}

TEST_P(CrashDumps, ExplainsAreThoseOfTheCrashUtility) {
  const std::vector<Vtop> answers = vtop_answers();
  ASSERT_EQ(answers.size(), 5U);
  for (const std::string cr3 : {"", "kernel"}) {  // the process has the kernel's half too
    PhysMem memory;
    const PageTableImage image = load_page_table_image(dump_path(GetParam()), memory, parse_root_choice(cr3));
    for (const Vtop& vtop : answers) {
      const Explanation e =
          explain_access(image.control, MemoryTypes(), memory, vtop.va, 8, {AccessKind::kRead, Privilege::kSupervisor});
      EXPECT_FALSE(e.fault) << fmt::format("{}", vtop.va);
      EXPECT_EQ(e.pa, vtop.pa) << fmt::format("{}", vtop.va);
      ASSERT_EQ(e.pages.size(), 1U);
      std::map<unsigned, uint64_t> entries;
      for (const EntryExplanation& entry : e.pages[0].entries) entries[entry.step.level] = entry.step.entry;
      EXPECT_EQ(entries, vtop.entries) << fmt::format("{}", vtop.va);
    }
  }
}

// One machine for each process: SystemC takes no more once it ran.
TEST(CrashDump, TheKernelsLayoutIsKnown) {
  register_crash_dumps();
  ExplainTarget target;
  target.image = dump_path("kdump");
  ExplainedSystem system(target);
  EXPECT_EQ(system.struct_page_of(Pfn(0x1000)), VirtAddr(0xffffea0000040000));
  const Explanation e =
      system.explain(system.struct_page_of(Pfn(0x1000)), 8, {AccessKind::kRead, Privilege::kSupervisor});
  ASSERT_TRUE(e.kernel && e.kernel->struct_page);
  EXPECT_EQ(e.kernel->struct_page->pfn, Pfn(0x1000));
  EXPECT_TRUE(e.kernel->struct_page->memory);
}

INSTANTIATE_TEST_SUITE_P(Forms, CrashDumps, testing::Values("kdump", "flat", "elf"),
                         [](const auto& form) { return form.param; });

TEST(CrashDump, TheUsersHalfIsThatOfTheProcess) {
  const auto code = [](const std::string& cr3) {
    PhysMem memory;
    const PageTableImage image = load_crash_dump(dump_path("kdump"), memory, parse_root_choice(cr3));
    const AccessType fetch = {AccessKind::kFetch, Privilege::kUser};
    return explain_access(image.control, MemoryTypes(), memory, VirtAddr(0x52e7ca), 1, fetch).fault.has_value();
  };
  EXPECT_FALSE(code(""));  // RIP of the processor when it was stopped
  EXPECT_FALSE(code("563a000"));
  EXPECT_TRUE(code("kernel"));
}

TEST(CrashDump, BadInputIsRefusedByName) {
  const std::string file = testing::TempDir() + "/dump";
  const auto expect_refused = [&](const std::string& bytes, const std::string& why) {
    std::ofstream(file, std::ios::binary) << bytes;
    try {
      const CrashDump dump(file);
      ADD_FAILURE() << why;
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
    }
  };
  expect_refused("no dump at all", "no crash dump");
  std::string flat = read_text_file(dump_path("flat"));
  expect_refused(flat.substr(0, flat.size() / 2), "flattened crash dump: truncated");
  flat[4096] = '\x70';  // the offset of the first piece
  expect_refused(flat, "an impossible piece");
  const std::string kdump = read_text_file(dump_path("kdump"));
  expect_refused(kdump.substr(0, 6000), "truncated crash dump: 6000 bytes");
  expect_refused(kdump.substr(0, 100), "truncated crash dump: 100 bytes");
  std::string elf = read_text_file(dump_path("elf"));
  expect_refused(elf.substr(0, elf.size() - 1), "truncated crash dump");
  elf[18] = 3;  // EM_386
  expect_refused(elf, "no crash dump");
  EXPECT_EQ(dump_form(file), std::nullopt);
  EXPECT_EQ(dump_form(file + ".missing"), std::nullopt);
  EXPECT_THROW(CrashDump(file + ".missing"), EnvironmentError);
}

TEST(CrashDump, Cr3IsCheckedAndMustHaveATable) {
  PhysMem memory;
  EXPECT_THROW(parse_root_choice("0xzz"), InputError);
  EXPECT_THROW(load_crash_dump(dump_path("kdump"), memory, parse_root_choice("fffff000")), InputError);
  const PageTableImage image = load_crash_dump(dump_path("kdump"), memory, parse_root_choice("kernel"));
  EXPECT_EQ(image.control.root(), PhysAddr(0x2a10000));
  EXPECT_EQ(image.vmemmap_base, VirtAddr(0xffffea0000000000));
  EXPECT_EQ(image.page_offset_base, VirtAddr(0xffff888000000000));
}

TEST(CrashDump, TranslateTakesRegistersAndTablesThatACaseLeavesOut) {
  PhysMem memory;
  const PageTableImage image = load_crash_dump(dump_path("kdump"), memory, {});
  CaseDefaults defaults;
  defaults.traits = image.control.traits();
  defaults.registers = image.control.registers();
  defaults.tables = &memory;
  CaseTranslator translator(defaults);
  const auto result = [&](std::string line) {
    line.resize(line.size() + CaseTranslator::kPadding);
    std::string out;
    translator.translate_line(std::string_view(line).substr(0, line.size() - CaseTranslator::kPadding), 1, out);
    return out;
  };
  for (const Vtop& vtop : vtop_answers()) {
    const std::string line = fmt::format(R"({{"id":"v","cpl":0,"acc":"r","va":"{:x}","n":8}})", vtop.va.raw());
    EXPECT_EQ(result(line), fmt::format("{{\"id\":\"v\",\"out\":\"ok\",\"pa\":\"{:x}\",\"aft\":[]}}\n", vtop.pa.raw()));
  }
  // A case that lists an entry of its own has that one; the next case finds the dump's again.
  const std::string own = R"({"id":"o","cpl":0,"acc":"r","va":"ffffea0000000040","n":8,"mem":[["7c6f000","0"]]})";
  EXPECT_NE(result(own).find(R"("out":"pf")"), std::string::npos);
  const std::string plain = R"({"id":"p","cpl":0,"acc":"w","va":"ffffea0000000040","n":8})";
  EXPECT_NE(result(plain).find(R"("pa":"7a00040")"), std::string::npos);
}

}  // namespace
}  // namespace mmusim
