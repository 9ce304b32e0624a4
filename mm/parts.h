// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <vector>

#include "mm/boot_hugetlb.h"
#include "mm/bootmem.h"
#include "mm/buddy.h"
#include "mm/context.h"
#include "mm/device.h"
#include "mm/direct_map.h"
#include "mm/folios.h"
#include "mm/hotplug.h"
#include "mm/hugetlb_vmemmap.h"
#include "mm/kernel.h"
#include "mm/memblock.h"
#include "mm/memmap_init.h"
#include "mm/page_table.h"
#include "mm/process.h"
#include "mm/remove_pagetable.h"
#include "mm/set_memory.h"
#include "mm/slab.h"
#include "mm/sparse.h"
#include "mm/sub_pmd.h"
#include "mm/vmemmap.h"
#include "mm/vmemmap_alloc.h"

namespace mmusim::mm {

/// sizeof(struct pglist_data), rounded to pages, of the recorded kernels.
inline constexpr uint64_t kPgdatBytes = 0x2b000;

/// The parts of the kernel model, wired together. Private to mm/kernel*.cpp and mm/boot.cpp.
struct Kernel::Parts {
  Parts(const KernelConfig& config, const MemoryMap& map, KernelMemory& memory, Observer* observer);

  Errno boot();

  const MemoryMap map;
  Memblock memblock;
  Context context;
  Buddy buddy;
  Slab slab;
  PageTables tables;
  TopLevelSync sync;
  Bootmem bootmem;
  VmemmapAllocator allocator;
  SubPmd sub_pmd;
  Vmemmap vmemmap;
  RemovePagetable remove;
  Sparse sparse;
  MemmapInit memmap_init;
  Hotplug hotplug;
  Devices devices;
  HugetlbVmemmap hugetlb;
  BootHugetlb boot_hugetlb;
  Folios folios;
  SetMemory set_memory;
  UserFlush user_flush;
  Processes processes;
  std::vector<std::optional<PhysAddr>> pgdats;  // by node
  std::optional<EarlyTablePages> early_pages;
  std::optional<DirectMap> direct_map;

 private:
  void reserve_kernel_image();
  void place_pgdats();
  Errno build_direct_map();
  void zone_ranges();
  void memblock_free_all();
  void register_bootmem();
};

}  // namespace mmusim::mm
