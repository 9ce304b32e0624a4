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
  r.read("pse", cpu.pse);
  r.read("pge", cpu.pge);
  r.read("gbpages", cpu.gbpages);
  r.read("nx", cpu.nx);
  r.finish();
  return cpu;
}

ProfileOverrides read_overrides(ConfigReader r) {
  ProfileOverrides o;
  r.read("sparse_buffer", o.sparse_buffer);
  r.read("sync_top_level_at_once", o.sync_top_level_at_once);
  r.read("hvo_protects_bytes_not_pages", o.hvo_protects_bytes_not_pages);
  r.read("pmd_block_free_loses_pages", o.pmd_block_free_loses_pages);
  r.read("hvo_batches", o.hvo_batches);
  r.read("page_kernel_ro_dirty", o.page_kernel_ro_dirty);
  r.read("memmap_on_memory", o.memmap_on_memory);
  r.read("memmap_on_memory_per_block", o.memmap_on_memory_per_block);
  r.read("offline_page_type", o.offline_page_type);
  r.read("usage_rcu_head", o.usage_rcu_head);
  r.finish();
  return o;
}

void read_distances(ConfigReader& r, KernelConfig& c) {
  const nlohmann::json* rows = r.raw("numa_distance");
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
  r.read("page_offset_base", c.page_offset_base);
  r.read("vmemmap_base", c.vmemmap_base);
  if (r.has("kaslr_seed")) {
    uint64_t seed = 0;
    r.read("kaslr_seed", seed);
    c.kaslr_seed = seed;
  }
  const auto canonical = [&](const std::optional<VirtAddr>& base) {
    return !base || base->raw() >> (level_shift(c.levels) + 8) == ~uint64_t{0} >> (level_shift(c.levels) + 8);
  };
  const auto aligned = [](const std::optional<VirtAddr>& base) { return !base || base->is_aligned(kPudBytes); };
  r.check(aligned(c.page_offset_base), "page_offset_base", "expected a multiple of 1 GiB");
  r.check(aligned(c.vmemmap_base), "vmemmap_base", "expected a multiple of 1 GiB");
  r.check(canonical(c.page_offset_base), "page_offset_base", "expected a kernel address of {} levels", c.levels);
  r.check(canonical(c.vmemmap_base), "vmemmap_base", "expected a kernel address of {} levels", c.levels);
  r.read("kernel_image_base", c.kernel_image_base);
  r.read("kernel_phys_base", c.kernel_phys_base);
  r.read("init_top_pgt_pa", c.init_top_pgt_pa);
  r.check(c.init_top_pgt_pa.is_aligned(kPageBytes), "init_top_pgt_pa", "expected a multiple of 4 KiB");
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
  r.read_enum("kind", f.kind,
              {{"any", AllocKind::kAny},
               {"leaf_block", AllocKind::kLeafBlock},
               {"table", AllocKind::kTable},
               {"usage_map", AllocKind::kUsageMap},
               {"section_root", AllocKind::kSectionRoot},
               {"hugetlb_head", AllocKind::kHugetlbHead},
               {"hugetlb_restore", AllocKind::kHugetlbRestore}});
  f.nth = 1;
  r.read("nth", f.nth, 1);
  r.read("count", f.count, 1);
  r.finish();
  return f;
}

KernelConfig read_kernel_config(ConfigReader r) {
  KernelConfig c;
  r.read_enum("version", c.version,
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
  if (r.has("overrides")) c.overrides = read_overrides(r.child("overrides"));
  r.read("levels", c.levels, 4, 5);
  if (r.has("cpu")) c.cpu = read_cpu_features(r.child("cpu"));
  r.read_enum("vmemmap_pages", c.vmemmap_pages, {{"auto", VmemmapPages::kAuto}, {"base", VmemmapPages::kBase}});
  r.read("pti", c.pti);
  r.read("struct_page_bytes", c.struct_page_bytes);
  r.check(c.struct_page_bytes == 64 || c.struct_page_bytes == 80, "struct_page_bytes", "expected 64 or 80, got {}",
          c.struct_page_bytes);
  r.read("mem_section_bytes", c.mem_section_bytes);
  r.check(c.mem_section_bytes == 16 || c.mem_section_bytes == 32, "mem_section_bytes", "expected 16 or 32, got {}",
          c.mem_section_bytes);
  read_bases(r, c);
  r.read("debug_vm", c.debug_vm);
  r.read("memory_hotremove", c.memory_hotremove);
  r.read("memmap_on_memory", c.memmap_on_memory);
  r.read("hvo", c.hvo);
  r.read("boot_gigantic_pages", c.boot_gigantic_pages, 0, 1u << 20);
  r.read("deferred_struct_page_init", c.deferred_struct_page_init);
  r.read_size("memory_block_size", c.memory_block_bytes);
  const bool block_ok =
      c.memory_block_bytes == 0 || ((c.memory_block_bytes & (c.memory_block_bytes - 1)) == 0 &&
                                    c.memory_block_bytes >= kSectionBytes && c.memory_block_bytes <= 64 * kGiB);
  r.check(block_ok, "memory_block_size", "expected a power of two from 128MiB to 64GiB");
  r.read("hypervisor", c.hypervisor);
  r.read("memmap_init", c.memmap_init);
  r.read("processes", c.processes, 0, 4096);
  read_distances(r, c);
  if (r.has("fail_allocation")) c.fail_allocation = read_fail_allocation(r.child("fail_allocation"));
  r.finish();
  return c;
}

namespace {

constexpr unsigned kMaxNodes = 1024;  // MAXSMP

void read_range(ConfigReader r, unsigned levels, MemoryMap& map) {
  PhysAddr start{0};
  PhysAddr end{0};
  uint64_t size = 0;
  MemoryRange range;
  r.read("start", start);
  r.read("end", end);
  r.read_size("size", size);
  r.read("node", range.node, 0, kMaxNodes - 1);
  r.check(r.has("end") != r.has("size"), "", "expected either \"end\" or \"size\"");
  if (!r.has("end")) end = start + size;
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
  r.read("start", page.start);
  r.read("end", page.end);
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
  r.for_each("ranges", [&](ConfigReader range) { read_range(range, levels, map); });
  r.check(!map.memory.empty(), "ranges", "expected at least one memory range");
  check_overlaps(r, map);
  r.for_each("reserved", [&](ConfigReader e) {
    ReservedRange reserved;
    e.read("start", reserved.start);
    e.read("end", reserved.end);
    e.check(reserved.start < reserved.end, "end", "the range is empty: {} to {}", reserved.start, reserved.end);
    e.finish();
    map.reserved.push_back(reserved);
  });
  r.for_each("boot_hugetlb", [&](ConfigReader page) { read_boot_huge_page(std::move(page), map); });
  r.for_each("node_data", [&](ConfigReader e) {
    NodeData data;
    e.read("node", data.node, 0, kMaxNodes - 1);
    e.read("start", data.start);
    e.finish();
    map.node_data.push_back(data);
  });
  r.read_enum("early_tables", map.early_tables,
              {{"inside_reserved", EarlyTables::kInsideReserved}, {"from_memblock", EarlyTables::kFromMemblock}});
  r.finish();
  return map;
}

}  // namespace mmusim::mm
