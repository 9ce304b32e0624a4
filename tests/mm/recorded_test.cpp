// SPDX-License-Identifier: MIT
// Recorded kernels: what real boots built from their inputs, and in which order.
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "mm/release.h"
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
    const ReleaseProfile release = *profile_of_release(dump["kernel"].get<std::string>());
    config.version = release.version;
    config.overrides = release.overrides;
    config.levels = boot["levels"];
    config.vmemmap_base = VirtAddr(number(boot["vmemmap_base"]));
    config.page_offset_base = VirtAddr(number(boot["page_offset_base"]));
    config.cpu.pse = cpu.find("pse=off") == std::string::npos;
    config.cpu.gbpages = config.cpu.pse && cpu.find("qemu64") == std::string::npos;
    config.mem_section_bytes = dump["mem_section_bytes"];
    config.init_top_pgt_pa = PhysAddr(number(dump["init_top_pgt_pa"]));
    const uint64_t image_offset = number(dump["symbols"]["init_top_pgt"]) - config.kernel_image_base.raw();
    config.kernel_phys_base = config.init_top_pgt_pa.raw() - image_offset;
    config.memmap_on_memory = cmdline.find("memmap_on_memory=1") != std::string::npos;
    config.hvo = cmdline.find("hugetlb_free_vmemmap=on") != std::string::npos;
    for (const json& r : dump["boot_memory_ranges"]) {
      map.memory.push_back({Pfn(number(r["pfn_start"])), Pfn(number(r["pfn_end"])), r["node"]});
    }
    read_boot_hugetlb();
    for (const json& r : dump["boot_reserved"]) reserve(PhysAddr(number(r[0])), PhysAddr(number(r[1])));
    for (const json& line : boot["dmesg"]) {
      const std::string text = line;
      if (text.find("page tables isolation: enabled") != std::string::npos) config.pti = true;
      const size_t node = text.find("NODE_DATA(");
      if (node == std::string::npos) continue;
      const uint64_t start = std::stoull(text.substr(text.find("[mem ") + 5), nullptr, 16);
      map.node_data.push_back({static_cast<unsigned>(std::stoul(text.substr(node + 10))), PhysAddr(start)});
    }
  }
  /// Takes the gigantic pages of the list, which may hold others (5.10: their function was not found).
  void read_boot_hugetlb() {
    if (!dump.contains("boot_hugetlb")) return;
    for (const json& page : dump["boot_hugetlb"]) {
      const PhysAddr start(number(page[0]));
      if (PhysAddr(number(page[1])) == start + kGiB) map.boot_hugetlb.push_back({start, start + kGiB});
    }
  }
  /// From 6.15 on the gigantic pages are among the reserved ranges.
  void reserve(PhysAddr start, PhysAddr end) {
    for (PhysAddr at = start; at < end;) {
      PhysAddr stop = end;
      bool inside = false;
      for (const BootHugePage& page : map.boot_hugetlb) {
        inside |= page.start <= at && at < page.end;
        if (page.start <= at && at < page.end) stop = std::min(page.end, end);
        if (at < page.start) stop = std::min(stop, page.start);
      }
      if (!inside) map.reserved.push_back({at, stop});
      at = stop;
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
  ASSERT_TRUE(ok(m.kernel.hugetlb_init()));
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
/// `whole_walks`: false leaves out what the walks of HVO read in functions that were not recorded: everything above the
/// PMD, and the PMD once more on the way to its PTEs.
std::vector<std::string> reads_of(const Machine& m, bool whole_walks = true) {
  std::vector<std::string> lines;
  unsigned above = 0;  // level of the walk's read before
  for (const EntryRead& r : m.events.reads) {
    if (!m.layout.in_vmemmap(r.va)) continue;
    const std::string_view cause = r.cause;
    const bool walk = cause == "vmemmap_wrprotect_hvo" || cause == "vmemmap_remap_range";
    if (walk && !whole_walks) {
      const bool recorded = r.level == 1 || (r.level == 2 && above == 3);
      above = r.level;
      if (!recorded) continue;
    }
    const std::string line = fmt::format("r {} {}", r.level, r.index);
    if (lines.empty() || lines.back() != line) lines.push_back(line);
  }
  return lines;
}

class RecordedBootOrder : public testing::TestWithParam<std::string> {};

TEST_P(RecordedBootOrder, WritesAndReadsComeInTheKernelsOrder) {
  const Recorded recorded(GetParam());
  const bool newest = recorded.config.version == KernelVersion::kV7_3;
  Machine m(recorded.config, recorded.map);
  ASSERT_TRUE(ok(m.boot()));
  EXPECT_EQ(writes_of(m), recorded_order(GetParam(), 'w'));
  std::vector<std::string> reads = reads_of(m, /*whole_walks=*/!newest);
  const std::vector<std::string> expected = recorded_order(GetParam(), 'r');
  // Recordings of 7.3, which registers no boot memmap pages, end with the last write, before the sync that follows it.
  if (newest && reads.size() == expected.size() + 1 && reads.back() == "r 4 468") reads.pop_back();
  EXPECT_EQ(reads, expected);
}

INSTANTIATE_TEST_SUITE_P(Recorded, RecordedBootOrder,
                         testing::Values("boot-2g-4l-k612", "boot-2g-4l", "boot-4g-4l", "boot-512m-4l", "boot-512m-5l",
                                         "boot-72g-4l", "hole-reserve-4l", "nopse-512m-4l", "numa2-4g-4l",
                                         "numafake4-2g-4l", "odd-767m-4l", "boot-4g-4l-k510", "boot-4g-4l-k618c",
                                         "boot-512m-4l-k510", "boot-512m-4l-k73", "hvo-1g-4l-k618c", "hvo-1g-4l-k71",
                                         "hvo-1g-4l-k73", "nopse-512m-4l-k510", "nopse-512m-4l-k73",
                                         "numa2-4g-4l-k510"),
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
  for (const std::string name : {"hotplug-remove-4l", "hotplug-remove-4l-k73"}) {
    Staged s(name);
    ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib, 2 * kSection, 0)));
    ASSERT_TRUE(ok(s.m.kernel.online(kFourGib, 2 * kSection)));
    ASSERT_TRUE(ok(s.m.kernel.hot_remove(kFourGib, 2 * kSection)));
    ASSERT_TRUE(ok(s.m.kernel.hot_add(kFourGib, kSection, 0)));
    EXPECT_EQ(writes_of(s.m), recorded_order(name, 'w'));  // reads of the removal were not recorded
  }
}

