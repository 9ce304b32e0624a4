// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_array.h"

namespace mmusim {

void TlbArray::clear() {
  array_.clear();
  for (Entry& entry : entries_) ++entry.serial;
}

/// Returns the entry with that key, whose translation is still in `slot`.
DisplacedEntry TlbArray::displaced_of(uint64_t key, unsigned slot) const {
  const EntryKind kind = kind_of_key(key);
  if (kind == EntryKind::kPde) return {};
  return {true, kind, static_cast<uint16_t>(space_of(key) & 0xfff), first_byte_of(key), entries_[slot].translation};
}

unsigned TlbArray::invalidate(const Invalidation& operation) {
  unsigned removed = 0;
  for_each([&](unsigned slot, VirtAddr page, EntryKind kind, uint16_t pcid, bool global) {
    bool goes = false;
    if (kind == EntryKind::kPde) {
      goes = removes_structure(operation, pcid, page, shift_of(kind));
    } else if (kind == EntryKind::k16K) {
      goes = removes_translation(operation, pcid, global, page, PageSize::k4K);
      for (unsigned i = 1; i < 4 && !goes; ++i) {
        goes = removes_translation(operation, pcid, global, page + i * kPageBytes, PageSize::k4K);
      }
    } else {
      goes = removes_translation(operation, pcid, global, page, entries_[slot].translation.mapping_shift());
    }
    if (!goes) return;
    erase(slot);
    ++removed;
  });
  return removed;
}

}  // namespace mmusim
