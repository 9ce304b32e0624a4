// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/base/types.h"

namespace mmusim {

/// A half-open range of physical addresses.
struct PhysRange {
  PhysAddr start;
  PhysAddr end;  ///< exclusive

  uint64_t bytes() const { return end - start; }
  bool contains(const PhysRange& other) const { return start <= other.start && other.end <= end; }
  bool overlaps(const PhysRange& other) const { return start < other.end && other.start < end; }
  auto operator<=>(const PhysRange&) const = default;
};

/// One line of /proc/iomem.
struct Resource {
  PhysRange range;
  unsigned depth = 0;  ///< 0: top level; children follow their parent
  std::string name;
};

/// The lines of /proc/iomem ("  100000000-10c7fffff : Persistent Memory"), in their order. Throws InputError with
/// `where` and the line if one is not of that form.
std::vector<Resource> parse_resources(const std::vector<std::string>& lines, const std::string& where);

/// The System RAM that is no part of `boot`: memory added after the memory map was read, one range for each resource
/// ("System RAM (kmem)" and the like included).
std::vector<PhysRange> added_ram(const std::vector<Resource>& resources, const std::vector<PhysRange>& boot);

/// `from` without what `taken` covers, in ascending order; ranges keep their boundaries otherwise.
std::vector<PhysRange> without(const std::vector<PhysRange>& from, const std::vector<PhysRange>& taken);

/// A range of persistent memory and the driver that claimed it.
struct PersistentRegion {
  PhysRange range;
  bool legacy = false;     ///< from an e820 entry of type 12 or memmap=size!start
  std::string name_space;  ///< "namespace0.0" if a driver claimed it, else empty
  std::string dax_device;  ///< "dax0.0" if a device-DAX driver claimed a part, else empty
  PhysAddr dax_start;      ///< where that part starts
};
std::vector<PersistentRegion> persistent_regions(const std::vector<Resource>& resources);

}  // namespace mmusim
