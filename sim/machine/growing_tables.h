// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/phys_mem.h"
#include "models/x86/control.h"

namespace mmusim {

/// Page tables that grow as pages are mapped. Their frames come from the end of memory downwards.
class GrowingTables {
 public:
  /// `end` is the first physical address behind the memory.
  GrowingTables(PhysMem& memory, unsigned levels, PhysAddr end);

  PhysAddr root() const { return root_; }
  /// Writes a leaf of `level` (1, 2 or 3) for `va`. Throws InputError where a larger page or a table is in its way.
  void map(VirtAddr va, PhysAddr pa, unsigned level, uint64_t flags);

 private:
  PhysAddr new_table();

  PhysMem& memory_;
  unsigned levels_;
  PhysAddr next_;
  PhysAddr root_;
};

}  // namespace mmusim
