// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mm/parts.h"

namespace mmusim::mm {

namespace {

// The kernel image where no reserved range of the map holds the top-level table: as large as the recorded 6.1 kernel's.
constexpr uint64_t kImageAlign = 16 * kMiB;
constexpr uint64_t kImageBytes = 0x3411000;
constexpr uint64_t kKernelImageBytes = kGiB;  // KERNEL_IMAGE_SIZE with KASLR: the region that kernel_image_base begins

uint64_t ram_bytes(const MemoryMap& map) {
  uint64_t pages = 0;
  for (const MemoryRange& r : map.memory) pages += r.end - r.start;
  return pages << kPageShift;
}

}  // namespace

Kernel::Parts::Parts(const KernelConfig& config, const MemoryMap& map_in, KernelMemory& memory, Observer* observer)
    : map(map_in),
      memblock(map_in),
      context(config, ram_bytes(map_in), memory, observer),
      buddy(context),
      slab(context, buddy),
      tables(context),
      sync(context, tables),
      bootmem(context, memblock, buddy, tables),
      allocator(context, memblock, buddy, bootmem),
      sub_pmd(context),
      vmemmap(context, tables, sync, allocator, memblock, sub_pmd),
      remove(context, tables, allocator, sub_pmd),
      sparse(context, memblock, vmemmap, remove, allocator, slab),
      memmap_init(context, memblock, sparse),
      hotplug(context, memblock, buddy, sparse, vmemmap, memmap_init, remove),
      devices(context, hotplug, memmap_init, remove, vmemmap),
      hugetlb(context, tables, allocator, buddy, bootmem),
      boot_hugetlb(context, memblock, vmemmap, hugetlb, buddy),
      folios(context, buddy),
      set_memory(context, tables, buddy),
      user_flush(config, context.profile, memory, context.tlb),
      processes(context, tables, buddy, user_flush) {}

void Kernel::Parts::reserve_kernel_image() {
  const PhysAddr root = context.config.init_top_pgt_pa;
  if (!memblock.is_memory(root, kPageBytes)) {
    throw InputError(fmt::format("the top-level page table at {} lies outside the memory ranges", root));
  }
  const VirtAddr root_va = context.layout.image(root);
  if (root_va < context.config.kernel_image_base || root_va - context.config.kernel_image_base >= kKernelImageBytes) {
    throw InputError(
        fmt::format("the top-level page table at {} would be at {} of the kernel image, outside the 1 GiB "
                    "at {}: kernel_phys_base 0x{:x} does not fit init_top_pgt_pa",
                    root, root_va, context.config.kernel_image_base, context.config.kernel_phys_base));
  }
  if (memblock.end_of_memory().raw() > context.layout.direct_map_bytes()) {
    throw InputError(fmt::format("memory up to {} does not fit between page_offset_base and vmemmap_base",
                                 memblock.end_of_memory()));
  }
  if (memblock.is_reserved(root)) return;
  memblock.reserve(PhysAddr(0), kMiB);
  const PhysAddr start = root.align_down(kImageAlign);
  memblock.reserve(start, kImageBytes);
}

/// NODE_DATA: where the map says, else in the highest reserved range of the node, else allocated as alloc_node_data
/// does.
void Kernel::Parts::place_pgdats() {
  unsigned nodes = 0;
  for (const auto& m : memblock.memory()) nodes = std::max(nodes, m.node + 1);
  pgdats.resize(nodes);
  for (const NodeData& data : map.node_data)
    if (data.node < nodes) pgdats[data.node] = data.start;
  for (unsigned node = 0; node < nodes; ++node) {
    if (pgdats[node]) continue;
    if (map.early_tables == EarlyTables::kInsideReserved) {
      for (const auto& r : memblock.reserved()) {
        const bool large_enough = r.end - r.start >= kPgdatBytes && r.start.raw() >= kMiB;
        if (large_enough && memblock.node_of(r.start) == node) pgdats[node] = r.start.align_up(kPageBytes);
      }
    } else {
      pgdats[node] = memblock.alloc_try_nid(kPgdatBytes, kPageBytes, PhysAddr(0), PhysAddr(0), node);
    }
  }
}

Errno Kernel::Parts::build_direct_map() {
  std::vector<Memblock::Reserved> avoid;
  for (const auto& pgdat : pgdats)
    if (pgdat && map.early_tables == EarlyTables::kInsideReserved) avoid.push_back({*pgdat, *pgdat + kPgdatBytes});
  early_pages.emplace(context, memblock, buddy, map.early_tables, avoid);
  direct_map.emplace(context, tables, sync, memblock, *early_pages);

  const PhysAddr root = context.config.init_top_pgt_pa;
  PhysAddr image_start = root.align_down(kImageAlign);
  PhysAddr image_end = root + kPageBytes;
  for (const auto& r : memblock.reserved()) {
    if (r.start <= root && root < r.end) {
      image_start = std::max(r.start, image_start);
      image_end = std::min(r.end, image_start + kGiB / 2);
    }
  }
  // The reserved range may go on behind the image; what is mapped of it ends with the image's region.
  const uint64_t offset = context.layout.image(image_start) - context.config.kernel_image_base;
  image_end = std::min(image_end, image_start + (kKernelImageBytes - offset));
  context.fill(tables.root().va, 0, kPageBytes, "startup_64");
  context.phase("init_mem_mapping");
  if (const Errno e = direct_map->map_kernel_image(image_start, image_end); !ok(e)) return e;
  if (const Errno e = direct_map->init_mem_mapping(); !ok(e)) return e;
  context.memory().load_cr3(root);
  context.tlb.flush_tlb_local("init_mem_mapping");
  return Errno::kSuccess;
}

void Kernel::Parts::zone_ranges() {
  memmap_init.find_zones();
  for (const auto& m : memblock.memory()) {
    for (const ZoneSpan& span : memmap_init.zones()) {
      if (span.node != m.node) continue;
      const Pfn start = std::clamp(pfn_of(m.start), span.start, span.end);
      const Pfn end = std::clamp(pfn_of(m.end), span.start, span.end);
      buddy.add_range(start, end, span.node, span.zone);
    }
  }
  for (unsigned node = 0; node < pgdats.size(); ++node) {
    const PhysAddr fallback = context.config.init_top_pgt_pa + 16 * kPageBytes;
    buddy.set_pgdat(node, context.layout.direct_map(pgdats[node].value_or(fallback)));
  }
}

/// memblock_free_all [M-2]: reserved pages are marked, free ones go to the buddy allocator in aligned blocks.
void Kernel::Parts::memblock_free_all() {
  if (context.config.memmap_init) {
    for (const auto& r : memblock.reserved()) {
      memmap_init.reserve_bootmem_region(pfn_of(r.start), pfn_of(r.end.align_up(kPageBytes)));
    }
  }
  memblock.for_each_free([&](PhysAddr start, PhysAddr end, unsigned) {
    const Pfn first = pfn_of(start.align_up(kPageBytes));
    const Pfn last = pfn_of(end);
    for_each_aligned_block(first, last, [&](Pfn pfn, unsigned order) {
      if (!sparse.pfn_valid(pfn) || memmap_init.is_deferred(pfn)) return;
      buddy.free_pages_core(pfn, order);
    });
  });
}

void Kernel::Parts::register_bootmem() {
  if (!context.config.memory_hotremove || !context.profile.bootmem_info) return;
  for (const auto& pgdat : pgdats)
    if (pgdat) bootmem.register_pgdat(*pgdat, kPgdatBytes);
  for (const uint64_t section : sparse.present_sections()) {
    const auto usage = sparse.usage_pa(section);
    if (!usage) continue;
    if (!sparse.is_preinit(section)) bootmem.register_memmap(section);
    bootmem.register_usage(*usage);
  }
}

Errno Kernel::Parts::boot() {
  reserve_kernel_image();
  // A recorded boot's reserved ranges contain the pgdats already; else they come after the direct map, as in
  // initmem_init.
  if (map.early_tables == EarlyTables::kInsideReserved) place_pgdats();
  if (const Errno e = build_direct_map(); !ok(e)) return e;
  if (map.early_tables == EarlyTables::kFromMemblock) place_pgdats();

  const bool gigantic_first = context.profile.boot_folios != BootFolios::kAfterBoot;
  if (context.profile.sparse_init_after_zones) zone_ranges();
  if (gigantic_first) boot_hugetlb.alloc(map);
  context.phase("sparse_init");
  Errno populated = sparse.sparse_init(pgdats, [this](unsigned node) { return boot_hugetlb.init_early(node); });
  if (context.config.memmap_init && !ok(populated)) {
    throw InputError(
        "memmap_init: some sections got no memory map, but the kernel writes the struct pages of all memory, takes a "
        "page fault there and does not boot; expected memory for all maps, or memmap_init false");
  }
  for (const auto& m : memblock.memory()) sparse.set_subsections(pfn_of(m.start), pfn_of(m.end));

  if (!context.profile.sparse_init_after_zones) zone_ranges();
  if (const Errno e = boot_hugetlb.init_late(); !ok(e)) populated = e;
  if (context.config.memmap_init) {
    context.phase("memmap_init");
    memmap_init.memmap_init();
    context.struct_pages_live = true;
  }
  if (!gigantic_first) boot_hugetlb.alloc(map);  // the command line is parsed after setup_arch
  if (boot_hugetlb.early_protection()) {
    context.phase("gather_bootmem_prealloc");
    boot_hugetlb.protect();
  }
  context.phase("memblock_free_all");
  memblock_free_all();
  context.slab_available = true;
  context.struct_pages_live = true;
  context.phase("register_page_bootmem_info");
  register_bootmem();
  boot_hugetlb.hand_over(folios);
  hotplug.start(*direct_map);
  devices.start(*direct_map);
  return populated;
}

}  // namespace mmusim::mm
