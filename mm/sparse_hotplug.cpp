// SPDX-License-Identifier: MIT
// Sections that come and go at run time: the memory-hotplug half of mm/sparse.c.
#include "mm/section_math.h"
#include "mm/sparse.h"

namespace mmusim::mm {

Errno Sparse::fill_subsection_map(VirtAddr usage, Pfn pfn, uint64_t pages) {
  const uint64_t mask = subsection_mask(pfn, pages);
  const VirtAddr word = subsection_word(usage);
  const uint64_t map = context_.load(word, 8);
  if (mask == 0) return Errno::kInvalid;
  if ((map & mask) != 0) return Errno::kExists;
  context_.store(word, map | mask, 8);
  return Errno::kSuccess;
}

Errno Sparse::section_activate(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source) {
  const VirtAddr entry = *entry_of(section_of(pfn));
  std::optional<PhysAddr> fresh;
  if (usage_of(entry) == VirtAddr(0)) {
    if (!context_.allocation_fails(AllocKind::kUsageMap)) {
      fresh = slab_.kzalloc(context_.profile.section_usage_bytes, node, "section_activate");
    }
    if (!fresh) return Errno::kNoMemory;
    context_.store(entry + 8, context_.layout.direct_map(*fresh).raw(), 8);
  }
  if (const Errno e = fill_subsection_map(usage_of(entry), pfn, pages); !ok(e)) {
    if (fresh) {
      context_.store(entry + 8, 0, 8);
      slab_.kfree(*fresh, "section_activate");
    }
    return e;
  }
  // Boot populated early sections whole: their struct pages are there already.
  const bool early = (load_map(entry) & section_flag::kEarly) != 0;
  if (pages < kPagesPerSection && early) return Errno::kSuccess;
  if (vmemmap_.populate_section_memmap(pfn, pages, node, source)) return Errno::kSuccess;
  section_deactivate(pfn, pages, source.altmap);
  return Errno::kNoMemory;
}

Errno Sparse::sparse_add_section(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source) {
  const uint64_t section = section_of(pfn);
  if (!entry_of(section)) {
    if (const Errno e = alloc_root(section, node); !ok(e)) return e;
  }
  if (const Errno e = section_activate(pfn, pages, node, source); !ok(e)) return e;
  const bool inaccessible = source.altmap != nullptr && source.altmap->inaccessible;
  if (context_.config.debug_vm && !inaccessible) {
    context_.fill(context_.layout.pfn_to_page(pfn), 0xff, pages * context_.layout.struct_page_bytes(),
                  "page_init_poison");
  }
  const VirtAddr entry = *entry_of(section);
  const uint64_t kept = load_map(entry) & section_flag::kMask;
  store_map(entry, context_.layout.vmemmap_base().raw() | kept | section_flag::kPresent | section_flag::kHasMemMap);
  mark_present(section);
  return Errno::kSuccess;
}

void Sparse::sparse_remove_section(Pfn pfn, uint64_t pages, Altmap* altmap) {
  const auto entry = entry_of(section_of(pfn));
  if (!entry || (load_map(*entry) & section_flag::kHasMemMap) == 0) {
    context_.log(LogLevel::kWarning, "WARNING: sparse_remove_section: section {:#x} is not valid", section_of(pfn));
    return;
  }
  section_deactivate(pfn, pages, altmap);
}

/// section_deactivate [L-8].
void Sparse::section_deactivate(Pfn pfn, uint64_t pages, Altmap* altmap) {
  const VirtAddr entry = *entry_of(section_of(pfn));
  const bool early = (load_map(entry) & section_flag::kEarly) != 0;
  const uint64_t mask = subsection_mask(pfn, pages);
  const VirtAddr usage = usage_of(entry);
  const uint64_t map = usage == VirtAddr(0) ? 0 : context_.load(subsection_word(usage), 8);
  if ((map & mask) != mask) {
    context_.log(LogLevel::kWarning, "section already deactivated ({:#x} + {})", pfn.raw, pages);
    return;
  }
  context_.store(subsection_word(usage), map & ~mask, 8);
  const bool empty = (map & ~mask) == 0;
  if (empty) {
    store_map(entry, load_map(entry) & ~section_flag::kHasMemMap);
    const PhysAddr object = context_.layout.direct_map_pa(usage);
    if (!memblock_.is_reserved(object)) {  // PG_reserved: usage maps from boot are kept
      slab_.kfree(object, "section_deactivate");
      context_.store(entry + 8, 0, 8);
    }
  }
  const Layout& layout = context_.layout;
  if (!early) {
    remove_.vmemmap_free(layout.pfn_to_page(pfn), layout.pfn_to_page(pfn + pages), altmap);
  } else if (empty) {
    const Pfn first = first_page(section_of(pfn));
    remove_.vmemmap_free(layout.pfn_to_page(first), layout.pfn_to_page(first + kPagesPerSection), nullptr);
  }
  if (empty) {
    store_map(entry, 0);
    unmark_present(section_of(pfn));
  }
}

void Sparse::online_sections(Pfn start, Pfn end) {
  for (uint64_t section = section_of(start); first_page(section) < end; ++section) {
    const VirtAddr entry = *entry_of(section);
    store_map(entry, load_map(entry) | section_flag::kOnline);
  }
}

void Sparse::offline_sections(Pfn start, Pfn end) {
  for (uint64_t section = section_of(start); first_page(section) < end; ++section) {
    const VirtAddr entry = *entry_of(section);
    store_map(entry, load_map(entry) & ~section_flag::kOnline);
  }
}

}  // namespace mmusim::mm
