// SPDX-License-Identifier: MIT
#include "sim/bootlog/witnesses.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/base/errors.h"
#include "sim/bootlog/derive.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kIomem =
    "00000000-00000fff : Reserved\n"
    "00001000-0009ffff : System RAM\n"
    "000a0000-000fffff : Reserved\n"
    "00100000-5effffff : System RAM\n"
    "  01000000-01e01fff : Kernel code\n"
    "  02000000-02a4bfff : Kernel rodata\n"
    "  02c00000-02fd5eff : Kernel data\n"
    "  03529000-039fffff : Kernel bss\n"
    "5f000000-6fffffff : Reserved\n"
    "100000000-107fffffff : System RAM\n"
    "  1050000000-106fffffff : Crash kernel\n";

constexpr const char* kLsmemTable =
    "RANGE                                  SIZE  STATE REMOVABLE BLOCK NODE\n"
    "0x0000000000000000-0x000000005fffffff  1.5G online       yes  0-11    0\n"
    "0x0000000100000000-0x000000087fffffff   30G online       yes 32-271   0\n"
    "0x0000000880000000-0x000000107fffffff   32G online       yes 272-527  1\n"
    "\nMemory block size:       128M\nTotal online memory:      63.5G\n";

constexpr const char* kNumactl =
    "available: 2 nodes (0-1)\nnode 0 cpus: 0 1\nnode 0 size: 31700 MB\nnode 0 free: 30000 MB\n"
    "node 1 cpus: 2 3\nnode 1 size: 32200 MB\nnode 1 free: 31000 MB\n"
    "node distances:\nnode   0   1 \n  0:  10  32 \n  1:  32  10 \n";

std::string firmware_map() {
  std::string text;
  const char* entries[][3] = {{"0x0", "0x9ffff", "System RAM"},
                              {"0xa0000", "0xfffff", "Reserved"},
                              {"0x100000", "0x5effffff", "System RAM"},
                              {"0x5f000000", "0x6fffffff", "Reserved"},
                              {"0x100000000", "0x107fffffff", "System RAM"}};
  for (size_t i = 0; i < std::size(entries); ++i) {
    const std::string folder = "/sys/firmware/memmap/" + std::to_string(i);
    text += folder + "/end:" + entries[i][1] + "\n" + folder + "/start:" + entries[i][0] + "\n";
    text += folder + "/type:" + entries[i][2] + "\n";
  }
  return text;
}

