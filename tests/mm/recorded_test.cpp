// SPDX-License-Identifier: MIT
// Recorded kernels: what real boots built from their inputs, and in which order.
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "sim/trace/byte_stream.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

using nlohmann::json;

std::string text_of(const std::string& path) {
  ByteInput input = open_bytes(path);
  std::string text;
  std::vector<uint8_t> buffer(1 << 16);
  while (const size_t n = input.source->read(buffer))
    text.append(buffer.begin(), buffer.begin() + static_cast<long>(n));
  return text;
}
std::string data(const std::string& path) { return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/" + path; }
uint64_t number(const json& j) {
  return j.is_string() ? std::stoull(j.get<std::string>(), nullptr, 0) : j.get<uint64_t>();
}

/// The inputs of a recorded boot.
struct Recorded {
  explicit Recorded(const std::string& name) : dump(json::parse(text_of(data("recorded/" + name + ".json.xz")))) {
    const json& boot = dump["stages"][0];
    const std::string cpu = dump["cpu"];
    const std::string cmdline = dump["cmdline"];
    config.version = *version_of_release(dump["kernel"].get<std::string>());
    config.levels = boot["levels"];
    config.cpu.pse = cpu.find("pse=off") == std::string::npos;
    config.cpu.gbpages = config.cpu.pse && cpu.find("qemu64") == std::string::npos;
    config.mem_section_bytes = dump["mem_section_bytes"];
    config.init_top_pgt_pa = PhysAddr(number(dump["init_top_pgt_pa"]));
    config.memmap_on_memory = cmdline.find("memmap_on_memory=1") != std::string::npos;
    config.hvo = cmdline.find("hugetlb_free_vmemmap=on") != std::string::npos;
    for (const json& r : dump["boot_memory_ranges"]) {
      map.memory.push_back({Pfn(number(r["pfn_start"])), Pfn(number(r["pfn_end"])), r["node"]});
    }
    for (const json& r : dump["boot_reserved"])
      map.reserved.push_back({PhysAddr(number(r[0])), PhysAddr(number(r[1]))});
    for (const json& line : boot["dmesg"]) {
      const std::string text = line;
      const size_t node = text.find("NODE_DATA(");
      if (node == std::string::npos) continue;
      const uint64_t start = std::stoull(text.substr(text.find("[mem ") + 5), nullptr, 16);
      map.node_data.push_back({static_cast<unsigned>(std::stoul(text.substr(node + 10))), PhysAddr(start)});
    }
  }
  json dump;
  KernelConfig config;
  MemoryMap map;
};

std::vector<std::string> recorded_names() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(data("recorded"))) {
    const std::string name = file.path().filename();
    if (name.ends_with(".json.xz")) names.push_back(name.substr(0, name.size() - 8));
  }
  std::sort(names.begin(), names.end());
  return names;
}
std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class RecordedBoot : public testing::TestWithParam<std::string> {};

