// SPDX-License-Identifier: MIT
#include "mm/profile.h"

namespace mmusim::mm {

namespace {

constexpr uint64_t kRoWithDirty = 0x8000000000000161;  // PAGE_KERNEL_RO before 6.6
constexpr uint64_t kRoClean = 0x8000000000000121;

// Each version says in what it differs from the one before it. Sources: section 9 of the vmemmap specification,
// kernel-versions.md, and the recorded kernels named in `recorded`.

constexpr Profile kV5_8 = {
    .version = KernelVersion::kV5_8,
    .name = "5.8",
    .series = "up to 5.8",
    .recorded = "",
    .summary = "rounds misaligned ranges; no HVO, no compound DAX; never recorded",
    .misaligned_section_rounds = true,
    .altmap_in_fallback = false,
    .sub_pmd = SubPmdTracking::kInUsePattern,
    .offnode_warning_every_time = true,
    .sync_top_level_at_once = false,
    .compound_dax = false,
    .hvo = HvoForm::kNone,
    .hvo_restore = HvoRestore::kCopyHeadAndResetTails,
    .hvo_tests_self_hosted_first = false,
    .hvo_batches = false,
    .hvo_skips_empty_lists = false,
    .boot_folios = BootFolios::kAfterBoot,
    .boot_folios_in_order = false,
    .boot_folios_protected_early = false,
    .hvo_protects_bytes_not_pages = false,
    .page_kernel_ro = kRoWithDirty,
    .boot_poison = BootPoison::kEveryRawBlock,
    .sparse_buffer = true,
    .usage_near_pgdat = true,
    .section_usage_bytes = 40,
    .subsection_map_offset = 0,
    .sparse_init_after_zones = false,
    .bootmem_info = true,
    .page_flags = PageFlagLayout::kUpTo6_1,
    .offline_page_type = false,
    .memmap_on_memory = false,
    .memmap_on_memory_per_block = false,
    .pmd_block_free_loses_pages = false,
    .compound_info_mask = false,
    .first_partial_struct_pages = 0,
    .hvo_key_sites = 0,
    .overlapped_calls = false,
    .flush_ceiling_in_pages = false,
    .reclaims_empty_tables = false,
    .broadcast_flush = false,
    .flush_checks_loaded_mm = false,
    .keeps_cpumask = false,
    .xapic_flat = true,
};

constexpr Profile kV5_10 = [] {
  Profile p = kV5_8;
  p.version = KernelVersion::kV5_10;
  p.name = "5.10";
  p.series = "5.9 to 5.18";
  p.recorded = "5.10.223";
  p.summary = "latest 5.10.y: no HVO, no memmap_on_memory, no compound DAX";
  p.misaligned_section_rounds = false;
  p.section_usage_bytes = 56;  // with the rcu_head of later point releases
  p.subsection_map_offset = 16;
  return p;
}();

constexpr Profile kV6_1 = [] {
  Profile p = kV5_10;
  p.version = KernelVersion::kV6_1;
  p.name = "6.1";
  p.series = "5.19 to 6.1";
  p.recorded = "6.1.192";
  p.summary = "latest 6.1.y: HVO keeps the head page, compound DAX shares tail pages";
  p.sub_pmd = SubPmdTracking::kUnusedPattern;
  p.offnode_warning_every_time = false;
  p.sync_top_level_at_once = true;
  p.compound_dax = true;
  p.hvo = HvoForm::kHeadInPlace;
  p.hvo_tests_self_hosted_first = true;
  p.boot_poison = BootPoison::kSparseBufferOnly;
  p.memmap_on_memory = true;
  p.first_partial_struct_pages = 3;
  p.hvo_key_sites = 1103;
  p.overlapped_calls = true;
  p.flush_checks_loaded_mm = true;
  return p;
}();

constexpr Profile kV6_12 = [] {
  Profile p = kV6_1;
  p.version = KernelVersion::kV6_12;
  p.name = "6.12";
  p.series = "6.2 to 6.14";
  p.recorded = "6.12.117";
  p.summary = "latest 6.12.y: generic huge-page loop, HVO with a new head page, in batches";
  p.altmap_in_fallback = true;
  p.hvo = HvoForm::kNewHeadPage;
  p.hvo_restore = HvoRestore::kCopyMappedPage;
  p.hvo_tests_self_hosted_first = false;
  p.hvo_batches = true;
  p.page_kernel_ro = kRoClean;
  p.page_flags = PageFlagLayout::kFrom6_12;
  p.offline_page_type = true;
  p.memmap_on_memory_per_block = true;
  p.first_partial_struct_pages = 0;
  p.hvo_key_sites = 684;
  p.xapic_flat = false;
  return p;
}();

constexpr Profile kV6_16 = [] {
  Profile p = kV6_12;
  p.version = KernelVersion::kV6_16;
  p.name = "6.16";
  p.series = "6.15 and 6.16";
  p.recorded = "";
  p.summary = "gigantic folios of the boot are mapped optimised from the start";
  p.boot_folios = BootFolios::kBeforeSections;
  p.hvo_protects_bytes_not_pages = true;
  p.boot_poison = BootPoison::kEveryMemmapAlloc;
  p.hvo_key_sites = 0;
  p.flush_ceiling_in_pages = true;
  p.reclaims_empty_tables = true;
  p.broadcast_flush = true;
  p.keeps_cpumask = true;
  return p;
}();

constexpr Profile kV6_18 = [] {
  Profile p = kV6_16;
  p.version = KernelVersion::kV6_18;
  p.name = "6.18";
  p.series = "6.17 to 7.0";
  p.recorded = "6.18.15, 6.19.14 and 7.0.13";
  p.summary = "usage maps of 88 bytes, else as 6.16";
  p.section_usage_bytes = 88;  // twice the pageblock flags: isolation is a bit of its own
  return p;
}();

constexpr Profile kV7_1 = [] {
  Profile p = kV6_18;
  p.version = KernelVersion::kV7_1;
  p.name = "7.1";
  p.series = "7.1";
  p.recorded = "7.1.13";
  p.summary = "HVO with one tail page for each zone and order; usage maps anywhere on the node";
  p.hvo = HvoForm::kSharedTailPage;
  p.hvo_restore = HvoRestore::kRepeatTailStruct;
  p.boot_folios = BootFolios::kAfterZones;
  p.usage_near_pgdat = false;
  p.compound_info_mask = true;
  return p;
}();

constexpr Profile kV7_2 = [] {
  Profile p = kV7_1;
  p.version = KernelVersion::kV7_2;
  p.name = "7.2";
  p.series = "7.2";
  p.recorded = "7.2.12";
  p.summary = "no sparse buffer: vmemmap blocks descend; all tails of boot-time folios are write-protected";
  p.sparse_buffer = false;
  p.hvo_protects_bytes_not_pages = false;
  return p;
}();

constexpr Profile kV7_3 = [] {
  Profile p = kV7_2;
  p.version = KernelVersion::kV7_3;
  p.name = "7.3";
  p.series = "7.3 and later";
  p.recorded = "7.3.4";
  p.summary = "the newest (also \"7.x\"): boot-time folios in order of allocation, before a node's sections";
  p.boot_folios = BootFolios::kBeforeSections;
  p.boot_folios_in_order = true;
  p.boot_folios_protected_early = true;
  p.sparse_init_after_zones = true;
  p.bootmem_info = false;
  p.hvo_skips_empty_lists = true;
  return p;
}();

constexpr std::array<Profile, kKernelVersions> kProfiles = {kV5_8,  kV5_10, kV6_1, kV6_12, kV6_16,
                                                            kV6_18, kV7_1,  kV7_2, kV7_3};

}  // namespace

const Profile& profile_of(KernelVersion version) { return kProfiles[static_cast<size_t>(version)]; }

const std::array<Profile, kKernelVersions>& profiles() { return kProfiles; }

std::optional<KernelVersion> parse_kernel_version(std::string_view text) {
  for (const Profile& p : kProfiles)
    if (text == p.name) return p.version;
  if (text == "7.x" || text == "7") return kNewestVersion;
  return std::nullopt;
}

}  // namespace mmusim::mm
