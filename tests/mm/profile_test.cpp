// SPDX-License-Identifier: MIT
// The version table against section 9 of the vmemmap specification, and behaviour that differs between versions.
#include "mm/profile.h"

#include <nlohmann/json.hpp>

#include "mm/parts.h"
#include "models/base/config.h"
#include "tests/mm/mm_support.h"

namespace mmusim::mm::test {
namespace {

TEST(Profile, NamesFindTheirVersion) {
  EXPECT_EQ(parse_kernel_version("6.12"), KernelVersion::kV6_12);
  EXPECT_EQ(parse_kernel_version("5.10"), KernelVersion::kV5_10);
  EXPECT_EQ(parse_kernel_version("7.x"), KernelVersion::kV7_3);
  EXPECT_EQ(parse_kernel_version("7"), KernelVersion::kV7_3);
  EXPECT_EQ(parse_kernel_version("6.2"), std::nullopt);
  ASSERT_EQ(profiles().size(), 9u);
  for (size_t i = 0; i < profiles().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(profiles()[i].version), i);
    EXPECT_EQ(parse_kernel_version(profiles()[i].name), profiles()[i].version);
    EXPECT_EQ(&profile_of(profiles()[i].version), &profiles()[i]);
  }
}

TEST(Profile, ConfigurationsKnowEveryProfile) {
  for (const Profile& p : profiles()) {
    ConfigErrors errors("kernel.json");
    const nlohmann::json json{{"version", p.name}};
    EXPECT_EQ(read_kernel_config(ConfigReader(json, "", errors)).version, p.version);
    EXPECT_TRUE(errors.empty()) << errors.text();
  }
}

TEST(Profile, AReleaseTakesTheProfileOfTheSeriesItLiesIn) {
  const std::pair<const char*, const char*> kReleases[] = {{"4.19.0-27-amd64", "5.8"},
                                                           {"5.4.0", "5.8"},
                                                           {"5.8.18", "5.8"},
                                                           {"5.9.0", "5.10"},
                                                           {"5.10.0-32-amd64", "5.10"},
                                                           {"5.15.0-91-generic", "5.10"},
                                                           {"5.18.19", "5.10"},
                                                           {"5.19.0-1", "6.1"},
                                                           {"6.0.12", "6.1"},
                                                           {"6.1.0-56-amd64", "6.1"},
                                                           {"6.2.0", "6.12"},
                                                           {"6.5.0-0.deb12.4-amd64", "6.12"},
                                                           {"6.12.117+deb12-amd64", "6.12"},
                                                           {"6.14.8-arch1-1", "6.12"},
                                                           {"6.15.0", "6.16"},
                                                           {"6.16.12+deb13-amd64", "6.16"},
                                                           {"6.17.1-300.fc43.x86_64", "6.18"},
                                                           {"6.18.15+deb13-cloud-amd64", "6.18"},
                                                           {"6.19.14+deb13-amd64", "6.18"},
                                                           {"7.0.13+deb13-amd64", "6.18"},
                                                           {"7.1.13", "7.1"},
                                                           {"7.2-rc3", "7.2"},
                                                           {"7.3.4+deb13-amd64", "7.3"},
                                                           {"7.11.0", "7.3"},
                                                           {"8.0", "7.3"}};
  for (const auto& [release, name] : kReleases) {
    ASSERT_TRUE(version_of_release(release)) << release;
    EXPECT_EQ(profile_of(*version_of_release(release)).name, name) << release;
  }
  for (const char* text : {"linux", "", "6", "6.", "6.x", ".1"}) EXPECT_EQ(version_of_release(text), std::nullopt);
}

/// The table of kernel-versions.md, and section 9 of the vmemmap specification for the rest, once more: one line per
/// field, one character per profile in the order 5.8 5.10 6.1 6.12 6.16 6.18 7.1 7.2 7.3.
TEST(Profile, TableAgreesWithSection9AndKernelVersions) {
  const auto row = [](auto&& character) {
    std::string line;
    for (const Profile& p : profiles()) line += character(p);
    return line;
  };
  const auto flag = [&](bool Profile::*field) { return row([&](const Profile& p) { return p.*field ? 'y' : '-'; }); };
  EXPECT_EQ(flag(&Profile::misaligned_section_rounds), "y--------");
  EXPECT_EQ(flag(&Profile::altmap_in_fallback), "---yyyyyy");
  EXPECT_EQ(flag(&Profile::offnode_warning_every_time), "yy-------");
  EXPECT_EQ(flag(&Profile::sync_top_level_at_once), "--yyyyyyy");
  EXPECT_EQ(flag(&Profile::compound_dax), "--yyyyyyy");
  EXPECT_EQ(flag(&Profile::hvo_tests_self_hosted_first), "--y------");
  EXPECT_EQ(flag(&Profile::hvo_batches), "---yyyyyy");
  EXPECT_EQ(flag(&Profile::boot_folios_in_order), "--------y");
  EXPECT_EQ(flag(&Profile::boot_folios_protected_early), "--------y");
  EXPECT_EQ(flag(&Profile::hvo_protects_bytes_not_pages), "----yyy--");
  EXPECT_EQ(flag(&Profile::sparse_buffer), "yyyyyyy--");
  EXPECT_EQ(flag(&Profile::usage_near_pgdat), "yyyyyy---");
  EXPECT_EQ(flag(&Profile::sparse_init_after_zones), "--------y");
  EXPECT_EQ(flag(&Profile::bootmem_info), "yyyyyyyy-");
  EXPECT_EQ(flag(&Profile::offline_page_type), "---yyyyyy");
  EXPECT_EQ(flag(&Profile::memmap_on_memory), "--yyyyyyy");
  EXPECT_EQ(flag(&Profile::memmap_on_memory_per_block), "---yyyyyy");
  EXPECT_EQ(flag(&Profile::pmd_block_free_loses_pages), "---------");
  EXPECT_EQ(flag(&Profile::compound_info_mask), "------yyy");
  EXPECT_EQ(row([](const Profile& p) { return "iu"[static_cast<int>(p.sub_pmd)]; }), "iiuuuuuuu");
  EXPECT_EQ(row([](const Profile& p) { return "-hns"[static_cast<int>(p.hvo)]; }), "--hnnnsss");
  EXPECT_EQ(row([](const Profile& p) { return "hmt"[static_cast<int>(p.hvo_restore)]; }), "hhhmmmttt");
  EXPECT_EQ(row([](const Profile& p) { return "asz"[static_cast<int>(p.boot_folios)]; }), "aaaasszzs");
  EXPECT_EQ(row([](const Profile& p) { return "rbm"[static_cast<int>(p.boot_poison)]; }), "rrbbmmmmm");
  EXPECT_EQ(row([](const Profile& p) { return "on"[static_cast<int>(p.page_flags)]; }), "ooonnnnnn");
  EXPECT_EQ(row([](const Profile& p) { return p.page_kernel_ro == 0x8000000000000161 ? 'd' : 'c'; }), "dddcccccc");
  EXPECT_EQ(row([](const Profile& p) { return p.page_kernel_ro == 0x8000000000000121 ? 'c' : 'd'; }), "dddcccccc");
  EXPECT_EQ(row([](const Profile& p) { return std::to_string(p.section_usage_bytes); }), "405656565688888888");
  EXPECT_EQ(row([](const Profile& p) {
              return p.subsection_map_offset == 16 ? 'y' : p.subsection_map_offset == 0 ? '-' : '?';
            }),
            "-yyyyyyyy");
  EXPECT_EQ(row([](const Profile& p) { return std::to_string(pageblock_bits(p)); }), "444448888");
  EXPECT_EQ(row([](const Profile& p) { return std::to_string(p.first_partial_struct_pages); }), "003000000");
}

/// The parts of a booted kernel below its facade.
struct Inside {
  explicit Inside(KernelVersion v)
      : config(version(v)), layout(config, 0), memory(phys, layout), parts(config, contiguous(2), memory, &events) {
    EXPECT_TRUE(ok(parts.boot()));
    events.clear();
  }
  KernelConfig config;
  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel::Parts parts;
};

TEST(Profile, P4_MisalignedRangesRoundIn5_8AndAreRefusedLater) {
  Inside old(KernelVersion::kV5_8);
  EXPECT_EQ(old.parts.vmemmap.populate_section_memmap(Pfn(0x100010), 16, 0, {}), VirtAddr(0xffffea0004000000));
  EXPECT_EQ(old.events.leaf_writes(1), 8u);  // rounded to the whole sub-section
  Inside now(KernelVersion::kV5_10);
  EXPECT_EQ(now.parts.vmemmap.populate_section_memmap(Pfn(0x100010), 16, 0, {}), std::nullopt);
  EXPECT_EQ(now.parts.vmemmap.populate_section_memmap(Pfn(0x100000), 16, 0, {}), std::nullopt);
  EXPECT_TRUE(now.events.writes.empty());
  EXPECT_EQ(now.events.lines_with("__populate_section_memmap"), 1u);
}

TEST(Profile, H1_TheFallbackUsesTheAltmapFrom6_2On) {
  for (const Profile& p : profiles()) {
    Inside k(p.version);
    const VirtAddr start = k.layout.pfn_to_page(Pfn(0x100000));
    // Half of the PMD is populated with base pages, so that the huge loop finds a table.
    ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_basepages(start, start + kPmdBytes / 2, 0, nullptr)));
    k.events.clear();
    Altmap altmap{.base = Pfn(0x100000), .reserve = 0, .free = 1024};
    ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, &altmap)));
    EXPECT_EQ(altmap.alloc, p.version >= KernelVersion::kV6_12 ? 256u : 0u) << p.name;
  }
}

