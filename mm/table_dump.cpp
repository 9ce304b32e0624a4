// SPDX-License-Identifier: MIT
#include "mm/kernel.h"

namespace mmusim::mm {

namespace {

constexpr uint64_t kAddressMask = 0x000ffffffffff000;
constexpr uint64_t kPageSizeBit = 0x80;

class TableDump {
 public:
  TableDump(const PhysMem& memory, unsigned levels, VirtAddr first, VirtAddr last)
      : memory_(memory), first_(first), last_(last), top_bit_(level_shift(levels) + 8) {}

  void table(PhysAddr table, unsigned level, VirtAddr va_of_table) {
    for (unsigned index = 0; index < kEntriesPerTable; ++index) {
      const VirtAddr va = sign_extended(va_of_table.raw() + index * level_bytes(level));
      const uint64_t value = memory_.load64(table + kEntryBytes * index);
      const bool outside = va > last_ || va + (level_bytes(level) - 1) < first_;
      if (value == 0 || outside) continue;
      entries_.push_back({level, va, index, table, value});
      const bool leaf = level == 1 || (level <= 3 && (value & kPageSizeBit) != 0);
      if (!leaf) this->table(PhysAddr(value & kAddressMask), level - 1, va);
    }
  }
  std::vector<TableEntry>& entries() { return entries_; }

 private:
  VirtAddr sign_extended(uint64_t va) const {
    const uint64_t high = ~uint64_t{0} << top_bit_;
    return VirtAddr((va >> top_bit_ & 1) != 0 ? va | high : va);
  }

  const PhysMem& memory_;
  VirtAddr first_;
  VirtAddr last_;
  unsigned top_bit_;  // the highest implemented address bit
  std::vector<TableEntry> entries_;
};

}  // namespace

std::vector<TableEntry> dump_tables(const PhysMem& memory, PhysAddr root, unsigned levels, VirtAddr start,
                                    uint64_t bytes) {
  TableDump dump(memory, levels, start, start + (bytes - 1));
  dump.table(root, levels, VirtAddr(0));
  return std::move(dump.entries());
}

}  // namespace mmusim::mm