/// A folder for the files of a test.
class Files {
 public:
  Files() : folder_(fs::temp_directory_path() / ("mmusim-witness-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Files() { fs::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string path() const { return folder_.string(); }

 private:
  fs::path folder_;
};

json ranges_of(const DerivedScenario& derived) { return json::parse(derived.json)["memory"]["ranges"]; }
json whole_ranges() { return scenario_of(two_nodes())["memory"]["ranges"]; }

TEST(Witnesses, KindsAreFoundByContent) {
  EXPECT_EQ(witness_kind(kIomem), WitnessKind::kIomem);
  EXPECT_EQ(witness_kind(kLsmemTable), WitnessKind::kLsmem);
  EXPECT_EQ(witness_kind(kNumactl), WitnessKind::kNumactl);
  EXPECT_EQ(witness_kind(firmware_map()), WitnessKind::kFirmwareMap);
  EXPECT_EQ(witness_kind(two_nodes()), WitnessKind::kNone);
  EXPECT_EQ(witness_kind(""), WitnessKind::kNone);
}

TEST(Witnesses, IomemAloneTellsMemoryAndImage) {
  const Files files;
  const DerivedScenario derived = derive_scenario(files.write("iomem", kIomem));
  const json s = json::parse(derived.json);
  ASSERT_EQ(s["memory"]["ranges"].size(), 3U);
  EXPECT_EQ(s["memory"]["ranges"][2], (json{{"start", "0x100000000"}, {"end", "0x1080000000"}, {"node", 0}}));
  EXPECT_EQ(s["kernel"]["init_top_pgt_pa"], "0x2c10000");
  EXPECT_TRUE(has(derived.notes[0], "not confirmed by anything else"));
  EXPECT_TRUE(has(s["memory"]["reserved"].dump(), "0x1070000000"));  // the crash kernel
}

TEST(Witnesses, LsmemCutsIomemByNodeAndConfirmsItsBlocks) {
  const Files files;
  const DerivedScenario derived = derive_scenario({files.write("iomem", kIomem), files.write("lsmem", kLsmemTable)});
  EXPECT_EQ(ranges_of(derived), whole_ranges());
}

TEST(Witnesses, LsmemInJsonTellsTheSame) {
  json rows;
  rows["memory"] = {
      {{"range", "0x0000000000000000-0x000000005fffffff"}, {"state", "online"}, {"block", "0-11"}, {"node", 0}},
      {{"range", "0x0000000100000000-0x000000087fffffff"}, {"state", "online"}, {"block", "32-271"}, {"node", 0}},
      {{"range", "0x0000000880000000-0x000000107fffffff"}, {"state", "online"}, {"block", "272-527"}, {"node", 1}}};
  const Files files;
  const DerivedScenario derived =
      derive_scenario({files.write("iomem", kIomem), files.write("lsmem.json", rows.dump(3))});
  EXPECT_EQ(ranges_of(derived), whole_ranges());
}

/// Expects that a table of lsmem is refused, with `why` in the message.
void expect_lsmem_refused(const std::string& table, const char* why) {
  const Files files;
  try {
    (void)derive_scenario({files.write("lsmem", table)});
    FAIL() << why;
  } catch (const InputError& e) {
    EXPECT_TRUE(has(e.what(), why)) << e.what();
  }
}

TEST(Witnesses, MemoryBeyondPhysicalAddressesIsRefused) {
  expect_lsmem_refused(
      "RANGE SIZE STATE REMOVABLE BLOCK NODE\n0x0000000000000000-0x600000005fffffff 1.5G online yes 0-11 0\n",
      "expected an end below 0x10000000000000");
}

TEST(Witnesses, LsmemPrintedTwiceIsNoSecondMemory) {
  expect_lsmem_refused(std::string(kLsmemTable) + kLsmemTable, "rows that do not overlap");
}

TEST(Witnesses, BesideALogTheyAreCompared) {
  const Files files;
  const std::string log = files.write("dmesg", two_nodes());
  const std::string iomem = files.write("iomem", kIomem);
  const std::string map = files.write("memmap", firmware_map());
  const std::string lsmem = files.write("lsmem", kLsmemTable);
  const std::string numactl = files.write("numactl", kNumactl);
  const DerivedScenario derived = derive_scenario({iomem, map, lsmem, log, numactl});
  EXPECT_EQ(ranges_of(derived), whole_ranges());
  for (const char* witness : {"/proc/iomem", "/sys/firmware/memmap", "lsmem", "numactl", "\"Memory:\""}) {
    EXPECT_TRUE(has(derived.notes[0], witness)) << witness;
  }
  EXPECT_TRUE(has(derived.notes[0], " agree"));
  EXPECT_EQ(json::parse(derived.json)["kernel"]["numa_distance"], (json{{10, 32}, {32, 10}}));
}

TEST(Witnesses, ADisagreementIsNamed) {
  const Files files;
  const std::string log = files.write("dmesg", two_nodes());
  const std::string iomem =
      files.write("iomem", replaced(kIomem, "107fffffff : System RAM", "0fffffffff : System RAM"));
  const std::string numactl = files.write("numactl", replaced(kNumactl, "32200 MB", "64200 MB"));
  EXPECT_TRUE(has(notes_of(derive_scenario({log, iomem})), "/proc/iomem"));
  EXPECT_TRUE(has(derive_scenario({log, iomem}).notes[0], "disputed"));
  EXPECT_TRUE(has(notes_of(derive_scenario({log, numactl})), "disagreement: numactl: 64200 MiB"));
}

TEST(Witnesses, RamTakenBehindMemblocksBackIsNoDisagreement) {
  std::string log = two_nodes();
  log.insert(log.find("[    0.000000] RAMDISK"),
             "[    0.000000] e820: update [mem 0x40000000-0x40000fff] usable ==> reserved\n");
  const std::string iomem = replaced(kIomem, "00100000-5effffff : System RAM\n",
                                     "00100000-3fffffff : System RAM\n40001000-5effffff : System RAM\n");
  const Files files;
  const DerivedScenario derived = derive_scenario({files.write("dmesg", log), files.write("iomem", iomem)});
  EXPECT_FALSE(has(derived.notes[0], "disputed")) << derived.notes[0];
}

TEST(Witnesses, HiddenAddressesAndDamagedFilesAreRefused) {
  const Files files;
  std::string hidden;
  for (int i = 0; i < 3; ++i) hidden += "00000000-00000000 : System RAM\n";
  EXPECT_THROW(derive_scenario(files.write("iomem", hidden)), InputError);
  EXPECT_THROW(derive_scenario(files.write("iomem2", std::string(kIomem) + "rubbish\n")), InputError);
  EXPECT_THROW(derive_scenario(files.write("memmap", replaced(firmware_map(), "/2/end:0x5effffff\n", "/2/xxx:0\n"))),
               InputError);
  EXPECT_THROW(derive_scenario(files.write("numactl", kNumactl)), InputError);  // tells no addresses
}

TEST(Witnesses, TheFirmwaresMapAloneAndAsHeadPrintsIt) {
  const Files files;
  const json ranges = ranges_of(derive_scenario(files.write("memmap", firmware_map())));
  ASSERT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges[0], (json{{"start", "0x1000"}, {"end", "0xa0000"}, {"node", 0}}));
  std::string heads;
  for (const std::string& line : split_lines(firmware_map())) {
    heads += "==> " + line.substr(0, line.find(':')) + " <==\n" + line.substr(line.find(':') + 1) + "\n\n";
  }
  EXPECT_EQ(ranges_of(derive_scenario(files.write("heads", heads))), ranges);
}

/// The files of a sosreport whose ring buffer has lost the beginning of the boot.
std::vector<std::pair<std::string, std::string>> report_files() {
  const std::string log = two_nodes();
  return {{"sos_commands/kernel/dmesg", log.substr(log.find("[    0.000000] smpboot"))},
          {"proc/iomem", kIomem},
          {"sos_commands/memory/lsmem_-a_-o_RANGE_SIZE_STATE_REMOVABLE_ZONES_NODE_BLOCK", kLsmemTable},
          {"sos_commands/numa/numactl_--hardware", kNumactl},
          {"proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro nokaslr hugetlb_free_vmemmap=on\n"},
          {"sos_commands/kernel/uname_-a", "Linux host 6.1.0-18-amd64 #1 SMP x86_64 GNU/Linux\n"},
          {"etc/hostname", "host\n"}};
}

void expect_report(const DerivedScenario& derived) {
  const json s = json::parse(derived.json);
  EXPECT_EQ(s["memory"]["ranges"], whole_ranges());
  EXPECT_EQ(s["platform"], "icelake-sp");
  EXPECT_EQ(s["kernel"]["hvo"], true);
  EXPECT_EQ(s["kernel"]["version"], "6.1");
}

TEST(SosReport, AFolderIsSearched) {
  const Files files;
  for (const auto& [path, text] : report_files()) files.write("sosreport-x/" + path, text);
  expect_report(derive_scenario(files.path()));
  expect_report(derive_scenario(files.path() + "/sosreport-x/"));
}

TEST(SosReport, AFolderOfTheFirmwaresMapIsOne) {
  const Files files;
  for (const std::string& line : split_lines(firmware_map())) {
    const std::string path = line.substr(std::string("/sys/firmware/memmap/").size());
    files.write("map/" + path.substr(0, path.find(':')), path.substr(path.find(':') + 1) + "\n");
  }
  EXPECT_EQ(ranges_of(derive_scenario(files.path() + "/map")).size(), 3U);
}

std::string tarball(const Files& files, const std::vector<std::pair<std::string, std::string>>& contents, bool packed) {
  const std::string path = files.path() + (packed ? "/report.tar.gz" : "/report.tar");
  archive* tar = archive_write_new();
  archive_write_set_format_pax_restricted(tar);
  if (packed) archive_write_add_filter_gzip(tar);
  archive_write_open_filename(tar, path.c_str());
  for (const auto& [name, text] : contents) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, ("sosreport-host/" + name).c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(tar, entry);
    archive_write_data(tar, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_close(tar);
  archive_write_free(tar);
  return path;
}

TEST(SosReport, ATarballIsSearched) {
  const Files files;
  for (const bool packed : {false, true}) expect_report(derive_scenario(tarball(files, report_files(), packed)));
}

TEST(SosReport, ADamagedOrEmptyOneIsRefused) {
  const Files files;
  EXPECT_THROW(derive_scenario(tarball(files, {{"etc/hostname", "host"}}, false)), InputError);
  const std::string whole = file_bytes(tarball(files, report_files(), false));
  EXPECT_THROW(derive_scenario(files.write("cut.tar", whole.substr(0, 700))), InputError);
  const Files empty;
  EXPECT_THROW(derive_scenario(empty.path()), InputError);
}

}  // namespace
}  // namespace mmusim