TEST(Profile, Releases6_19And7_0LoseMostOfAPmdBlock) {
  KernelConfig config = version(KernelVersion::kV6_18);
  config.overrides.pmd_block_free_loses_pages = true;
  Machine m(config);
  ASSERT_TRUE(ok(m.boot()));
  ASSERT_TRUE(ok(m.kernel.add_pages(kFourGib, kSection, 0)));
  const uint64_t free = m.kernel.counts().free_pages;
  ASSERT_TRUE(ok(m.kernel.remove_pages(kFourGib, kSection)));
  EXPECT_EQ(m.kernel.counts().leaked_pages, 511u);
  EXPECT_LT(m.kernel.counts().free_pages, free + 8);
}

/// The access that follows the write of the vmemmap's top-level entry.
std::string after_top_level_entry(const KernelConfig& config) {
  Machine m(config);
  EXPECT_TRUE(ok(m.boot()));
  return *std::find(m.events.order.rbegin(), m.events.order.rend(), "write:4").base();
}

TEST(Profile, P15_TheImmediateSyncReadsTheEntryBack) {
  for (const Profile& p : profiles()) {
    const bool at_once = p.version >= KernelVersion::kV6_1;  // else straight on to the PUD
    EXPECT_EQ(after_top_level_entry(version(p.version)), at_once ? "read:4" : "read:3") << p.name;
  }
}