TEST_P(RecordedBoot, EveryEntryEqualsPhysicalAddressIncluded) {
  const Recorded recorded(GetParam());
  Machine m(recorded.config, recorded.map, /*observe=*/false);
  ASSERT_TRUE(ok(m.boot()));
  const auto built = m.tables();
  const json& entries = recorded.dump["stages"][0]["entries"];
  ASSERT_EQ(built.size(), entries.size());
  for (size_t i = 0; i < built.size(); ++i) {
    const json& e = entries[i];
    ASSERT_EQ(built[i].level, e["level"]);
    ASSERT_EQ(built[i].va.raw(), number(e["va"]));
    ASSERT_EQ(built[i].index, e["index"]);
    ASSERT_EQ(built[i].table_pa.raw(), number(e["table_pa"]));
    ASSERT_EQ(built[i].value | kPageAccessed | kPageDirty, number(e["value"]) | kPageAccessed | kPageDirty);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, RecordedBoot, testing::ValuesIn(recorded_names()), test_name);

/// Accesses as the recordings list them; `op` selects writes or reads.
std::vector<std::string> recorded_order(const std::string& name, char op) {
  std::vector<std::string> lines;
  std::istringstream text(text_of(data("order/" + name + ".txt.xz")));
  for (std::string line; std::getline(text, line);)
    if (line[0] == op && (op == 'w' || lines.empty() || lines.back() != line)) lines.push_back(line);
  return lines;
}
std::vector<std::string> writes_of(const Machine& m) {
  std::vector<std::string> lines;
  for (const EntryWrite& w : m.events.writes)
    if (m.layout.in_vmemmap(w.va))
      lines.push_back(fmt::format("w {} {} {:x}", w.level, w.index, w.new_value & ~kEntryAddressMask));
  return lines;
}
std::vector<std::string> reads_of(const Machine& m) {
  std::vector<std::string> lines;
  for (const EntryRead& r : m.events.reads) {
    if (!m.layout.in_vmemmap(r.va)) continue;
    const std::string line = fmt::format("r {} {}", r.level, r.index);
    if (lines.empty() || lines.back() != line) lines.push_back(line);
  }
  return lines;
}

class RecordedBootOrder : public testing::TestWithParam<std::string> {};

TEST_P(RecordedBootOrder, WritesAndReadsComeInTheKernelsOrder) {
  const Recorded recorded(GetParam());
  Machine m(recorded.config, recorded.map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(writes_of(m), recorded_order(GetParam(), 'w'));
  EXPECT_EQ(reads_of(m), recorded_order(GetParam(), 'r'));
}

INSTANTIATE_TEST_SUITE_P(Recorded, RecordedBootOrder,
                         testing::Values("boot-2g-4l-k612", "boot-2g-4l", "boot-4g-4l", "boot-512m-4l", "boot-512m-5l",
                                         "boot-72g-4l", "hole-reserve-4l", "nopse-512m-4l", "numa2-4g-4l",
                                         "numafake4-2g-4l", "odd-767m-4l"),
                         test_name);

/// Boots the recorded machine and forgets the events of the boot.
struct Staged {
  explicit Staged(const std::string& name) : recorded(name), m(recorded.config, recorded.map) {
    EXPECT_TRUE(ok(m.boot()));
    m.events.clear();
  }
  Recorded recorded;
  Machine m;
};

TEST(RecordedStages, HotplugOfTwoDimms) {
  for (const std::string name : {"hotplug-2dimm-4l", "hotplug-mom-4l"}) {
    Staged s(name);
    ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib, kSection, 0)));
    ASSERT_TRUE(ok(s.m.kernel.online(kFourGib, kSection)));
    ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib + kSection, 4 * kSection, 0)));
    ASSERT_TRUE(ok(s.m.kernel.online(kFourGib + kSection, 4 * kSection)));
    EXPECT_EQ(writes_of(s.m), recorded_order(name, 'w'));
    EXPECT_EQ(reads_of(s.m), recorded_order(name, 'r'));
    EXPECT_EQ(s.m.events.lines_with(" [ffffea0004000000-ffffea00041fffff] PMD -> ["), 1u);
    EXPECT_EQ(s.m.events.lines_with(" [ffffea0004200000-ffffea00049fffff] PMD -> ["), 1u);  // four blocks, one line
  }
}

TEST(RecordedStages, HotplugFarAway) {
  Staged s("hotplug-far-4l");
  ASSERT_TRUE(ok(s.m.kernel.hot_add(PhysAddr(68 * kGiB), 2 * kSection, 0)));
  ASSERT_TRUE(ok(s.m.kernel.hot_add(PhysAddr(130 * kGiB), kSection, 0)));
  EXPECT_EQ(writes_of(s.m), recorded_order("hotplug-far-4l", 'w'));
  EXPECT_EQ(reads_of(s.m), recorded_order("hotplug-far-4l", 'r'));
}

TEST(RecordedStages, RemovalClearsInAscendingOrder) {
  Staged s("hotplug-remove-4l");
  ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib, 2 * kSection, 0)));
  ASSERT_TRUE(ok(s.m.kernel.online(kFourGib, 2 * kSection)));
  ASSERT_TRUE(ok(s.m.kernel.hot_remove(kFourGib, 2 * kSection)));
  ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib, kSection, 0)));
  EXPECT_EQ(writes_of(s.m), recorded_order("hotplug-remove-4l", 'w'));  // reads of the removal were not recorded
}

TEST(RecordedStages, DeviceDaxWithItsMapInTheDevice) {
  Staged s("pmem-devdax-pmem-4l");
  DeviceMemory device{.start = kFourGib, .bytes = 200 * kMiB, .memmap = DeviceMemmap::kDevice, .vmemmap_shift = 9};
  ASSERT_TRUE(ok(s.m.kernel.add_device(device)));
  EXPECT_EQ(writes_of(s.m), recorded_order("pmem-devdax-pmem-4l", 'w'));
  EXPECT_EQ(reads_of(s.m), recorded_order("pmem-devdax-pmem-4l", 'r'));
}

TEST(RecordedStages, HugetlbFoliosOptimisedAndRestored) {
  Staged s("hvo-2m-4l");
  // The allocator handed out the folio at the end of memory first, then 63 in ascending order; 32 of those taken last
  // were given back first.
  std::vector<Folio> folios{{Pfn(508928), 9}};
  for (uint64_t i = 0; i < 63; ++i) folios.push_back({Pfn(25600 + 512 * i), 9});
  s.m.kernel.hugetlb_claim(folios);
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_optimize(folios)));
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_restore(std::span(folios).last(32))));
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_restore(std::span(folios).first(32))));
  EXPECT_EQ(writes_of(s.m), recorded_order("hvo-2m-4l", 'w'));
  EXPECT_EQ(reads_of(s.m), recorded_order("hvo-2m-4l", 'r'));
}

}  // namespace
}  // namespace mmusim::mm::test
