// SPDX-License-Identifier: MIT
#include "mm/sub_pmd.h"

namespace mmusim::mm {

namespace {
constexpr uint8_t kPageUnused = 0xfd;  // PAGE_UNUSED; 5.8 calls the same byte PAGE_INUSE
}

void SubPmd::vmemmap_flush_unused_pmd() {
  if (unused_pmd_start_ == VirtAddr(0)) return;
  const VirtAddr end = unused_pmd_start_.align_up(kPmdBytes);
  context_.fill(unused_pmd_start_, kPageUnused, end - unused_pmd_start_, "vmemmap_flush_unused_pmd");
  unused_pmd_start_ = VirtAddr(0);
}

/// One zeroed struct page keeps the leaf from being judged unused.
void SubPmd::mark_used(VirtAddr start) {
  context_.fill(start, 0, context_.layout.struct_page_bytes(), "vmemmap_mark_sub_pmd_used");
}

void SubPmd::vmemmap_use_new_sub_pmd(VirtAddr start, VirtAddr end) {
  if (!tracks()) return;
  const char* const cause = "vmemmap_use_new_sub_pmd";
  vmemmap_flush_unused_pmd();
  mark_used(start);
  if (!start.is_aligned(kPmdBytes)) {
    const VirtAddr leaf = start.align_down(kPmdBytes);
    context_.fill(leaf, kPageUnused, start - leaf, cause);
  }
  if (!end.is_aligned(kPmdBytes)) unused_pmd_start_ = end;
}

void SubPmd::vmemmap_use_sub_pmd(VirtAddr start, VirtAddr end) {
  if (!tracks()) return;
  if (unused_pmd_start_ == start) {
    unused_pmd_start_ = end.is_aligned(kPmdBytes) ? VirtAddr(0) : end;
    return;
  }
  vmemmap_flush_unused_pmd();
  mark_used(start);
}

bool SubPmd::vmemmap_pmd_is_unused(VirtAddr start, VirtAddr end) {
  if (tracks()) vmemmap_flush_unused_pmd();
  context_.fill(start, kPageUnused, end - start, "vmemmap_pmd_is_unused");
  constexpr uint64_t kPattern = uint64_t{0x0101010101010101} * kPageUnused;
  const VirtAddr leaf = start.align_down(kPmdBytes);
  for (uint64_t offset = 0; offset < kPmdBytes; offset += 8) {
    if (context_.load(leaf + offset, 8) != kPattern) return false;
  }
  return true;
}

}  // namespace mmusim::mm
