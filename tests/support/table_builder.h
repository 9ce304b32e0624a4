// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/phys_mem.h"
#include "models/x86/control.h"

namespace mmusim {

/// Writes real 4- or 5-level page tables into memory, for tests.
class TableBuilder {
 public:
  static constexpr uint64_t kTableFlags = 0x67;  // P RW US A D
  static constexpr uint64_t kLeafFlags = 0x67;

  TableBuilder(PhysMem& memory, unsigned levels, PhysAddr first_table = PhysAddr(0x100000))
      : memory_(memory), levels_(levels), root_(first_table), next_(first_table + kPageBytes) {}

  PhysAddr root() const { return root_; }
  /// Where the entry of `level` for `va` is; makes the tables above it.
  PhysAddr entry(VirtAddr va, unsigned level) {
    PhysAddr table = root_;
    for (unsigned l = levels_; l > level; --l) {
      const PhysAddr at = table + index(va, l) * 8;
      uint64_t value = memory_.load64(at);
      if ((value & 1) == 0) {
        value = next_.raw() | kTableFlags;
        memory_.store64(at, value);
        next_ += kPageBytes;
      }
      table = PhysAddr(value & 0x000ffffffffff000);
    }
    return table + index(va, level) * 8;
  }
  void map(VirtAddr va, PhysAddr pa, PageSize size, uint64_t flags = kLeafFlags) {
    const unsigned level = size == PageSize::k4K ? 1 : size == PageSize::k2M ? 2 : 3;
    memory_.store64(entry(va, level), pa.raw() | flags | (level > 1 ? 0x80 : 0));
  }

 private:
  static uint64_t index(VirtAddr va, unsigned level) { return va.raw() >> (3 + 9 * level) & 511; }

  PhysMem& memory_;
  unsigned levels_;
  PhysAddr root_, next_;
};

}  // namespace mmusim