TEST(Profile, P15_PointReleasesWithoutTheImmediateSync) {
  KernelConfig config;
  config.overrides.sync_top_level_at_once = false;
  EXPECT_EQ(after_top_level_entry(config), "read:3");
}

TEST(Profile, BootMemmapPagesAreRegisteredUpTo7_2) {
  for (const Profile& p : profiles()) {
    Machine m(version(p.version));
    ASSERT_TRUE(ok(m.boot()));
    const bool registers = std::any_of(m.events.reads.begin(), m.events.reads.end(), [](const EntryRead& r) {
      return std::string_view(r.cause) == "register_page_bootmem_memmap";
    });
    EXPECT_EQ(registers, p.version <= KernelVersion::kV7_2) << p.name;
    // Registered or not: what boot put behind a section can be given back.
    ASSERT_TRUE(ok(m.kernel.hot_remove(PhysAddr(kGiB), kSection)));
    EXPECT_EQ(m.entry(2, m.page(pfn_of(PhysAddr(kGiB)))), 0u) << p.name;
  }
}

TEST(Profile, SubsectionMapAndPageblockFlagsStandBehindTheRcuHead) {
  for (const Profile& p : profiles()) {
    KernelConfig config = version(p.version);
    config.memmap_init = true;
    Machine m(config, contiguous(1), /*observe=*/false);
    ASSERT_TRUE(ok(m.boot()));
    const VirtAddr map = *m.kernel.subsection_map_address(2);
    EXPECT_EQ(map.raw() % 64 % 8, 0u);
    EXPECT_EQ(m.memory.load(map, 8), ~uint64_t{0}) << p.name;
    const VirtAddr entry = *m.kernel.section_entry(2);
    EXPECT_EQ(map - VirtAddr(m.memory.load(entry + 8, 8)), p.version == KernelVersion::kV5_8 ? 0u : 16u) << p.name;
    // Each of the 64 pageblocks is movable (1): four bits each, eight from 6.17 on.
    const bool wide = p.version >= KernelVersion::kV6_18;
    for (unsigned word = 0; word < (wide ? 8u : 4u); ++word) {
      EXPECT_EQ(m.memory.load(map + 8 + 8 * word, 8), wide ? 0x0101010101010101u : 0x1111111111111111u) << p.name;
    }
  }
}

TEST(Profile, P9_AnExistingLeafIsVerifiedAndKept) {
  Inside k(KernelVersion::kV6_1);
  const VirtAddr start = k.layout.pfn_to_page(Pfn(0x100000));
  ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, nullptr)));
  k.events.clear();
  ASSERT_TRUE(ok(k.parts.vmemmap.vmemmap_populate_hugepages(start, start + kPmdBytes, 0, nullptr)));
  EXPECT_TRUE(k.events.writes.empty());
  EXPECT_STREQ(k.events.reads.back().cause, "vmemmap_verify");
}

}  // namespace
}  // namespace mmusim::mm::test
