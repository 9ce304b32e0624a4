// SPDX-License-Identifier: MIT
#include "mm/device.h"

#include <algorithm>
#include <iterator>

namespace mmusim::mm {

namespace {
constexpr uint64_t kInfoBlockBytes = 8 * kKiB;
}

Altmap Devices::namespace_altmap(const DeviceMemory& device, unsigned struct_page_bytes) {
  // nd_pfn_init: the info block and the struct pages of all of the rest, rounded up to the alignment of the data, which
  // is a sub-section's at least (memremap_compat_align).
  const uint64_t pages = (device.bytes - kInfoBlockBytes) >> kPageShift;
  const uint64_t used = kInfoBlockBytes + pages * struct_page_bytes;
  const uint64_t offset = (device.start + used).align_up(std::max(device.align, kPmdBytes)) - device.start;
  Altmap altmap;
  altmap.base = pfn_of(device.start);
  altmap.reserve = kInfoBlockBytes >> kPageShift;
  altmap.free = (offset - kInfoBlockBytes) >> kPageShift;
  return altmap;
}

Errno Devices::add(const DeviceMemory& device) {
  if (device.bytes == 0 || !device.start.is_aligned(kPmdBytes) || device.bytes % kPmdBytes != 0) {
    context_.log(LogLevel::kWarning, "Misaligned add start: {:#x} end: {:#x}", pfn_of(device.start).raw,
                 (device.start.raw() + device.bytes - 1) >> kPageShift);
    return Errno::kInvalid;
  }
  if (!hotplug_.range_allowed(device.start, device.bytes)) return Errno::kRange;
  const auto next = mapped_.lower_bound(pfn_of(device.start).raw);
  if (next != mapped_.end() && address_of(Pfn(next->first)) < device.start + device.bytes) return Errno::kExists;
  if (next != mapped_.begin()) {
    const DeviceMemory& below = std::prev(next)->second.device;
    if (below.start + below.bytes > device.start) return Errno::kExists;
  }

  Mapped mapped{device, std::nullopt};
  PopulateSource source;
  if (device.memmap == DeviceMemmap::kDevice) {
    mapped.altmap = namespace_altmap(device, context_.layout.struct_page_bytes());
    // The struct pages may leave nothing for data: what the alignment cuts off at the end still counts for nd_pfn_init.
    if (mapped.altmap->offset() > device.bytes >> kPageShift) return Errno::kInvalid;
    source.altmap = &*mapped.altmap;
  }
  source.pagemap = {pfn_of(device.start), device.vmemmap_shift};
  if (!device.device_private) {
    if (const Errno e = direct_map_->init_memory_mapping(device.start, device.start + device.bytes); !ok(e)) return e;
  }
  const Errno e = hotplug_.add_pages(pfn_of(device.start), device.bytes >> kPageShift, device.node, source);
  if (!ok(e)) return e;
  init_struct_pages(mapped, source);
  mapped_.emplace(pfn_of(device.start).raw, mapped);
  return Errno::kSuccess;
}

/// move_pfn_range_to_zone and memmap_init_zone_device: the altmap's own pages, then the data.
void Devices::init_struct_pages(const Mapped& mapped, const PopulateSource& source) {
  const DeviceMemory& device = mapped.device;
  Pfn data = pfn_of(device.start);
  const Pfn end = data + (device.bytes >> kPageShift);
  if (mapped.altmap) {
    const Pfn storage = data + mapped.altmap->reserve;
    data = data + mapped.altmap->offset();
    init_.memmap_init_range(storage, data, device.node, Zone::kDevice, MemmapInit::Kind::kHotplug);
  }
  // struct dev_pagemap is a small kernel object; only its address is stored.
  const VirtAddr pagemap = context_.layout.image(context_.config.init_top_pgt_pa + 4 * kPageBytes);
  // Kernels that do not share tail pages have no compound device pages either.
  const unsigned shift = context_.profile.compound_dax ? device.vmemmap_shift : 0;
  init_.memmap_init_zone_device(data, end, device.node, shift, vmemmap_.vmemmap_can_optimize(source),
                                device.device_private, pagemap);
}

Errno Devices::remove(PhysAddr start) {
  const auto found = mapped_.find(pfn_of(start).raw);
  if (found == mapped_.end()) return Errno::kInvalid;
  Mapped mapped = found->second;
  mapped_.erase(found);
  Altmap* altmap = mapped.altmap ? &*mapped.altmap : nullptr;
  hotplug_.remove_pages(pfn_of(start), mapped.device.bytes >> kPageShift, altmap);
  if (!mapped.device.device_private) remove_.direct_map_remove(start, start + mapped.device.bytes);
  return Errno::kSuccess;
}

}  // namespace mmusim::mm
