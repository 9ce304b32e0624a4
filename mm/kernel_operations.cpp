// SPDX-License-Identifier: MIT
// The operations of the Kernel after boot: memory hotplug, devices, HugeTLB folios.
#include <algorithm>

#include "mm/deferred_init.h"
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

std::vector<Folio> Kernel::hugetlb_alloc_scattered(unsigned order, uint64_t count, unsigned node) {
  return parts_->folios.alloc_scattered(order, count, node);
}

std::vector<Folio> Kernel::hugetlb_folios() const { return parts_->folios.taken(); }

void Kernel::hugetlb_claim(std::span<const Folio> folios) {
  for (const Folio& folio : folios) parts_->folios.claim(folio);
}

Errno Kernel::hugetlb_optimize(std::span<const Folio> folios) {
  HugetlbVmemmap& hugetlb = parts_->hugetlb;
  if (!hugetlb.has_pool_path()) return Errno::kSuccess;
  parts_->context.phase("hugetlb_vmemmap_optimize");
  const Errno result = hugetlb.optimize(folios);
  if (!ok(result) || !parts_->context.profile.hvo_batches) return result;
  return hugetlb.restore({});  // set_max_huge_pages ends with an empty list of pages to give back
}

Errno Kernel::hugetlb_optimize_one(const Folio& folio) {
  parts_->context.phase("hugetlb_vmemmap_optimize");
  return parts_->hugetlb.optimize_one(folio);
}

Errno Kernel::hugetlb_restore_one(const Folio& folio) {
  parts_->context.phase("hugetlb_vmemmap_restore");
  return parts_->hugetlb.restore_one(folio);
}

Errno Kernel::hugetlb_demote(const Folio& folio, std::vector<Folio>& small) {
  parts_->context.phase("hugetlb_demote");
  if (const Errno e = parts_->hugetlb.restore(std::span(&folio, 1)); !ok(e)) return e;
  small = parts_->folios.demote(folio);
  if (small.empty()) return Errno::kInvalid;
  return parts_->hugetlb.optimize(small);
}

Errno Kernel::hugetlb_restore(std::span<const Folio> folios) {
  parts_->context.phase("hugetlb_vmemmap_restore");
  return parts_->hugetlb.restore(folios);
}

void Kernel::hugetlb_free(std::span<const Folio> folios) {
  for (const Folio& folio : folios) parts_->folios.free(folio);
}

Errno Kernel::hugetlb_init() {
  parts_->context.phase("hugetlb_init");
  return parts_->boot_hugetlb.hugetlb_init();
}

std::vector<Folio> Kernel::boot_folios() const { return parts_->boot_hugetlb.folios(); }

std::vector<Folio> Kernel::hugetlb_optimized() const { return parts_->hugetlb.optimized(); }

std::vector<Pfn> Kernel::alloc_pages_scattered(unsigned order, uint64_t count, unsigned node) {
  std::vector<Pfn> taken = parts_->buddy.scattered_places(kPmdShift - kPageShift, count, node);
  for (const Pfn pfn : taken) {
    parts_->context.allocated(AllocSource::kBuddy, address_of(pfn), kPageBytes << order, node, "alloc_pages");
    parts_->buddy.isolate(pfn, pfn + (uint64_t{1} << order));
  }
  return taken;
}

Errno Kernel::set_memory(PhysAddr start, uint64_t pages, MemoryProtection protection, bool alias) {
  parts_->context.phase("set_memory");
  return parts_->set_memory.set(start, pages, protection, alias);
}

Process* Kernel::start_process() {
  const auto pgd = create_process();
  return pgd ? &parts_->processes.start(*pgd) : nullptr;
}

void Kernel::run_threads(Process& process, unsigned cpus) { parts_->processes.run(process, cpus); }

Errno Kernel::touch_user_memory(Process& process, VirtAddr start, uint64_t pages) {
  parts_->context.phase("page_fault");
  return parts_->processes.touch(process, start, pages);
}

Errno Kernel::change_user_memory(Process& process, UserOperation operation, VirtAddr start, uint64_t pages) {
  parts_->context.phase(name_of(operation));
  return parts_->processes.change(process, operation, start, pages);
}

std::unique_ptr<DeferredWork> Kernel::deferred_init(unsigned workers) {
  Parts& p = *parts_;
  p.context.phase("deferred_init_memmap");
  return std::make_unique<DeferredInit>(p.context, p.memblock, p.memmap_init, p.buddy, workers);
}

uint64_t Kernel::memory_block_bytes() const { return parts_->hotplug.block_bytes(); }

}  // namespace mmusim::mm
