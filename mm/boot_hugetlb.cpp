// SPDX-License-Identifier: MIT
#include "mm/boot_hugetlb.h"

#include <algorithm>
#include <set>

#include "mm/section_math.h"
#include "models/base/errors.h"

namespace mmusim::mm {

namespace {
constexpr unsigned kGiganticOrder = 18;
constexpr uint64_t kGiganticPages = uint64_t{1} << kGiganticOrder;
constexpr uint64_t kGiganticBytes = kGiganticPages << kPageShift;
}  // namespace

std::vector<unsigned> BootHugetlb::nodes() const {
  std::set<unsigned> nodes;
  for (const auto& m : memblock_.memory()) nodes.insert(m.node);
  return {nodes.begin(), nodes.end()};
}

void BootHugetlb::take(PhysAddr pa) {
  const unsigned node = memblock_.node_of(pa).value_or(0);
  context_.allocated(AllocSource::kMemblock, pa, kGiganticBytes, node, "alloc_bootmem_huge_page");
  folios_.push_back({pfn_of(pa), kGiganticOrder});
}

void BootHugetlb::alloc(const MemoryMap& map) {
  for (const BootHugePage& page : map.boot_hugetlb) {
    const bool free = memblock_.is_memory(page.start, kGiganticBytes) &&
                      std::none_of(memblock_.reserved().begin(), memblock_.reserved().end(),
                                   [&](const auto& r) { return r.start < page.end && page.start < r.end; });
    if (!free) {
      throw InputError(
          fmt::format("boot_hugetlb: the gigantic page at {} is not free memory when the kernel takes it", page.start));
    }
    memblock_.reserve(page.start, kGiganticBytes);
    take(page.start);
  }
  const size_t wanted = folios_.size() + context_.config.boot_gigantic_pages;
  while (folios_.size() < wanted) {
    const size_t before = folios_.size();
    for (const unsigned node : nodes()) {
      if (folios_.size() == wanted) break;
      if (const auto pa = memblock_.alloc_exact_nid(kGiganticBytes, kGiganticBytes, PhysAddr(0), node)) take(*pa);
    }
    if (folios_.size() == before) {
      context_.log(LogLevel::kWarning,
                   "HugeTLB: allocating {} of page size 1.00 GiB failed.  Only allocated {} hugepages.", wanted,
                   before);
      break;
    }
  }
}

bool BootHugetlb::on_node(const Folio& folio, unsigned node) const {
  return memblock_.node_of(address_of(folio.head)).value_or(0) == node;
}

std::vector<Folio> BootHugetlb::list_of(unsigned node) const {
  std::vector<Folio> list;
  for (const Folio& folio : folios_)
    if (on_node(folio, node)) list.push_back(folio);
  if (!context_.profile.boot_folios_in_order) std::reverse(list.begin(), list.end());
  return list;
}

bool BootHugetlb::in_one_zone(const Folio& folio) const {
  return buddy_.zone_kind(folio.head) == buddy_.zone_kind(folio.head + (kGiganticPages - 1));
}

Errno BootHugetlb::populate_hvo(const Folio& folio, unsigned node) {
  const VirtAddr start = context_.layout.pfn_to_page(folio.head);
  std::optional<PhysAddr> tail;
  if (context_.profile.hvo == HvoForm::kSharedTailPage) {
    tail = hugetlb_.shared_tail(folio);
    if (!tail) return Errno::kNoMemory;
  }
  const Errno result = vmemmap_.vmemmap_populate_hvo(start, start + hugetlb_.memmap_bytes(folio), node, tail);
  if (ok(result)) populated_.push_back(folio);
  return result;
}

std::vector<uint64_t> BootHugetlb::init_early(unsigned node) {
  std::vector<uint64_t> sections;
  if (!at_boot()) return sections;
  for (const Folio& folio : list_of(node)) {
    const bool here = context_.profile.boot_folios == BootFolios::kBeforeSections;
    if (here && !ok(populate_hvo(folio, node))) continue;
    const uint64_t first = section_of(folio.head);
    for (uint64_t s = first; s < first + kGiganticPages / kPagesPerSection; ++s) sections.push_back(s);
  }
  return sections;
}

Errno BootHugetlb::init_late() {
  if (!at_boot() || context_.profile.boot_folios != BootFolios::kAfterZones) return Errno::kSuccess;
  Errno result = Errno::kSuccess;
  for (const unsigned node : nodes()) {
    for (const Folio& folio : list_of(node)) {
      if (in_one_zone(folio) && ok(populate_hvo(folio, node))) continue;
      const VirtAddr start = context_.layout.pfn_to_page(folio.head);
      const Errno e = vmemmap_.vmemmap_populate(start, start + hugetlb_.memmap_bytes(folio), node, nullptr);
      if (!ok(e)) result = e;
    }
  }
  return result;
}

void BootHugetlb::hand_over(Folios& folios) const {
  for (const Folio& folio : folios_) folios.adopt(folio);
}

/// Per node: the list that hugetlb_init makes of the boot pages has them the other way round, and is flushed once.
void BootHugetlb::protect() {
  for (const unsigned node : nodes()) {
    bool any = false;
    for (auto folio = populated_.rbegin(); folio != populated_.rend(); ++folio) {
      if (!on_node(*folio, node)) continue;
      any = true;
      const VirtAddr start = context_.layout.pfn_to_page(folio->head);
      // [V-8] the bug takes the number of 4 KiB pages of the folio for bytes of struct pages.
      const bool bug = context_.profile.hvo_protects_bytes_not_pages;
      vmemmap_.vmemmap_wrprotect_hvo(start + kPageBytes,
                                     start + (bug ? kGiganticPages : hugetlb_.memmap_bytes(*folio)));
      hugetlb_.adopt(*folio);
    }
    if (any) context_.flush_tlb_all("hugetlb_vmemmap_optimize_bootmem_folios");
  }
  populated_.clear();
}

Errno BootHugetlb::hugetlb_init() {
  protect();
  hugetlb_.init_shared_tails();
  Errno result = Errno::kSuccess;
  for (const unsigned node : nodes()) {
    std::vector<Folio> others = list_of(node);
    std::erase_if(others, [&](const Folio& f) { return hugetlb_.is_optimized(f); });
    // Folios are collected in a list, which turns their order round, before they are optimised in batches.
    if (context_.profile.hvo_batches) std::reverse(others.begin(), others.end());
    if (others.empty()) continue;
    if (const Errno e = hugetlb_.optimize(others); !ok(e)) result = e;
  }
  return result;
}

}  // namespace mmusim::mm
