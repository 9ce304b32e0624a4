// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/bootlog/log_boots.h"
#include "sim/recorded/guest_machine.h"
#include "sim/recorded/resource_tree.h"

namespace mmusim {

/// Kinds of address ranges as firmware or the kernel names them [arch/x86/include/asm/e820/types.h].
enum class MemoryKind : uint8_t { kRam, kReserved, kUnusable, kPersistent, kSoftReserved, kOther };

struct MapEntry {
  PhysRange range;
  MemoryKind kind = MemoryKind::kOther;
};

/// A range that belongs to a node, by a line of the log.
struct NodeRange {
  PhysRange range;
  unsigned node = 0;
  unsigned line = 0;
};

/// A line of the SRAT, or of AMD's northbridge.
struct AffinityRange {
  PhysRange range;
  unsigned node = 0;
  bool hotplug = false;  ///< memory may come there; where the map has RAM already, it is that node's
};

/// "[ffffea0000000000-ffffea0008ffffff] PMD -> [ffff880233600000-ffff88023b5fffff] on node 0": 2 MiB leaves of the
/// vmemmap whose memory is contiguous; holes between sections lie within the first range [vmemmap_populate up to 4.x].
/// Ends are exclusive.
struct VmemmapRun {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t direct_start = 0;  ///< direct-map addresses of the memory behind the leaves
  uint64_t direct_end = 0;
  unsigned node = 0;
  unsigned line = 0;
};

/// Pages of a zone by its lines. Old kernels (before 3.8) take `memmap` and `reserved` from `pages`.
struct ZoneFact {
  std::string name;
  unsigned node = 0;
  uint64_t memmap = 0;
  uint64_t reserved = 0;
  uint64_t pages = 0;
};

/// A number that the log tells, and the line that does.
struct ToldNumber {
  uint64_t value = 0;
  unsigned line = 0;
};

/// Sizes of the parts of the kernel image in KiB, from the line "Memory:".
struct ImageSizes {
  uint64_t code = 0;
  uint64_t rwdata = 0;
  uint64_t rodata = 0;
  uint64_t init = 0;
  uint64_t bss = 0;
};

/// The processor as the kernel names it.
struct ProcessorFact {
  std::string name;
  std::optional<unsigned> family;
  std::optional<unsigned> model;
  std::optional<unsigned> stepping;
  std::string events;  ///< "Skylake" of "Performance Events: ... Skylake events"
};

/// Facts of one boot of a log. Nothing is concluded here: each field holds what a line says.
struct BootFacts {
  // The machine and its kernel.
  std::string release;
  std::string cmdline;
  ProcessorFact processor;
  std::string other_architecture;  ///< why it is no x86-64 kernel; empty: nothing says so
  bool wide_dma_zone = false;      ///< zone DMA goes beyond the 16 MiB of x86
  bool hypervisor = false;
  bool xen_pv = false;
  bool pti = false;
  bool gb_pages = false;
  bool nx = true;
  bool deferred_init = false;
  std::optional<unsigned> levels;
  std::optional<uint64_t> block_mib;
  std::optional<ImageSizes> image;
  std::optional<uint64_t> gigantic_pages;  ///< 1 GiB HugeTLB pages allocated at boot
  std::optional<uint64_t> huge_pages;      ///< of 2 MiB

  // Memory.
  std::map<std::string, std::vector<MapEntry>> maps;  ///< by the name on their lines: "BIOS-e820", "user", ...
  std::vector<MapEntry> map;                          ///< the last of them as the kernel left it to memblock
  std::vector<NodeRange> node_ranges;                 ///< "Early memory node ranges"
  std::optional<ToldNumber> node_ranges_heading;      ///< its line; value: number of entries, 0 if not told
  bool node_ranges_end_log = false;                   ///< nothing follows the list: it may be cut
  std::vector<AffinityRange> affinity;
  bool single_node = false;                   ///< "Faking a node at": the affinity is not used
  std::vector<NodeRange> setup_ranges;        ///< where a node lies, holes included: "Initmem setup node" before 3.16
  std::vector<NodeRange> node_spans;          ///< first to last page of a node: the same words from then on
  std::map<unsigned, ToldNumber> node_pages;  ///< "On node N totalpages:"
  std::vector<ZoneFact> zones;
  std::optional<ToldNumber> present_kib;  ///< "Memory:", without what is absent
  std::optional<ToldNumber> total_pages;  ///< "Total pages:" of the zonelists
  std::vector<ToldNumber> last_pfn;
  std::optional<ToldNumber> zone_end;      ///< page frame behind the highest of "Zone ranges:"
  std::vector<PhysRange> memblock_memory;  ///< "memory[0x0]" of memblock=debug
  std::map<unsigned, uint64_t> node_mib;   ///< numactl: MiB in use of each node, less than it has
  std::vector<PhysRange>
      late_reserved;  ///< RAM that the kernel took from its map behind memblock's back, for /proc/iomem
  std::vector<NodeData> node_data;
  std::vector<VmemmapRun> vmemmap_runs;

  // Memory that memblock had given away when sparse_init began.
  std::vector<PhysRange> reserved;
  bool memblock_lines = false;
  bool memblock_dump = false;  ///< memblock_dump_all was there: `reserved` has what came before memblock=debug was read
  std::vector<PhysRange> ramdisk;
  std::vector<PhysRange> crash_kernel;

  std::vector<unsigned> damaged;            ///< lines that begin like one of the above and do not go on like it
  std::vector<std::string> contradictions;  ///< the log tells a thing twice, differently
};

/// Reads the messages [boot.begin, boot.end). A message that is cut or wrapped is tried together with those that follow.
BootFacts read_boot_facts(const std::vector<LogMessage>& messages, const LogBoot& boot);

}  // namespace mmusim
