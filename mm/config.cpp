// SPDX-License-Identifier: MIT
#include "mm/config.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "mm/entry_flags.h"
#include "mm/layout.h"

namespace mmusim::mm {

namespace {

CpuFeatures read_cpu_features(ConfigReader r) {
  CpuFeatures cpu;
  r.read({"pse", "The processor has 2 MiB pages (CR4.PSE)."}, cpu.pse);
  r.read({"pge", "The processor has the global bit (CR4.PGE)."}, cpu.pge);
  r.read({"gbpages", "The processor has 1 GiB pages, which the direct map uses."}, cpu.gbpages);
  r.read({"nx", "The processor has the no-execute bit (EFER.NXE)."}, cpu.nx);
  r.read({"pcid", "The processor tags translations with process-context identifiers."}, cpu.pcid);
  r.read({"invpcid", "The processor has INVPCID; without it a full flush writes CR4 twice."}, cpu.invpcid);
  r.read({"invlpgb_pages", "Most pages that one INVLPGB takes; 0: the processor has no INVLPGB.", "pages"},
         cpu.invlpgb_pages, 0, 65536);
  r.read({"tlbsync_twice", "AMD erratum 1718: each TLBSYNC is executed twice."}, cpu.tlbsync_twice);
  r.finish();
  return cpu;
}

ProfileOverrides read_overrides(ConfigReader r) {
  ProfileOverrides o;
  static constexpr std::string_view kAsVersion = "as the version says";
  const auto read = [&r](std::string_view key, std::string_view meaning, std::optional<bool>& value) {
    r.read({key, meaning, "", kAsVersion}, value);
  };
  read("sparse_buffer", "Boot allocates the vmemmap of a node from one buffer.", o.sparse_buffer);
  read("sync_top_level_at_once", "A new top-level entry is copied to all processes when it is linked.",
       o.sync_top_level_at_once);
  read("hvo_protects_bytes_not_pages", "HVO write-protects a range whose end is computed wrongly.",
       o.hvo_protects_bytes_not_pages);
  read("pmd_block_free_loses_pages", "Freeing a 2 MiB block of the vmemmap gives one page of it back.",
       o.pmd_block_free_loses_pages);
  read("hvo_batches", "HVO splits and remaps many folios between two flushes.", o.hvo_batches);
  read("page_kernel_ro_dirty", "Tail entries of optimised folios keep the dirty bit.", o.page_kernel_ro_dirty);
  read("memmap_on_memory", "Memory blocks can hold their own struct pages.", o.memmap_on_memory);
  read("memmap_on_memory_per_block", "Ranges of several blocks can hold their own struct pages too.",
       o.memmap_on_memory_per_block);
  read("offline_page_type", "Hot-added pages have the page type offline instead of PG_reserved.", o.offline_page_type);
  read("usage_rcu_head", "struct mem_section_usage begins with an rcu_head.", o.usage_rcu_head);
  read("overlapped_calls", "A CPU that flushes all of them does its own part while the interrupts are under way.",
       o.overlapped_calls);
  read("xapic_flat", "Without x2APIC, up to 8 CPUs are addressed by a logical mask.", o.xapic_flat);
  r.finish();
  return o;
}

void read_distances(ConfigReader& r, KernelConfig& c) {
  const nlohmann::json* rows =
      r.raw({"numa_distance", "Distance from each node to each node.", "", "10 to itself, 20 to others"},
            ValueForm::list(ValueForm::list(ValueForm::integer(10, 255))));
  if (rows == nullptr) return;
  const auto is_row = [](const nlohmann::json& row) {
    return row.is_array() && std::all_of(row.begin(), row.end(), [](const auto& d) {
             return d.is_number_unsigned() && d.template get<uint64_t>() >= 10 && d.template get<uint64_t>() <= 255;
           });
  };
  if (!rows->is_array() || !std::all_of(rows->begin(), rows->end(), is_row)) {
    return r.error("numa_distance", "expected an array of arrays of distances from 10 to 255");
  }
  c.numa_distance = rows->get<std::vector<std::vector<unsigned>>>();
}

void read_bases(ConfigReader& r, KernelConfig& c) {
  constexpr std::string_view kOfLevels = "of the level count";
  r.read({"page_offset_base", "First address of the direct map, a multiple of 1 GiB.", "", kOfLevels},
         c.page_offset_base);
  r.read({"vmemmap_base", "First address of the vmemmap, a multiple of 1 GiB.", "", kOfLevels}, c.vmemmap_base);
  r.read({"kaslr_seed", "Seed that draws the region bases as the kernel does; \"seed\": from that of the run.", "",
          "bases are not randomised"},
         c.kaslr_seed);
  r.also_takes("kaslr_seed", "seed");
  const auto canonical = [&](const std::optional<VirtAddr>& base) {
    return !base || base->raw() >> (level_shift(c.levels) + 8) == ~uint64_t{0} >> (level_shift(c.levels) + 8);
  };
  const auto aligned = [](const std::optional<VirtAddr>& base) { return !base || base->is_aligned(kPudBytes); };
  r.check(aligned(c.page_offset_base), "page_offset_base", "expected a multiple of 1 GiB");
  r.check(aligned(c.vmemmap_base), "vmemmap_base", "expected a multiple of 1 GiB");
  r.check(canonical(c.page_offset_base), "page_offset_base", "expected a kernel address of {} levels", c.levels);
  r.check(canonical(c.vmemmap_base), "vmemmap_base", "expected a kernel address of {} levels", c.levels);
  r.read({"kernel_image_base", "Address at which the kernel image is mapped."}, c.kernel_image_base);
  r.read_bits({"kernel_phys_base", "Physical address that is mapped at kernel_image_base, modulo 2^64."},
              c.kernel_phys_base);
  r.read({"init_top_pgt_pa", "Physical address of the top-level table, inside the kernel image."}, c.init_top_pgt_pa);
  r.check(c.init_top_pgt_pa.is_aligned(kPageBytes), "init_top_pgt_pa", "expected a multiple of 4 KiB");
}

void read_flushing(ConfigReader& r, KernelConfig& c) {
  r.read_enum(
      {"apic", "Mode of the interrupt controllers: decides how many writes an interrupt to several CPUs takes."},
      c.apic,
      {{"x2apic_cluster", ApicDriver::kX2apicCluster},
       {"x2apic_physical", ApicDriver::kX2apicPhysical},
       {"xapic", ApicDriver::kXapic}});
  r.read_enum(
      {"idle_loop", "Idle CPUs halt, or poll (MWAIT, idle=poll), so that one of them is woken without interrupt."},
      c.idle_loop, {{"halt", IdleLoop::kHalt}, {"poll", IdleLoop::kPoll}});
  r.read({"tlb_single_page_flush_ceiling", "Most pages that are flushed one by one; more flush everything.", "pages"},
         c.tlb_single_page_flush_ceiling, 0, 1u << 20);
  r.read({"global_asid_period",
          "Flushes of a process by interrupts after which a kernel with INVLPGB checks whether it gets a global ASID; "
          "Linux checks in one of 32 clock ticks.",
          "flushes"},
         c.global_asid_period, 1, 1u << 20);
  r.read({"hvo_static_key", "The first optimised folio and the last restored one patch jump labels (up to 6.12)."},
         c.hvo_static_key);
}

}  // namespace

Profile effective_profile(const KernelConfig& config) {
  Profile p = profile_of(config.version);
  const ProfileOverrides& o = config.overrides;
  p.sparse_buffer = o.sparse_buffer.value_or(p.sparse_buffer);
  p.sync_top_level_at_once = o.sync_top_level_at_once.value_or(p.sync_top_level_at_once);
  p.hvo_protects_bytes_not_pages = o.hvo_protects_bytes_not_pages.value_or(p.hvo_protects_bytes_not_pages);
  p.pmd_block_free_loses_pages = o.pmd_block_free_loses_pages.value_or(p.pmd_block_free_loses_pages);
  p.hvo_batches = o.hvo_batches.value_or(p.hvo_batches);
  if (o.page_kernel_ro_dirty) {
    p.page_kernel_ro = *o.page_kernel_ro_dirty ? p.page_kernel_ro | kPageDirty : p.page_kernel_ro & ~kPageDirty;
  }
  p.memmap_on_memory = o.memmap_on_memory.value_or(p.memmap_on_memory);
  p.memmap_on_memory_per_block = o.memmap_on_memory_per_block.value_or(p.memmap_on_memory_per_block);
  p.offline_page_type = o.offline_page_type.value_or(p.offline_page_type);
  p.overlapped_calls = o.overlapped_calls.value_or(p.overlapped_calls);
  p.xapic_flat = o.xapic_flat.value_or(p.xapic_flat);
  if (o.usage_rcu_head) {
    constexpr unsigned kRcuHeadBytes = 16;
    const unsigned header = *o.usage_rcu_head ? kRcuHeadBytes : 0;
    p.section_usage_bytes = p.section_usage_bytes - p.subsection_map_offset + header;
    p.subsection_map_offset = header;
  }
  return p;
}

FailAllocation read_fail_allocation(ConfigReader r) {
  FailAllocation f;
  r.read_enum({"kind", "Kind of allocation that fails."}, f.kind,
              {{"any", AllocKind::kAny},
               {"leaf_block", AllocKind::kLeafBlock},
               {"table", AllocKind::kTable},
               {"usage_map", AllocKind::kUsageMap},
               {"section_root", AllocKind::kSectionRoot},
               {"hugetlb_head", AllocKind::kHugetlbHead},
               {"hugetlb_restore", AllocKind::kHugetlbRestore}});
  f.nth = 1;
  r.read({"nth", "The first one that fails, counted from 1.", "allocations"}, f.nth, 1);
  r.read({"count", "So many fail in a row.", "allocations"}, f.count, 1);
  r.finish();
  return f;
}

KernelConfig read_kernel_config(ConfigReader r) {
  KernelConfig c;
  r.read_enum({"version", "Kernel whose code is followed, as one of the profiles of `mmusim presets`."}, c.version,
              {{"5.8", KernelVersion::kV5_8},
               {"5.10", KernelVersion::kV5_10},
               {"6.1", KernelVersion::kV6_1},
               {"6.12", KernelVersion::kV6_12},
               {"6.16", KernelVersion::kV6_16},
               {"6.18", KernelVersion::kV6_18},
               {"7.1", KernelVersion::kV7_1},
               {"7.2", KernelVersion::kV7_2},
               {"7.3", KernelVersion::kV7_3},
               {"7.x", kNewestVersion},
               {"7", kNewestVersion}});
  c.overrides = read_overrides(r.child({"overrides", "Where a point release differs from the version's profile."}));
  r.read({"levels", "Levels of the page tables.", "levels"}, c.levels, 4, 5);
  c.cpu = read_cpu_features(r.child({"cpu", "Processor features that the kernel looks at."}));
  r.read_enum({"vmemmap_pages", "Pages of the vmemmap: as the kernel picks them (auto), or base pages alone (base)."},
              c.vmemmap_pages, {{"auto", VmemmapPages::kAuto}, {"base", VmemmapPages::kBase}});
  r.read({"pti", "Page-table isolation is on: kernel pages are not global."}, c.pti);
  r.read_one_of({"struct_page_bytes", "sizeof(struct page): 56 without memory cgroups, 80 with KMSAN.", "bytes"},
                c.struct_page_bytes, {56, 64, 72, 80, 88, 96});
  r.read_one_of({"mem_section_bytes", "sizeof(struct mem_section): 32 with CONFIG_PAGE_EXTENSION.", "bytes"},
                c.mem_section_bytes, {16, 32});
  read_bases(r, c);
  r.read({"debug_vm", "CONFIG_DEBUG_VM with poisoning of struct pages."}, c.debug_vm);
  r.read({"memory_hotremove", "CONFIG_MEMORY_HOTREMOVE."}, c.memory_hotremove);
  r.read({"memmap_on_memory", "memory_hotplug.memmap_on_memory: hot-added memory holds its own struct pages."},
         c.memmap_on_memory);
  r.read({"hvo", "hugetlb_free_vmemmap: HugeTLB folios give most of their struct pages back."}, c.hvo);
  r.read({"boot_gigantic_pages", "1 GiB HugeTLB pages reserved at boot.", "pages"}, c.boot_gigantic_pages, 0, 1u << 20);
  r.read({"deferred_struct_page_init", "Boot leaves most struct pages to the phase deferred_init."},
         c.deferred_struct_page_init);
  r.read_size({"memory_block_size",
               "Memory block of hotplug, a power of two from 128MiB to 64GiB; 0: as the kernel finds "
               "it.",
               "bytes"},
              c.memory_block_bytes);
  const bool block_ok =
      c.memory_block_bytes == 0 || ((c.memory_block_bytes & (c.memory_block_bytes - 1)) == 0 &&
                                    c.memory_block_bytes >= kSectionBytes && c.memory_block_bytes <= 64 * kGiB);
  r.check(block_ok, "memory_block_size", "expected a power of two from 128MiB to 64GiB");
  read_flushing(r, c);
  r.read({"hypervisor", "The kernel runs as a guest, which changes its choice of the memory block."}, c.hypervisor);
  r.read({"memmap_init", "Boot initialises the struct pages too."}, c.memmap_init);
  r.read({"processes", "Processes whose top-level tables are kept in step.", "processes"}, c.processes, 0, 4096);
  read_distances(r, c);
  r.optional_child({"fail_allocation", "Allocation that fails from the boot on."},
                   [&](ConfigReader f) { c.fail_allocation = read_fail_allocation(std::move(f)); });
  r.finish();
  return c;
}

namespace {

constexpr unsigned kMaxNodes = 1024;  // MAXSMP

void read_range(ConfigReader r, unsigned levels, MemoryMap& map) {
  PhysAddr start{0};
  std::optional<PhysAddr> given_end;
  std::optional<uint64_t> size;
  MemoryRange range;
  r.read({"start", "First physical address, a multiple of 4 KiB."}, start);
  r.read({"end", "Physical address behind the last byte; either this or size.", "", "start + size"}, given_end);
  r.read_size({"size", "Bytes of the range; either this or end.", "bytes", "end - start"}, size);
  r.read({"node", "NUMA node that the memory belongs to."}, range.node, 0, kMaxNodes - 1);
  r.check(r.has("end") != r.has("size"), "", "expected either \"end\" or \"size\"");
  const PhysAddr end = given_end.value_or(start + size.value_or(0));
  r.check(start < end, "end", "the range is empty: {} to {}", start, end);
  r.check(start.is_aligned(kPageBytes) && end.is_aligned(kPageBytes), "start", "expected multiples of 4 KiB");
  const unsigned bits = levels == 5 ? 52 : 46;
  r.check(end.raw() <= uint64_t{1} << bits, "end", "{} is above the {} physical address bits of {} levels", end, bits,
          levels);
  r.finish();
  map.memory.push_back({pfn_of(start), pfn_of(end), range.node});
}

/// True if all of [page.start, page.end) is memory of one node.
bool on_one_node(const MemoryMap& map, const BootHugePage& page) {
  std::map<unsigned, uint64_t> bytes_of_node;
  for (const MemoryRange& r : map.memory) {
    const PhysAddr start = std::max(address_of(r.start), page.start);
    const PhysAddr end = std::min(address_of(r.end), page.end);
    if (start < end) bytes_of_node[r.node] += end - start;
  }
  return bytes_of_node.size() == 1 && bytes_of_node.begin()->second == page.end - page.start;
}

void read_boot_huge_page(ConfigReader r, MemoryMap& map) {
  BootHugePage page;
  r.read({"start", "First physical address, a multiple of 1 GiB."}, page.start);
  r.read({"end", "Physical address behind the last byte."}, page.end);
  r.finish();
  const bool gigantic = page.start.is_aligned(kGiB) && page.end == page.start + kGiB;
  r.check(gigantic, "end", "{} to {} is no gigantic page, expected 1 GiB at a multiple of 1 GiB", page.start, page.end);
  if (!gigantic) return;
  r.check(on_one_node(map, page), "start", "{} to {} is not in one of the memory ranges", page.start, page.end);
  for (const BootHugePage& other : map.boot_hugetlb) {
    r.check(other.start != page.start, "start", "{} is named twice", page.start);
  }
  for (const ReservedRange& reserved : map.reserved) {
    r.check(reserved.end <= page.start || page.end <= reserved.start, "start", "{} to {} is reserved: {} to {}",
            page.start, page.end, reserved.start, reserved.end);
  }
  map.boot_hugetlb.push_back(page);
}

void check_overlaps(ConfigReader& r, const MemoryMap& map) {
  std::vector<MemoryRange> sorted = map.memory;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  for (size_t i = 1; i < sorted.size(); ++i) {
    r.check(sorted[i - 1].end <= sorted[i].start, "ranges", "{} to {} overlaps {} to {}",
            address_of(sorted[i - 1].start), address_of(sorted[i - 1].end), address_of(sorted[i].start),
            address_of(sorted[i].end));
  }
}

}  // namespace

MemoryMap read_memory_map(ConfigReader r, unsigned levels) {
  MemoryMap map;
  map.early_tables = EarlyTables::kFromMemblock;
  r.for_each(
      {"ranges",
       "Memory of the machine, which the kernel prints as \"Early memory node ranges\"; everything else "
       "is a hole."},
      [&](ConfigReader range) { read_range(std::move(range), levels, map); }, 1);
  r.check(!map.memory.empty(), "ranges", "expected at least one memory range");
  check_overlaps(r, map);
  const auto read_reserved = [&](ConfigReader e) {
    ReservedRange reserved;
    e.read({"start", "First reserved address."}, reserved.start);
    e.read({"end", "Address behind the last reserved byte."}, reserved.end);
    e.check(reserved.start < reserved.end, "end", "the range is empty: {} to {}", reserved.start, reserved.end);
    e.finish();
    map.reserved.push_back(reserved);
  };
  r.for_each({"reserved", "Ranges that memblock has reserved when sparse_init begins."}, read_reserved);
  r.for_each({"boot_hugetlb", "Gigantic HugeTLB pages that boot reserved, each 1 GiB."},
             [&](ConfigReader page) { read_boot_huge_page(std::move(page), map); });
  const auto read_node = [&](ConfigReader e) {
    NodeData data;
    e.read({"node", "NUMA node."}, data.node, 0, kMaxNodes - 1);
    e.read({"start", "Physical address of the node's pgdat."}, data.start);
    e.finish();
    map.node_data.push_back(data);
  };
  r.for_each({"node_data", "Place of each node's pgdat: decides in which section usage maps lie."}, read_node);
  r.read_enum({"early_tables",
               "Tables of the early boot: already inside reserved, as in a recorded boot "
               "(inside_reserved), or allocated (from_memblock)."},
              map.early_tables,
              {{"inside_reserved", EarlyTables::kInsideReserved}, {"from_memblock", EarlyTables::kFromMemblock}});
  r.finish();
  return map;
}

}  // namespace mmusim::mm
