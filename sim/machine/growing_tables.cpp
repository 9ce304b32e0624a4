// SPDX-License-Identifier: MIT
#include "sim/machine/growing_tables.h"

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"

namespace mmusim {

namespace {

constexpr uint64_t kPresentWriteUser = 0x7;
constexpr uint64_t kLargePage = 0x80;
constexpr uint64_t kAddressBits = 0x000f'ffff'ffff'f000;

PhysAddr entry_of(PhysAddr table, VirtAddr va, unsigned level) {
  return table + (va.raw() >> (kPageShift + 9 * (level - 1)) & 511) * 8;
}

}  // namespace

GrowingTables::GrowingTables(PhysMem& memory, unsigned levels, PhysAddr end)
    : memory_(memory), levels_(levels), next_(end.align_down(kPageBytes)), root_(new_table()) {}

PhysAddr GrowingTables::new_table() {
  next_ = PhysAddr(next_.raw() - kPageBytes);
  memory_.fill(next_, 0, kPageBytes);
  return next_;
}

void GrowingTables::map(VirtAddr va, PhysAddr pa, unsigned level, uint64_t flags) {
  PhysAddr table = root_;
  for (unsigned l = levels_; l > level; --l) {
    const PhysAddr at = entry_of(table, va, l);
    uint64_t entry = memory_.load64(at);
    if ((entry & 1) == 0) {
      entry = new_table().raw() | kPresentWriteUser;
      memory_.store64(at, entry);
    } else if ((entry & kLargePage) != 0) {
      throw InputError(fmt::format("{}: a larger page is mapped here already", va));
    }
    table = PhysAddr(entry & kAddressBits);
  }
  const PhysAddr at = entry_of(table, va, level);
  const uint64_t old = memory_.load64(at);
  if (level > 1 && (old & 1) != 0 && (old & kLargePage) == 0) {
    throw InputError(fmt::format("{}: smaller pages are mapped here already", va));
  }
  memory_.store64(at, pa.raw() | flags | (level > 1 ? kLargePage : 0));
}

}  // namespace mmusim
