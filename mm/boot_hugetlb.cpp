// SPDX-License-Identifier: MIT
#include "mm/boot_hugetlb.h"

#include <set>

#include "mm/section_math.h"

namespace mmusim::mm {

namespace {
constexpr unsigned kGiganticOrder = 18;
constexpr uint64_t kGiganticPages = uint64_t{1} << kGiganticOrder;
constexpr uint64_t kGiganticBytes = kGiganticPages << kPageShift;
}  // namespace

void BootHugetlb::alloc() {
  std::set<unsigned> nodes;
  for (const auto& m : memblock_.memory()) nodes.insert(m.node);
  while (folios_.size() < context_.config.boot_gigantic_pages) {
    const size_t before = folios_.size();
    for (const unsigned node : nodes) {
      if (folios_.size() == context_.config.boot_gigantic_pages) break;
      const auto pa = memblock_.alloc_exact_nid(kGiganticBytes, kGiganticBytes, PhysAddr(0), node);
      if (!pa) continue;
      context_.allocated(AllocSource::kMemblock, *pa, kGiganticBytes, node, "alloc_bootmem_huge_page");
      folios_.push_back({pfn_of(*pa), kGiganticOrder});
    }
    if (folios_.size() == before) {
      context_.log(LogLevel::kWarning,
                   "HugeTLB: allocating {} of page size 1.00 GiB failed.  Only allocated {} hugepages.",
                   context_.config.boot_gigantic_pages, before);
      break;
    }
  }
  if (!at_boot()) return;
  for (const Folio& folio : folios_) {
    const uint64_t first = section_of(folio.head);
    for (uint64_t s = first; s < first + kGiganticPages / kPagesPerSection; ++s) sparse_.preinit_section(s);
  }
}

VirtAddr BootHugetlb::memmap_end(const Folio& folio) const {
  return context_.layout.pfn_to_page(folio.head + (uint64_t{1} << folio.order));
}

bool BootHugetlb::in_one_zone(const Folio& folio) const {
  return buddy_.zone_kind(folio.head) == buddy_.zone_kind(folio.head + (kGiganticPages - 1));
}

Errno BootHugetlb::populate() {
  if (!at_boot()) return Errno::kSuccess;
  for (const Folio& folio : folios_) {
    const VirtAddr start = context_.layout.pfn_to_page(folio.head);
    const VirtAddr end = memmap_end(folio);
    const unsigned node = memblock_.node_of(address_of(folio.head)).value_or(0);
    Errno result;
    if (in_one_zone(folio)) {
      const auto tail = hugetlb_.shared_tail(folio);
      result = tail ? vmemmap_.vmemmap_populate_hvo(start, end, node, tail) : Errno::kNoMemory;
      if (ok(result)) populated_.push_back(folio);
    } else {
      result = vmemmap_.vmemmap_populate(start, end, node, nullptr);
    }
    if (!ok(result)) return result;
  }
  return Errno::kSuccess;
}

Errno BootHugetlb::finish() {
  for (const Folio& folio : populated_) {
    const VirtAddr start = context_.layout.pfn_to_page(folio.head);
    const uint64_t pages = (memmap_end(folio) - start) >> kPageShift;
    // [V-8] the bug takes the number of 4 KiB pages of the folio for bytes of struct pages.
    const bool bug = context_.profile.hvo_protects_bytes_not_pages;
    const VirtAddr end = start + (bug ? kGiganticPages : pages << kPageShift);
    vmemmap_.vmemmap_wrprotect_hvo(start + kPageBytes, end);
    hugetlb_.adopt(folio);
  }
  if (!populated_.empty()) context_.flush_tlb_all("vmemmap_wrprotect_hvo");
  std::vector<Folio> others;
  for (const Folio& folio : folios_)
    if (!hugetlb_.is_optimized(folio)) others.push_back(folio);
  return others.empty() ? Errno::kSuccess : hugetlb_.optimize(others);
}

}  // namespace mmusim::mm
