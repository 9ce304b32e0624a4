// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mm/profile.h"
#include "models/base/config.h"
#include "models/base/types.h"

namespace mmusim::mm {

/// Memory of one node, in page frames: a line of "Early memory node ranges". In a recorded boot: `boot_memory_ranges`.
struct MemoryRange {
  Pfn start;
  Pfn end;  ///< exclusive
  unsigned node = 0;
};

/// Bytes [start, end) that memblock had reserved when sparse_init began. In a recorded boot: `boot_reserved`.
struct ReservedRange {
  PhysAddr start;
  PhysAddr end;
};

/// The place of a node's pgdat. In a recorded boot: the line "NODE_DATA(n) allocated [mem 0x...-0x...]" of the first
/// stage's dmesg. It decides in which section the usage maps of that node's sections go (up to 6.x with memory
/// hot-remove). Where it is not given, the highest reserved range of the node is taken.
struct NodeData {
  unsigned node = 0;
  PhysAddr start;
};

/// Bytes [start, end) of a gigantic HugeTLB page that boot took from memblock: 1 GiB, aligned. In a recorded boot:
/// `boot_hugetlb`.
struct BootHugePage {
  PhysAddr start;
  PhysAddr end;
};

/// The source of the tables of the direct map and of the kernel image.
enum class EarlyTables : uint8_t {
  kInsideReserved,  ///< the reserved ranges are those of a recorded boot and contain them already: the highest
                    ///< reserved pages are used, so that memblock answers as it did
  kFromMemblock,    ///< the reserved ranges are the kernel image and firmware only: allocated as the kernel does
};

/// The memory of the machine as memblock knows it.
struct MemoryMap {
  std::vector<MemoryRange> memory;      ///< any order; no overlaps
  std::vector<ReservedRange> reserved;  ///< any order; may overlap
  std::vector<NodeData> node_data;      ///< may be empty
  /// In order of allocation; none of them inside `reserved`. KernelConfig::boot_gigantic_pages come after them.
  std::vector<BootHugePage> boot_hugetlb;
  EarlyTables early_tables = EarlyTables::kInsideReserved;
};

struct CpuFeatures {
  bool pse = true;      ///< 2 MiB leaves; CR4.PSE or -cpu ...,pse=off
  bool pge = true;      ///< global bit; CR4.PGE
  bool gbpages = true;  ///< 1 GiB leaves (direct map only)
  bool nx = true;       ///< EFER.NXE
  bool pcid = true;     ///< CR4.PCIDE
  bool invpcid = true;  ///< Haswell and later, Zen 3 and later
  /// Most pages that one INVLPGB takes, CPUID 80000008h EDX[15:0] + 1; 0: the processor has no INVLPGB.
  unsigned invlpgb_pages = 0;
  bool tlbsync_twice = false;  ///< X86_BUG_TLBI (AMD erratum 1718)
};

/// The page size that the vmemmap is built with.
enum class VmemmapPages : uint8_t {
  kAuto,  ///< as vmemmap_populate selects: 2 MiB for whole sections where the CPU has PSE
  kBase,  ///< 4 KiB always, as without PSE, while the direct map keeps its large pages: for comparisons
};

/// Kinds of allocation that can be made to fail.
enum class AllocKind : uint8_t { kAny, kLeafBlock, kTable, kUsageMap, kSectionRoot, kHugetlbHead, kHugetlbRestore };

/// The interrupt controller's mode, which decides how many writes an interrupt to several CPUs takes [S-13].
enum class ApicDriver : uint8_t {
  kX2apicCluster,   ///< Intel with interrupt remapping
  kX2apicPhysical,  ///< AMD EPYC, many virtual machines
  kXapic,           ///< flat for up to 8 CPUs where the kernel still has that, else physical
};

/// Loop of a CPU that has nothing to run [S-12].
enum class IdleLoop : uint8_t {
  kHalt,  ///< HLT: only an interrupt wakes it
  kPoll,  ///< MWAIT or idle=poll: a store to its thread flags wakes it
};

/// The `nth` allocation (1 = first) of that kind from now on fails; `count` in a row.
struct FailAllocation {
  AllocKind kind = AllocKind::kAny;
  uint64_t nth = 0;  ///< 0: nothing fails
  uint64_t count = 1;
};

/// Differences of a release from the modelled version; missing: as the version table says. profile_of_release()
/// (mm/release.h) fills in what is known.
struct ProfileOverrides {
  std::optional<bool> sparse_buffer;                 ///< false: 7.2 and later
  std::optional<bool> sync_top_level_at_once;        ///< false: 6.1.0, 6.12.0
  std::optional<bool> hvo_protects_bytes_not_pages;  ///< true: 6.15 to 7.1 [V-8]
  std::optional<bool> pmd_block_free_loses_pages;    ///< true: 6.19 and 7.0 before the fix
  std::optional<bool> hvo_batches;                   ///< false: 6.2 to 6.6
  std::optional<bool> page_kernel_ro_dirty;          ///< true: 6.2 to 6.5, HVO tails keep the dirty bit
  std::optional<bool> memmap_on_memory;              ///< true: 5.13 to 5.18
  std::optional<bool> memmap_on_memory_per_block;    ///< false: 6.2 to 6.6
  std::optional<bool> offline_page_type;             ///< false: 6.2 to 6.10
  std::optional<bool> usage_rcu_head;                ///< false: no rcu_head in struct mem_section_usage
  std::optional<bool> overlapped_calls;              ///< true: 5.13 to 5.18
  std::optional<bool> xapic_flat;                    ///< true: 6.2 to 6.10
};

/// Build options of the kernel, its command line, and the features of its CPU.
struct KernelConfig {
  KernelVersion version = KernelVersion::kV6_1;  ///< recorded boot: from `kernel` (6.1.0-56-amd64: 6.1)
  ProfileOverrides overrides;
  unsigned levels = 4;  ///< 4 or 5; recorded: stages[0].levels
  CpuFeatures cpu;      ///< recorded: `cpu` (pse=off), stages[0].regs.cr4 bit 7 (PGE)
  VmemmapPages vmemmap_pages = VmemmapPages::kAuto;
  bool pti = false;                 ///< page-table isolation: no global bit (recorded: off on these CPUs)
  unsigned struct_page_bytes = 64;  ///< 56 to 96, as mm_zero_struct_page; recorded: `struct_page_size`
  unsigned mem_section_bytes = 32;  ///< 16 or 32 (CONFIG_PAGE_EXTENSION); recorded: `mem_section_bytes`
  /// Region bases; missing: the defaults of the level count, or drawn with kaslr_seed. 1 GiB aligned.
  std::optional<VirtAddr> page_offset_base;        ///< recorded: stages[0].page_offset_base
  std::optional<VirtAddr> vmemmap_base;            ///< recorded: stages[0].vmemmap_base
  std::optional<uint64_t> kaslr_seed;              ///< draws the bases as kernel_randomize_memory does
  VirtAddr kernel_image_base{0xffffffff80000000};  ///< __START_KERNEL_map
  /// phys_base: image VA = kernel_image_base + (pa - phys_base), modulo 2^64. KASLR places the image anywhere in
  /// physical memory and, apart from that, within the 1 GiB at kernel_image_base; recorded: from `init_top_pgt_pa` and
  /// the symbol init_top_pgt.
  uint64_t kernel_phys_base = 0;
  PhysAddr init_top_pgt_pa{0x2a10000};     ///< the root, inside the image; recorded: `init_top_pgt_pa`
  bool debug_vm = false;                   ///< CONFIG_DEBUG_VM with poisoning (recorded kernels: off)
  bool memory_hotremove = true;            ///< CONFIG_MEMORY_HOTREMOVE
  bool memmap_on_memory = false;           ///< memory_hotplug.memmap_on_memory=1; recorded: on `cmdline`
  bool hvo = false;                        ///< hugetlb_free_vmemmap=on; recorded: on `cmdline`
  unsigned boot_gigantic_pages = 0;        ///< hugepagesz=1G hugepages=N on the command line
  bool deferred_struct_page_init = false;  ///< CONFIG_DEFERRED_STRUCT_PAGE_INIT
  /// Bytes of a memory block; 0: as probe_memory_block_size finds it (128 MiB below 64 GiB of RAM).
  uint64_t memory_block_bytes = 0;
  ApicDriver apic = ApicDriver::kX2apicCluster;
  IdleLoop idle_loop = IdleLoop::kHalt;
  unsigned tlb_single_page_flush_ceiling = 33;  ///< pages; writable in the kernel's debugfs
  /// After so many flushes of a process by interrupts the kernel checks whether it gets a global ASID; Linux checks in one
  /// of 32 ticks of its clock instead [S-27]. At least 1.
  unsigned global_asid_period = 32;
  /// The first optimised folio and the last restored one patch the jump labels of a static key (Profile::hvo_key_sites).
  bool hvo_static_key = false;
  bool hypervisor = true;  ///< X86_FEATURE_HYPERVISOR: the search for the block size differs
  /// True if boot stores the struct pages (section 6). Without it their memory stays untouched until it is used.
  bool memmap_init = false;
  /// Processes whose top-level tables are on pgd_list when the boot is over: sync_global_pgds visits them.
  unsigned processes = 0;
  /// numa_distance[from][to]; missing rows or columns: 10 to itself, 20 to others.
  std::vector<std::vector<unsigned>> numa_distance;
  FailAllocation fail_allocation;
};

/// The row of the version table with the overrides of `config`. They never switch HVO on where the version has none.
Profile effective_profile(const KernelConfig& config);

/// Reads the object "kernel" of a scenario; keys are the member names above, version as the names of the version table
/// ("5.8", "5.10", ... "7.3"; "7.x" and "7": the newest).
KernelConfig read_kernel_config(ConfigReader reader);
/// Reads {"ranges":[{"start","end" or "size","node"}], "reserved":[{"start","end"}], "node_data":[{"node","start"}],
/// "boot_hugetlb":[{"start","end"}], "early_tables":"inside_reserved"|"from_memblock"}; checks for overlaps, alignment
/// and `levels`' physical limit.
MemoryMap read_memory_map(ConfigReader reader, unsigned levels);
/// Reads {"kind","nth","count"}.
FailAllocation read_fail_allocation(ConfigReader reader);

}  // namespace mmusim::mm