TEST(RecordedStages, DeviceDaxWithItsMapInTheDevice) {
  Staged s("pmem-devdax-pmem-4l");
  DeviceMemory device{.start = kFourGib, .bytes = 200 * kMiB, .memmap = DeviceMemmap::kDevice, .vmemmap_shift = 9};
  ASSERT_TRUE(ok(s.m.kernel.add_device(device)));
  EXPECT_EQ(writes_of(s.m), recorded_order("pmem-devdax-pmem-4l", 'w'));
  EXPECT_EQ(reads_of(s.m), recorded_order("pmem-devdax-pmem-4l", 'r'));
}

using FolioSet = std::set<uint64_t>;  // heads of 2 MiB folios

/// The order in which 7.3 gets to the folios of `some` that `without` lacks: as allocated, the last one first. Blocks of
/// just that size come before pieces of larger ones; a folio whose buddy is not among `some` was such a block, unless it
/// goes on where others end.
std::vector<Folio> last_allocated_first(const FolioSet& some, const FolioSet& without) {
  std::vector<Folio> folios;
  for (const uint64_t head : some)
    if (!without.contains(head)) folios.push_back({Pfn(head), 9});
  std::stable_partition(folios.begin(), folios.end(), [&](const Folio& f) {
    return !some.contains(f.head.raw ^ 512) && !some.contains(f.head.raw - 512);
  });
  std::reverse(folios.begin(), folios.end());
  return folios;
}

TEST(RecordedStages, HugetlbFoliosOptimisedAndRestoredIn7_3) {
  const std::string name = "hvo-2m-4l-k73";
  Staged s(name);
  const auto folios_of = [&](size_t stage) {
    FolioSet folios;
    for (const json& f : s.recorded.dump["stages"][stage]["hugetlb_folios"]) folios.insert(number(f[0]));
    return folios;
  };
  const FolioSet all = folios_of(1), half = folios_of(2);
  const std::vector<Folio> folios = last_allocated_first(all, {});
  s.m.kernel.hugetlb_claim(folios);
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_optimize(folios)));
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_restore(last_allocated_first(all, half))));
  ASSERT_TRUE(ok(s.m.kernel.hugetlb_restore(last_allocated_first(half, {}))));
  EXPECT_EQ(writes_of(s.m), recorded_order(name, 'w'));
  EXPECT_EQ(reads_of(s.m, /*whole_walks=*/false), recorded_order(name, 'r'));
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
