// SPDX-License-Identifier: MIT
#include "mm/bootmem.h"

namespace mmusim::mm {

namespace {
constexpr const char* kCause = "register_page_bootmem_memmap";
}

/// get_page_bootmem: type and section go into the struct page, one reference is taken.
void Bootmem::get_page(PhysAddr page) {
  if (!context_.config.memmap_init) return;
  const VirtAddr p = context_.layout.pfn_to_page(pfn_of(page));
  constexpr uint64_t kSectionInfo = 13;
  context_.store(p + page_field::kIndex, kSectionInfo, 8);
  context_.store(p + page_field::kPrivate, 0, 8);
  context_.memory().read_modify_write(p + page_field::kRefcount, RmwOp::kAdd, 1, 4, /*locked=*/true);
}

/// Takes a reference to a page that several sections share: a table of `level`, or usage maps (level 0).
void Bootmem::get_table_page(PhysAddr page, unsigned level) {
  LastTable& last = last_[level];
  if (last.pfn != pfn_of(page).raw) last = {pfn_of(page).raw, &table_references_[pfn_of(page).raw]};
  ++*last.references;
  get_page(page);
}

void Bootmem::register_pgdat(PhysAddr pgdat, uint64_t bytes) {
  for (uint64_t at = 0; at < bytes; at += kPageBytes) get_page(pgdat + at);
}

void Bootmem::register_usage(PhysAddr usage) { get_table_page(usage.align_down(kPageBytes), 0); }

void Bootmem::register_memmap(uint64_t section) {
  const VirtAddr start = context_.layout.pfn_to_page(Pfn(section * kPagesPerSection));
  const VirtAddr end = start + context_.layout.section_memmap_bytes();
  for (VirtAddr va = start; va < end;) {
    VirtAddr next = level_end(va, end, 1);
    Table table = tables_.root();
    uint64_t entry = 0;
    bool present = true;
    // The folded P4D of 4 levels is looked at as PGD and as P4D: its table is counted twice.
    if (tables_.levels() == 4) {
      entry = tables_.read(table, 4, va, kCause);
      if (!entry_none(entry)) get_table_page(entry_address(entry), 5);
    }
    for (unsigned level = tables_.levels(); level >= 2 && present; --level) {
      entry = tables_.read(table, level, va, kCause);
      present = !entry_none(entry);
      if (!present || (level == 2 && context_.huge_vmemmap())) break;
      get_table_page(entry_address(entry), level);
      table = tables_.child(entry);
    }
    if (context_.huge_vmemmap()) {
      next = level_end(va, end, 2);
      if (present && entry_leaf(entry)) {
        const PhysAddr block = leaf_address(entry, kPmdBytes);
        for (uint64_t i = 0; i < kEntriesPerTable; ++i) get_page(block + i * kPageBytes);
      }
    } else if (present) {
      const uint64_t pte = tables_.read(table, 1, va, kCause);
      if (!entry_none(pte)) get_page(entry_address(pte));
    }
    va = next;
  }
}

bool Bootmem::is_boot_page(Pfn pfn) const {
  return memblock_.is_reserved(address_of(pfn)) && !given_back_.contains(pfn.raw);
}

bool Bootmem::put_page(Pfn pfn) {
  const auto references = table_references_.find(pfn.raw);
  if (references != table_references_.end() && --references->second > 0) return false;
  if (references != table_references_.end()) {
    table_references_.erase(references);
    for (LastTable& last : last_) last = {};
  }
  given_back_.insert(pfn.raw);
  if (buddy_.manages(pfn)) {
    context_.freed(AllocSource::kMemblock, address_of(pfn), kPageBytes, buddy_.node_of(pfn), "put_page_bootmem");
    buddy_.free_pages_core(pfn, 0);
  }
  return true;
}

}  // namespace mmusim::mm
