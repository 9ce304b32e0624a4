// SPDX-License-Identifier: MIT
#include "mm/set_memory.h"

#include <algorithm>

namespace mmusim::mm {

/// From 6.6 on set_memory_ro clears the dirty bit too, as PAGE_KERNEL_RO does.
SetMemory::Change SetMemory::change_of(MemoryProtection protection) const {
  if (protection == MemoryProtection::kWritable) return {kPageRw, 0};
  const bool clean = (context_.profile.page_kernel_ro & kPageDirty) == 0;
  return {0, kPageRw | (clean ? kPageDirty : 0)};
}

Errno SetMemory::set(PhysAddr start, uint64_t pages, MemoryProtection protection, bool alias) {
  const Change change = change_of(protection);
  const VirtAddr first = context_.layout.direct_map(start);
  context_.call(protection == MemoryProtection::kReadOnly ? "set_memory_ro" : "set_memory_rw", first,
                first + pages * kPageBytes);
  Step sum{0};
  while (sum.pages < pages && ok(sum.result)) {
    const Step step = change_page_attr(first + sum.pages * kPageBytes, alias ? 1 : pages - sum.pages, change);
    sum = {sum.pages + step.pages, sum.changed || step.changed, step.result};
  }
  if (!sum.changed) return sum.result;
  if (alias || !ok(sum.result)) {
    context_.flush_tlb_all("cpa_flush");
  } else {
    context_.tlb.cpa_flush(first, pages);
  }
  return sum.result;
}

SetMemory::Entry SetMemory::lookup_address(VirtAddr va) {
  Table table = tables_.root();
  for (unsigned level = tables_.levels();; --level) {
    const uint64_t value = tables_.read(table, level, va, "lookup_address");
    if (entry_none(value) || level == 1 || entry_leaf(value)) return {table, level, value};
    table = tables_.child(value);
  }
}

/// __change_page_attr: as many pages from `va` on as one leaf maps.
SetMemory::Step SetMemory::change_page_attr(VirtAddr va, uint64_t pages, const Change& change) {
  for (;;) {
    const Entry entry = lookup_address(va);
    if (entry_none(entry.value)) return {1};
    const uint64_t bytes = level_bytes(entry.level);
    const uint64_t covered = std::min(pages, (va.align_down(bytes) + bytes - va) >> kPageShift);
    const uint64_t value = change.of(entry.value);
    if (value == entry.value) return {covered};
    if (entry.level == 1 || covered == bytes >> kPageShift) {
      tables_.write(entry.table, entry.level, va, entry.value, value, "__change_page_attr");
      return {covered, true};
    }
    if (!split_large_page(entry, va)) return {0, false, Errno::kNoMemory};
  }
}

/// Replaces a 2 MiB or 1 GiB leaf by a table of leaves of the next smaller size. Its page is not cleared; what it held
/// was no entry.
bool SetMemory::split_large_page(const Entry& large, VirtAddr va) {
  constexpr const char* kCause = "split_large_page";
  const auto page = buddy_.alloc_pages(0, 0, kCause);
  if (!page) return false;
  const Table table = tables_.table_at(address_of(*page));
  const unsigned level = large.level - 1;
  const uint64_t bytes = level_bytes(large.level), step = level_bytes(level);
  const PhysAddr first = leaf_address(large.value, bytes);
  uint64_t flags = large.value & ~kEntryAddressMask;
  if (level == 1) flags &= ~kPagePse;
  for (unsigned i = 0; i < kEntriesPerTable; ++i) {
    tables_.write(table, level, va.align_down(bytes) + i * step, 0, (first + i * step).raw() | flags, kCause);
  }
  tables_.write(large.table, large.level, va, large.value, table.pa.raw() | kKernpgTable, kCause);
  context_.flush_tlb_all(kCause);
  return true;
}

}  // namespace mmusim::mm
