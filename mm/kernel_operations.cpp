// SPDX-License-Identifier: MIT
// The operations of the Kernel after boot: memory hotplug, devices, HugeTLB folios.
#include "mm/parts.h"

namespace mmusim::mm {

Errno Kernel::hot_add(PhysAddr start, uint64_t bytes, unsigned node, std::optional<bool> memmap_on_memory) {
  parts_->context.phase("hot_add");
  return parts_->hotplug.add_memory(start, bytes, node,
                                    memmap_on_memory.value_or(parts_->context.config.memmap_on_memory));
}

Errno Kernel::add_pages(PhysAddr start, uint64_t bytes, unsigned node) {
  return parts_->hotplug.arch_add_memory(start, bytes, node, {});
}

Errno Kernel::remove_pages(PhysAddr start, uint64_t bytes) {
  if (((start.raw() | bytes) & (kPmdBytes - 1)) != 0) return Errno::kInvalid;
  if (!parts_->hotplug.range_allowed(start, bytes)) return Errno::kRange;
  parts_->hotplug.arch_remove_memory(start, bytes, nullptr);
  return Errno::kSuccess;
}

Errno Kernel::online(PhysAddr start, uint64_t bytes, OnlineZone zone) {
  parts_->context.phase("online");
  return parts_->hotplug.online(start, bytes, zone);
}

Errno Kernel::offline(PhysAddr start, uint64_t bytes) { return parts_->hotplug.offline(start, bytes); }

Errno Kernel::hot_remove(PhysAddr start, uint64_t bytes) {
  parts_->context.phase("hot_remove");
  return parts_->hotplug.remove_memory(start, bytes);
}

Errno Kernel::add_device(const DeviceMemory& device) {
  parts_->context.phase("memremap_pages");
  return parts_->devices.add(device);
}

Errno Kernel::remove_device(PhysAddr start) { return parts_->devices.remove(start); }

std::vector<Folio> Kernel::hugetlb_alloc(unsigned order, uint64_t count, unsigned node) {
  std::vector<Folio> folios;
  for (uint64_t i = 0; i < count; ++i) {
    const auto folio = parts_->folios.alloc(order, node);
    if (!folio) break;
    folios.push_back(*folio);
  }
  return folios;
}

void Kernel::hugetlb_claim(std::span<const Folio> folios) {
  for (const Folio& folio : folios) parts_->folios.claim(folio);
}

Errno Kernel::hugetlb_optimize(std::span<const Folio> folios) {
  parts_->context.phase("hugetlb_vmemmap_optimize");
  return parts_->hugetlb.optimize(folios);
}

Errno Kernel::hugetlb_restore(std::span<const Folio> folios) {
  parts_->context.phase("hugetlb_vmemmap_restore");
  return parts_->hugetlb.restore(folios);
}

void Kernel::hugetlb_free(std::span<const Folio> folios) {
  for (const Folio& folio : folios) parts_->folios.free(folio);
}

std::vector<Folio> Kernel::boot_folios() const { return parts_->boot_hugetlb.folios(); }

std::vector<Folio> Kernel::hugetlb_optimized() const { return parts_->hugetlb.optimized(); }

std::vector<DeferredChunk> Kernel::deferred_chunks() const {
  std::vector<DeferredChunk> chunks;
  const Parts& p = *parts_;
  for (const auto& m : p.memblock.memory()) {
    const auto first = p.memmap_init.first_deferred(m.node);
    if (!first) continue;
    const Pfn end = pfn_of(m.end);
    for (Pfn at = std::max(*first, pfn_of(m.start)); at < end;) {
      const Pfn next = std::min(end, Pfn((at.raw / kPagesPerSection + 1) * kPagesPerSection));
      chunks.push_back({m.node, at, next});
      at = next;
    }
  }
  return chunks;
}

/// deferred_init_maxorder: each block of up to 1024 pages is initialised, then freed; reserved pages were initialised
/// when they were reserved [M-3].
void Kernel::init_deferred_chunk(const DeferredChunk& chunk, KernelMemory& memory) {
  Parts& p = *parts_;
  KernelMemory& before = p.context.switch_memory(memory);
  const Zone zone = chunk.start.raw < 0x100000 ? Zone::kDma32 : Zone::kNormal;
  p.memblock.for_each_free([&](PhysAddr start, PhysAddr end, unsigned) {
    const Pfn first = std::max(pfn_of(start.align_up(kPageBytes)), chunk.start);
    const Pfn last = std::min(pfn_of(end), chunk.end);
    if (first >= last) return;
    for_each_aligned_block(first, last, [&](Pfn pfn, unsigned order) {
      p.memmap_init.memmap_init_range(pfn, pfn + (uint64_t{1} << order), chunk.node, zone, MemmapInit::Kind::kEarly);
      p.buddy.free_pages_core(pfn, order);
    });
  });
  p.context.switch_memory(before);
}

uint64_t Kernel::memory_block_bytes() const { return parts_->hotplug.block_bytes(); }

}  // namespace mmusim::mm
