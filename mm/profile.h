// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mmusim::mm {

/// Kernel generations that are modelled. Each stands for the latest point release of the series in Profile::series.
enum class KernelVersion : uint8_t { kV5_8, kV5_10, kV6_1, kV6_12, kV6_16, kV6_18, kV7_1, kV7_2, kV7_3 };
inline constexpr unsigned kKernelVersions = 9;
inline constexpr KernelVersion kNewestVersion = KernelVersion::kV7_3;

/// The raw blocks that page_init_poison() fills with 0xff at boot when DEBUG_VM is built in.
enum class BootPoison : uint8_t { kEveryRawBlock, kSparseBufferOnly, kEveryMemmapAlloc };
/// The tracking of a partially used 2 MiB leaf.
enum class SubPmdTracking : uint8_t { kInUsePattern, kUnusedPattern };
/// The page that the tail PTEs of an optimised HugeTLB folio map.
enum class HvoForm : uint8_t { kNone, kHeadInPlace, kNewHeadPage, kSharedTailPage };
/// The contents that vmemmap_restore_pte puts into a page it gives back.
enum class HvoRestore : uint8_t { kCopyHeadAndResetTails, kCopyMappedPage, kRepeatTailStruct };
/// The moment at which the struct pages of gigantic folios that boot reserves are mapped optimised (5.6.5).
enum class BootFolios : uint8_t {
  kAfterBoot,       ///< like any other folio: mapped whole at first, optimised by hugetlb_init
  kBeforeSections,  ///< in sparse_init_nid, after the usage maps (and the sparse buffer), before the node's sections
  kAfterZones,      ///< after all sections of all nodes, once the zones are known
};
/// The layout of the bits of page->flags and the values of page_type (mm/struct_page.h).
enum class PageFlagLayout : uint8_t { kUpTo6_1, kFrom6_12 };

/// One column of the version table (vmemmap specification, section 9, and kernel-versions.md): every difference between
/// kernels that the model knows stands here and nowhere else.
struct Profile {
  KernelVersion version;
  std::string_view name;                ///< "5.8", "5.10", ... "7.3"
  std::string_view series;              ///< releases that take this profile: "5.9 to 5.18"
  std::string_view recorded;            ///< releases of which recordings confirm it; empty: none is at hand
  std::string_view summary;             ///< one line for readers
  bool misaligned_section_rounds;       ///< [P-4] __populate_section_memmap: rounds outward; else warns, NULL
  bool altmap_in_fallback;              ///< [H-1] step 5: the base-page fall-back gets the altmap
  SubPmdTracking sub_pmd;               ///< 3.3
  bool offnode_warning_every_time;      ///< 2.8
  bool sync_top_level_at_once;          ///< [P-15] *_populate_kernel syncs after linking a top-level entry
  bool compound_dax;                    ///< 5.5 compound device-DAX pages share their tail page
  HvoForm hvo;                          ///< 5.6.2; the tails of boot-time folios map the same page
  HvoRestore hvo_restore;               ///< 5.6.3
  bool hvo_tests_self_hosted_first;     ///< [V-6] before the walk, by looking the entry up in software
  bool hvo_batches;                     ///< [V-5] split all, flush, remap all, flush
  bool hvo_skips_empty_lists;           ///< [S-37] no flush for a list without folios
  BootFolios boot_folios;               ///< 5.6.5
  bool boot_folios_in_order;            ///< a node's boot-time folios are mapped first allocated first, else last first
  bool boot_folios_protected_early;     ///< their tails are write-protected before mem_init, not by hugetlb_init
  bool hvo_protects_bytes_not_pages;    ///< [V-8] the bug in the end of the write-protected range
  uint64_t page_kernel_ro;              ///< tail PTEs; before masking
  BootPoison boot_poison;               ///< 4.5
  bool sparse_buffer;                   ///< 4.3
  bool usage_near_pgdat;                ///< 5.2 usage maps in the section of the node's pgdat, else on the node
  unsigned section_usage_bytes;         ///< sizeof(struct mem_section_usage)
  unsigned subsection_map_offset;       ///< of the subsection map in it: behind the rcu_head, where there is one
  bool sparse_init_after_zones;         ///< sparse_init runs once the zones are known
  bool bootmem_info;                    ///< register_page_bootmem_info: boot memmap pages and tables are counted
  PageFlagLayout page_flags;            ///< 6.1
  bool offline_page_type;               ///< hot-added normal pages: page type "offline" instead of PG_reserved
  bool memmap_on_memory;                ///< memory blocks can hold their own struct pages
  bool memmap_on_memory_per_block;      ///< also for ranges of several blocks
  bool pmd_block_free_loses_pages;      ///< [L-18] only 1 of 512 pages of a buddy-allocated PMD block is freed
  bool compound_info_mask;              ///< 5.6.4 offset 8 of a tail page holds a mask
  unsigned first_partial_struct_pages;  ///< struct pages a restore resets after the copy
  unsigned hvo_key_sites;               ///< [S-40] jump labels that the first and the last optimised folio patch
  bool overlapped_calls;                ///< [S-9] a CPU does its own part while the interrupts are under way
  bool flush_ceiling_in_pages;          ///< [S-2] whole pages are compared with the ceiling, else bytes
  bool reclaims_empty_tables;           ///< MADV_DONTNEED of whole page tables frees them (CONFIG_PT_RECLAIM)
  bool broadcast_flush;                 ///< [S-25] INVLPGB where the processor has it
  bool flush_checks_loaded_mm;          ///< [S-19] CPUs that run something else are left out of user flushes
  bool keeps_cpumask;                   ///< [S-19] a CPU stays in mm_cpumask when it switches to another address space
  bool xapic_flat;                      ///< [S-13] logical flat mode for up to 8 CPUs without x2APIC
};

const Profile& profile_of(KernelVersion version);
/// All rows of the version table, oldest first.
const std::array<Profile, kKernelVersions>& profiles();
/// The name of a profile; "7.x" and "7" mean the newest. nullopt for anything else.
std::optional<KernelVersion> parse_kernel_version(std::string_view text);
/// The profile of the series that a release such as "6.1.0-56-amd64" lies in: the newest profile whose first series is
/// not newer. Releases before 5.8 take 5.8, those after 7.3 take 7.3. nullopt if the text does not begin with a release
/// number. The lower bound 6.15 of profile 6.16 is from kernel sources, not recorded. More about a release, point by
/// point: mm/release.h.
std::optional<KernelVersion> version_of_release(std::string_view release);

/// Bits of one pageblock in usage->pageblock_flags: what is left of the struct, over the 64 pageblocks of a section.
constexpr unsigned pageblock_bits(const Profile& p) {
  constexpr unsigned kMapBytes = 8, kPageblocks = 64;
  return (p.section_usage_bytes - p.subsection_map_offset - kMapBytes) * 8 / kPageblocks;
}

}  // namespace mmusim::mm
