// SPDX-License-Identifier: MIT
#include "mm/hotplug.h"

#include <algorithm>

#include "mm/section_math.h"

namespace mmusim::mm {

uint64_t probe_memory_block_size(PhysAddr end, bool hypervisor) {
  constexpr uint64_t kLargeMachine = 64 * kGiB;
  constexpr uint64_t kMaxBlock = 2 * kGiB;
  if (end.raw() < kLargeMachine) return kSectionBytes;
  if (!hypervisor) return kMaxBlock;
  uint64_t bytes = kMaxBlock;
  while (bytes > kSectionBytes && !end.is_aligned(bytes)) bytes >>= 1;
  return bytes;
}

void Hotplug::start(DirectMap& direct_map) {
  direct_map_ = &direct_map;
  const uint64_t configured = context_.config.memory_block_bytes;
  block_bytes_ =
      configured != 0 ? configured : probe_memory_block_size(memblock_.end_of_memory(), context_.config.hypervisor);
  for (const uint64_t section : sparse_.present_sections()) {
    const PhysAddr start(section << kSectionShift);
    const unsigned node = memblock_.node_of(start).value_or(0);
    blocks_.try_emplace(start.raw() / block_bytes_, Block{node, /*online=*/true, std::nullopt});
  }
}

bool Hotplug::range_allowed(PhysAddr start, uint64_t bytes) {
  const uint64_t limit = context_.layout.direct_map_bytes();
  if (start.raw() < limit && bytes <= limit - start.raw()) return true;
  context_.log(LogLevel::kWarning, "Hotplug memory [{:#x}-{:#x}] exceeds maximum addressable range [0x0-{:#x}]",
               start.raw(), start.raw() + bytes, limit - 1);
  return false;
}

Errno Hotplug::arch_add_memory(PhysAddr start, uint64_t bytes, unsigned node, const PopulateSource& source) {
  if (!range_allowed(start, bytes)) return Errno::kRange;
  if (const Errno e = direct_map_->init_memory_mapping(start, start + bytes); !ok(e)) return e;
  return add_pages(pfn_of(start), bytes >> kPageShift, node, source);
}

void Hotplug::arch_remove_memory(PhysAddr start, uint64_t bytes, Altmap* altmap) {
  remove_pages(pfn_of(start), bytes >> kPageShift, altmap);
  remove_.direct_map_remove(start, start + bytes);
}

Errno Hotplug::add_pages(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source) {
  if (source.altmap != nullptr) {
    if (source.altmap->base != pfn || source.altmap->offset() > pages) {
      if (!warned_altmap_) context_.log(LogLevel::kWarning, "memory add fail, invalid altmap");
      warned_altmap_ = true;
      return Errno::kInvalid;
    }
    source.altmap->alloc = 0;
  }
  if ((pfn.raw | pages) % kPagesPerSubsection != 0 || pages == 0) {
    context_.log(LogLevel::kWarning, "Misaligned add start: {:#x} end: {:#x}", pfn.raw, pfn.raw + pages - 1);
    return Errno::kInvalid;
  }
  const Pfn end = pfn + pages;
  Errno result = Errno::kSuccess;
  while (pfn < end && ok(result)) {
    const Pfn next = std::min(end, first_page(section_of(pfn) + 1));
    result = sparse_.sparse_add_section(pfn, next - pfn, node, source);
    pfn = next;
  }
  vmemmap_.vmemmap_populate_print_last();
  return result;
}

void Hotplug::remove_pages(Pfn pfn, uint64_t pages, Altmap* altmap) {
  if ((pfn.raw | pages) % kPagesPerSubsection != 0) {
    context_.log(LogLevel::kWarning, "Misaligned remove start: {:#x} end: {:#x}", pfn.raw, pfn.raw + pages - 1);
    return;
  }
  const Pfn end = pfn + pages;
  while (pfn < end) {
    const Pfn next = std::min(end, first_page(section_of(pfn) + 1));
    sparse_.sparse_remove_section(pfn, next - pfn, altmap);
    pfn = next;
  }
}

bool Hotplug::aligned(PhysAddr start, uint64_t bytes) const {
  return bytes != 0 && start.is_aligned(block_bytes_) && bytes % block_bytes_ == 0;
}

/// mhp_supports_memmap_on_memory: whether a block can hold its own struct pages.
bool Hotplug::supports_memmap_on_memory(uint64_t bytes) const {
  const uint64_t memmap = (block_bytes_ >> kPageShift) * context_.layout.struct_page_bytes();
  const bool size_fits = context_.profile.memmap_on_memory_per_block || bytes == block_bytes_;
  return size_fits && context_.profile.memmap_on_memory && memmap % kPmdBytes == 0 &&
         (block_bytes_ - memmap) % (kPagesPerPageblock << kPageShift) == 0 && memmap < block_bytes_;
}

Errno Hotplug::add_memory(PhysAddr start, uint64_t bytes, unsigned node, bool memmap_on_memory) {
  if (!aligned(start, bytes)) {
    context_.log(LogLevel::kError, "Block size [{:#x}] unaligned hotplug range: start {:#x}, size {:#x}", block_bytes_,
                 start.raw(), bytes);
    return Errno::kInvalid;
  }
  const uint64_t first = start.raw() / block_bytes_;
  const uint64_t end = first + bytes / block_bytes_;
  const auto taken = blocks_.lower_bound(first);
  if (taken != blocks_.end() && taken->first < end) {  // register_memory_resource
    context_.log(LogLevel::kError, "Unable to reserve System RAM region: {:016x}->{:016x}", start.raw(),
                 start.raw() + bytes);
    return Errno::kExists;
  }
  const bool self_hosted = memmap_on_memory && supports_memmap_on_memory(bytes);
  if (!self_hosted) {
    if (const Errno e = arch_add_memory(start, bytes, node, {}); !ok(e)) return e;
    for (uint64_t i = first; i < end; ++i) blocks_[i] = {node, /*online=*/false, std::nullopt};
    return Errno::kSuccess;
  }
  for (uint64_t i = first; i < end; ++i) {  // create_altmaps_and_memory_blocks
    Altmap altmap;
    altmap.base = block_start(i);
    altmap.free = (block_bytes_ >> kPageShift) * context_.layout.struct_page_bytes() >> kPageShift;
    PopulateSource source;
    source.altmap = &altmap;
    const Errno e = arch_add_memory(address_of(block_start(i)), block_bytes_, node, source);
    if (!ok(e)) {
      while (i-- > first) {  // remove_memory_blocks_and_altmaps
        arch_remove_memory(address_of(block_start(i)), block_bytes_, &*blocks_[i].altmap);
        blocks_.erase(i);
      }
      return e;
    }
    blocks_[i] = {node, /*online=*/false, altmap};
  }
  return Errno::kSuccess;
}

/// online_pages: struct pages are initialised, the sections marked, the pages given to the buddy allocator.
Errno Hotplug::online_block(uint64_t index, Block& block, OnlineZone kind) {
  const Pfn start = block_start(index);
  const Pfn end = block_start(index + 1);
  const Pfn usable = usable_start(index, block);
  Zone zone = Zone::kMovable;
  if (kind == OnlineZone::kNormal) zone = start.raw < 0x100000 ? Zone::kDma32 : Zone::kNormal;
  buddy_.add_range(usable, end, block.node, zone);
  if (usable > start) {  // mhp_init_memmap_on_memory
    init_.memmap_init_range(start, usable, block.node, zone, MemmapInit::Kind::kHotplug);
    init_.mark_self_hosted(start, usable - start);
  }
  init_.memmap_init_range(usable, end, block.node, zone, MemmapInit::Kind::kHotplug);
  sparse_.online_sections(start, end);
  for_each_aligned_block(usable, end,
                         [&](Pfn pfn, unsigned order) { buddy_.free_pages_core(pfn, order, Buddy::Fresh::kOnlined); });
  block.online = true;
  return Errno::kSuccess;
}

Errno Hotplug::online(PhysAddr start, uint64_t bytes, OnlineZone zone) {
  if (!aligned(start, bytes)) return Errno::kInvalid;
  const uint64_t first = start.raw() / block_bytes_;
  bool any = false;
  for (auto b = blocks_.lower_bound(first); b != blocks_.end() && b->first < first + bytes / block_bytes_; ++b) {
    any = true;
    if (b->second.online) continue;
    if (const Errno e = online_block(b->first, b->second, zone); !ok(e)) return e;
  }
  return any ? Errno::kSuccess : Errno::kInvalid;
}

/// has_unmovable_pages, scan_movable_pages: what offlining reads of each page (K5, K6).
void Hotplug::scan_for_offline(Pfn start, Pfn end) {
  for (Pfn pfn = start; pfn < end;) {
    const VirtAddr page = context_.layout.pfn_to_page(pfn);
    context_.load(page + page_field::kFlags, 8);
    context_.load(page + page_field::kLruNext, 8);
    context_.load(page + page_field::kMapcount, 4);
    const auto order = buddy_.free_order(pfn);
    if (order) context_.load(page + page_field::kPrivate, 8);
    pfn = pfn + (order ? uint64_t{1} << *order : 1);
  }
}

Errno Hotplug::offline_block(uint64_t index, Block& block) {
  const Pfn start = block_start(index);
  const Pfn end = block_start(index + 1);
  const Pfn usable = usable_start(index, block);
  scan_for_offline(usable, end);
  if (!buddy_.all_free(usable, end)) return Errno::kBusy;
  buddy_.isolate(usable, end);
  buddy_.remove_range(usable, end);
  sparse_.offline_sections(start, end);
  if (context_.config.debug_vm) {
    context_.fill(context_.layout.pfn_to_page(usable), 0xff, (end - usable) * context_.layout.struct_page_bytes(),
                  "page_init_poison");
  }
  block.online = false;
  return Errno::kSuccess;
}

Errno Hotplug::offline(PhysAddr start, uint64_t bytes) {
  if (!aligned(start, bytes)) return Errno::kInvalid;
  const uint64_t first = start.raw() / block_bytes_;
  for (auto b = blocks_.lower_bound(first); b != blocks_.end() && b->first < first + bytes / block_bytes_; ++b) {
    if (!b->second.online) continue;
    if (const Errno e = offline_block(b->first, b->second); !ok(e)) return e;
  }
  return Errno::kSuccess;
}

Errno Hotplug::remove_memory(PhysAddr start, uint64_t bytes) {
  if (!aligned(start, bytes)) return Errno::kInvalid;
  const uint64_t first = start.raw() / block_bytes_;
  const uint64_t end = first + bytes / block_bytes_;
  for (uint64_t i = first; i < end; ++i)
    if (!blocks_.contains(i)) return Errno::kInvalid;
  if (const Errno e = offline(start, bytes); !ok(e)) return e;
  // Blocks that hold their own struct pages go one by one, the others in one piece.
  for (uint64_t i = first; i < end;) {
    Block& block = blocks_[i];
    uint64_t stop = i + 1;
    while (!block.altmap && stop < end && !blocks_[stop].altmap) ++stop;
    arch_remove_memory(address_of(block_start(i)), (stop - i) * block_bytes_, block.altmap ? &*block.altmap : nullptr);
    if (block.altmap && block.altmap->alloc != 0) {
      context_.log(LogLevel::kWarning, "Altmap not fully unmapped");
    }
    while (i < stop) blocks_.erase(i++);
  }
  return Errno::kSuccess;
}

}  // namespace mmusim::mm
