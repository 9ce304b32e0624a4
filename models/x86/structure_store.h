// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "models/x86/translation.h"

namespace mmusim {

/// A place for PDEs that point to page tables outside the paging-structure caches proper: AMD keeps them in the L2
/// DTLB.
class StructureStore {
 public:
  virtual ~StructureStore() = default;
  /// The entry for `va`, or none; counts as a use.
  virtual StructureEntry find_structure(VirtAddr va, uint16_t pcid) = 0;
  virtual void put_structure(VirtAddr va, uint16_t pcid, StructureEntry entry) = 0;
};

/// Makes sure that an address is mapped before the processor walks for it: address spaces that are built on first
/// touch. Returns true if it was not.
class DemandMapper {
 public:
  virtual ~DemandMapper() = default;
  virtual bool ensure_mapped(VirtAddr va) = 0;
};

}  // namespace mmusim
