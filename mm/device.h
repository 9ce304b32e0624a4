// SPDX-License-Identifier: MIT
#pragma once

#include <map>

#include "mm/hotplug.h"

namespace mmusim::mm {

/// Device memory with struct pages: memremap_pages and what nd_pfn does before it [vmemmap spec 4.6, 5.5].
class Devices {
 public:
  Devices(Context& context, Hotplug& hotplug, MemmapInit& init, RemovePagetable& remove, Vmemmap& vmemmap)
      : context_(context), hotplug_(hotplug), init_(init), remove_(remove), vmemmap_(vmemmap) {}

  /// After boot: the direct map that can grow.
  void start(DirectMap& direct_map) { direct_map_ = &direct_map; }
  Errno add(const DeviceMemory& device);
  Errno remove(PhysAddr start);
  /// __nvdimm_setup_pfn: the altmap of a namespace with its struct pages in the device.
  static Altmap namespace_altmap(const DeviceMemory& device, unsigned struct_page_bytes);

 private:
  struct Mapped {
    DeviceMemory device;
    std::optional<Altmap> altmap;
  };
  void init_struct_pages(const Mapped& mapped, const PopulateSource& source);

  Context& context_;
  Hotplug& hotplug_;
  DirectMap* direct_map_ = nullptr;
  MemmapInit& init_;
  RemovePagetable& remove_;
  Vmemmap& vmemmap_;
  std::map<uint64_t, Mapped> mapped_;  // by first page
};

}  // namespace mmusim::mm
