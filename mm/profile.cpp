// SPDX-License-Identifier: MIT
#include "mm/profile.h"

#include <array>
#include <charconv>

namespace mmusim::mm {

namespace {

constexpr uint64_t kRoWithDirty = 0x8000000000000161;  // PAGE_KERNEL_RO before 6.6
constexpr uint64_t kRoClean = 0x8000000000000121;

// Each version says in what it differs from the one before it.

constexpr Profile kV5_8 = {.version = KernelVersion::kV5_8,
                           .name = "5.8",
                           .misaligned_section_rounds = true,
                           .hugepage_loop = "vmemmap_populate_hugepages",
                           .altmap_in_fallback = false,
                           .sub_pmd = SubPmdTracking::kInUsePattern,
                           .partial_page_removal = true,
                           .offnode_warning_every_time = true,
                           .sync_top_level_at_once = false,
                           .compound_dax = CompoundDax::kNone,
                           .hvo = HvoForm::kNone,
                           .hvo_restore = HvoRestore::kCopyHeadAndResetTails,
                           .hvo_tests_self_hosted_first = false,
                           .hvo_batches = false,
                           .hvo_at_boot = false,
                           .hvo_protects_bytes_not_pages = false,
                           .page_kernel_ro = kRoWithDirty,
                           .boot_poison = BootPoison::kEveryRawBlock,
                           .sparse_buffer = true,
                           .usage_near_pgdat = true,
                           .section_usage_bytes = 40,
                           .offline_page_type = false,
                           .memmap_on_memory_per_block = false,
                           .pmd_block_free_loses_pages = false,
                           .sparse_init_in_free_area_init = false,
                           .compound_info_mask = false,
                           .first_partial_struct_pages = 0};

constexpr Profile kV6_1 = [] {
  Profile p = kV5_8;
  p.version = KernelVersion::kV6_1;
  p.name = "6.1";
  p.misaligned_section_rounds = false;
  p.sub_pmd = SubPmdTracking::kUnusedPattern;
  p.partial_page_removal = false;
  p.offnode_warning_every_time = false;
  p.sync_top_level_at_once = true;
  p.compound_dax = CompoundDax::kReusePage;
  p.hvo = HvoForm::kHeadInPlace;
  p.hvo_tests_self_hosted_first = true;
  p.boot_poison = BootPoison::kSparseBufferOnly;
  p.section_usage_bytes = 56;
  p.first_partial_struct_pages = 3;
  return p;
}();

constexpr Profile kV6_12 = [] {
  Profile p = kV6_1;
  p.version = KernelVersion::kV6_12;
  p.name = "6.12";
  p.altmap_in_fallback = true;
  p.hvo = HvoForm::kNewHeadPage;
  p.hvo_restore = HvoRestore::kCopyMappedPage;
  p.hvo_tests_self_hosted_first = false;
  p.hvo_batches = true;
  p.page_kernel_ro = kRoClean;
  p.offline_page_type = true;
  p.memmap_on_memory_per_block = true;
  p.first_partial_struct_pages = 0;
  return p;
}();

// Mainline around 7.2: without the sparse buffer, with the fixes of 7.1.
constexpr Profile kV7 = [] {
  Profile p = kV6_12;
  p.version = KernelVersion::kV7;
  p.name = "7.x";
  p.compound_dax = CompoundDax::kReusePfnAndFlag;
  p.hvo = HvoForm::kSharedTailPage;
  p.hvo_restore = HvoRestore::kRepeatTailStruct;
  p.hvo_at_boot = true;
  p.boot_poison = BootPoison::kEveryMemmapAlloc;
  p.sparse_buffer = false;
  p.usage_near_pgdat = false;
  p.sparse_init_in_free_area_init = true;
  p.compound_info_mask = true;
  return p;
}();

constexpr std::array<Profile, 4> kProfiles = {kV5_8, kV6_1, kV6_12, kV7};

}  // namespace

const Profile& profile_of(KernelVersion version) { return kProfiles[static_cast<size_t>(version)]; }

std::optional<KernelVersion> parse_kernel_version(std::string_view text) {
  for (const Profile& p : kProfiles)
    if (text == p.name) return p.version;
  if (text == "7") return KernelVersion::kV7;
  return std::nullopt;
}

std::optional<KernelVersion> version_of_release(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ec != std::errc{} || dot.ptr == end || *dot.ptr != '.') return std::nullopt;
  if (std::from_chars(dot.ptr + 1, end, minor).ec != std::errc{}) return std::nullopt;
  const unsigned number = major * 1000 + minor;
  if (number >= 7000) return KernelVersion::kV7;
  if (number >= 6002) return KernelVersion::kV6_12;
  if (number >= 5009) return KernelVersion::kV6_1;
  return KernelVersion::kV5_8;
}

}  // namespace mmusim::mm
