// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mmusim::mm {

/// Kernel generations that are modelled. 6.1 and 6.12 are the latest point releases of those stable series.
enum class KernelVersion : uint8_t { kV5_8, kV6_1, kV6_12, kV7 };

/// The raw blocks that page_init_poison() fills with 0xff at boot when DEBUG_VM is built in.
enum class BootPoison : uint8_t { kEveryRawBlock, kSparseBufferOnly, kEveryMemmapAlloc };
/// The tracking of a partially used 2 MiB leaf.
enum class SubPmdTracking : uint8_t { kInUsePattern, kUnusedPattern };
/// The page that the tail PTEs of an optimised HugeTLB folio map.
enum class HvoForm : uint8_t { kNone, kHeadInPlace, kNewHeadPage, kSharedTailPage };
/// The contents that vmemmap_restore_pte puts into a page it gives back.
enum class HvoRestore : uint8_t { kCopyHeadAndResetTails, kCopyMappedPage, kRepeatTailStruct };
/// The way in which compound device-DAX pages share their tail pages.
enum class CompoundDax : uint8_t { kNone, kReusePage, kReusePfnAndFlag };

/// One column of the version table (vmemmap specification, section 9): every difference between kernels that the model
/// knows stands here and nowhere else.
struct Profile {
  KernelVersion version;
  const char* name;                     ///< "5.8", "6.1", "6.12", "7.x"
  bool misaligned_section_rounds;       ///< [P-4] __populate_section_memmap: rounds outward; else warns, NULL
  const char* hugepage_loop;            ///< function that holds the huge-page loop
  bool altmap_in_fallback;              ///< [H-1] step 5: the base-page fall-back gets the altmap
  SubPmdTracking sub_pmd;               ///< 3.3
  bool partial_page_removal;            ///< partly covered PTE pages and 1 GiB leaves are tracked on removal
  bool offnode_warning_every_time;      ///< 2.8
  bool sync_top_level_at_once;          ///< [P-15] *_populate_kernel syncs after linking a top-level entry
  CompoundDax compound_dax;             ///< 5.5
  HvoForm hvo;                          ///< 5.6.2
  HvoRestore hvo_restore;               ///< 5.6.3
  bool hvo_tests_self_hosted_first;     ///< [V-6] before the walk, by looking the entry up in software
  bool hvo_batches;                     ///< [V-5] split all, flush, remap all, flush
  bool hvo_at_boot;                     ///< 5.6.5 gigantic pages are populated optimised
  bool hvo_protects_bytes_not_pages;    ///< [V-8] the bug in the end of the write-protected range
  uint64_t page_kernel_ro;              ///< tail PTEs; before masking
  BootPoison boot_poison;               ///< 4.5
  bool sparse_buffer;                   ///< 4.3
  bool usage_near_pgdat;                ///< 5.2 usage maps in the section of the node's pgdat
  unsigned section_usage_bytes;         ///< sizeof(struct mem_section_usage)
  bool offline_page_type;               ///< hot-added normal pages: page type "offline" instead of PG_reserved
  bool memmap_on_memory_per_block;      ///< memmap_on_memory also for ranges of several blocks (6.7)
  bool pmd_block_free_loses_pages;      ///< 6.19/7.0: only 1 of 512 pages of a buddy PMD block is freed
  bool sparse_init_in_free_area_init;   ///< where sparse_init is called from
  bool compound_info_mask;              ///< 5.6.4 offset 8 of a tail page holds a mask
  unsigned first_partial_struct_pages;  ///< struct pages a restore resets after the copy (6.1: 3)
};

const Profile& profile_of(KernelVersion version);
/// "5.8", "6.1", "6.12" or "7.x" (also "7"); nullopt for anything else.
std::optional<KernelVersion> parse_kernel_version(std::string_view text);
/// The modelled version that behaves most like a release such as "6.1.0-56-amd64": up to 5.8 the 5.8 one, up to 6.1 the
/// 6.1 one, up to 6.19 the 6.12 one, else 7.x. nullopt if the text does not begin with a release number.
std::optional<KernelVersion> version_of_release(std::string_view release);

}  // namespace mmusim::mm
