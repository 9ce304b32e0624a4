// SPDX-License-Identifier: MIT
#include "mm/sparse.h"

#include <algorithm>

#include "mm/section_math.h"

namespace mmusim::mm {

namespace {
constexpr uint64_t kSmpCacheBytes = 64;
}  // namespace

Sparse::Sparse(Context& context, Memblock& memblock, Vmemmap& vmemmap, RemovePagetable& remove,
               VmemmapAllocator& allocator, Slab& slab)
    : context_(context),
      memblock_(memblock),
      vmemmap_(vmemmap),
      remove_(remove),
      allocator_(allocator),
      slab_(slab),
      sections_per_root_(kPageBytes / context.config.mem_section_bytes) {}

std::optional<VirtAddr> Sparse::entry_of(uint64_t section) const {
  if (root_table_ == PhysAddr(0)) return std::nullopt;
  if (section >> (context_.layout.max_physmem_bits() - kSectionShift) != 0) return std::nullopt;
  const VirtAddr slot = context_.layout.direct_map(root_table_) + 8 * (section / sections_per_root_);
  const uint64_t root = context_.load(slot, 8);
  if (root == 0) return std::nullopt;
  return VirtAddr(root) + section % sections_per_root_ * context_.config.mem_section_bytes;
}

std::optional<VirtAddr> Sparse::known_entry(uint64_t section) const {
  const auto root = roots_.find(section / sections_per_root_);
  if (root == roots_.end()) return std::nullopt;
  return root->second + section % sections_per_root_ * context_.config.mem_section_bytes;
}

void Sparse::mark_present(uint64_t section) {
  const auto at = std::lower_bound(present_.begin(), present_.end(), section);
  if (at == present_.end() || *at != section) present_.insert(at, section);
}

void Sparse::unmark_present(uint64_t section) {
  const auto at = std::lower_bound(present_.begin(), present_.end(), section);
  if (at != present_.end() && *at == section) present_.erase(at);
}

/// sparse_index_init.
Errno Sparse::alloc_root(uint64_t section, unsigned node) {
  const char* const cause = "sparse_index_alloc";
  const uint64_t bytes = sections_per_root_ * context_.config.mem_section_bytes;
  if (context_.allocation_fails(AllocKind::kSectionRoot)) return Errno::kNoMemory;
  std::optional<PhysAddr> root;
  if (context_.slab_available) {
    root = slab_.kzalloc(bytes, node, cause);
  } else if ((root = memblock_.alloc_try_nid(bytes, kSmpCacheBytes, PhysAddr(0), PhysAddr(0), node))) {
    context_.allocated(AllocSource::kMemblock, *root, bytes, node, cause);
    context_.fill(context_.layout.direct_map(*root), 0, bytes, cause);
  }
  if (!root) return Errno::kNoMemory;
  const VirtAddr slot = context_.layout.direct_map(root_table_) + 8 * (section / sections_per_root_);
  context_.store(slot, context_.layout.direct_map(*root).raw(), 8);
  roots_[section / sections_per_root_] = context_.layout.direct_map(*root);
  return Errno::kSuccess;
}

Errno Sparse::memory_present(const Memblock::Region& region) {
  if (root_table_ == PhysAddr(0)) {
    const uint64_t sections = uint64_t{1} << (context_.layout.max_physmem_bits() - kSectionShift);
    const uint64_t bytes = 8 * ((sections + sections_per_root_ - 1) / sections_per_root_);
    const auto table = memblock_.alloc_try_nid(bytes, kSmpCacheBytes, PhysAddr(0), PhysAddr(0), std::nullopt);
    if (!table) return Errno::kNoMemory;
    context_.allocated(AllocSource::kMemblock, *table, bytes, memblock_.node_of(*table).value_or(0), "sparse_init");
    context_.fill(context_.layout.direct_map(*table), 0, bytes, "sparse_init");
    root_table_ = *table;
  }
  const uint64_t first = section_of(pfn_of(region.start));
  const uint64_t end = section_of(pfn_of(region.end - 1)) + 1;
  for (uint64_t section = first; section < end; ++section) {
    if (!entry_of(section)) {
      if (const Errno e = alloc_root(section, region.node); !ok(e)) return e;
    }
    const VirtAddr entry = *entry_of(section);
    if (load_map(entry) != 0) continue;  // the first range that touches a section fixes its node
    store_map(entry,
              uint64_t{region.node} << section_flag::kMapLastBit | section_flag::kOnline | section_flag::kPresent);
    mark_present(section);
  }
  return Errno::kSuccess;
}

Errno Sparse::sparse_init(const std::vector<std::optional<PhysAddr>>& pgdats, const InitEarly& init_early) {
  for (const Memblock::Region& region : memblock_.memory()) {
    if (const Errno e = memory_present(region); !ok(e)) return e;
  }
  // Runs of present sections with equal early node.
  std::vector<Group> groups;
  for (const uint64_t section : present_) {
    const auto node = static_cast<unsigned>(load_map(*entry_of(section)) >> section_flag::kMapLastBit);
    if (groups.empty() || groups.back().node != node) groups.push_back({node, {}});
    groups.back().sections.push_back(section);
  }
  Errno result = Errno::kSuccess;
  std::set<unsigned> begun;  // nodes whose first group was populated
  for (const Group& group : groups) {
    const auto pgdat = group.node < pgdats.size() ? pgdats[group.node] : std::nullopt;
    const bool first = begun.insert(group.node).second;
    if (const Errno e = sparse_init_nid(group, pgdat, first ? init_early : nullptr); !ok(e)) result = e;
  }
  vmemmap_.vmemmap_populate_print_last();
  return result;
}

/// sparse_early_usemaps_alloc_pgdat_section: in the section of the node's pgdat, so that they can go together.
std::optional<PhysAddr> Sparse::alloc_usage_maps(uint64_t bytes, unsigned node, std::optional<PhysAddr> pgdat) {
  if (context_.allocation_fails(AllocKind::kUsageMap)) return std::nullopt;
  std::optional<PhysAddr> usage;
  if (context_.config.memory_hotremove && context_.profile.usage_near_pgdat && pgdat) {
    const PhysAddr goal = pgdat->align_down(kSectionBytes);
    // early_pfn_to_nid of the section's start: the first online node where that is a hole.
    const unsigned owner = memblock_.node_of(goal).value_or(memblock_.memory().front().node);
    usage = memblock_.alloc_try_nid(bytes, kSmpCacheBytes, goal, goal + kSectionBytes, owner);
    if (!usage) usage = memblock_.alloc_try_nid(bytes, kSmpCacheBytes, goal, PhysAddr(0), owner);
  } else {
    usage = memblock_.alloc_try_nid(bytes, kSmpCacheBytes, PhysAddr(0), PhysAddr(0), node);
  }
  if (!usage) return std::nullopt;
  context_.allocated(AllocSource::kMemblock, *usage, bytes, node, "sparse_init_nid");
  context_.fill(context_.layout.direct_map(*usage), 0, bytes, "sparse_init_nid");
  return usage;
}

/// sparse_init_early_section.
void Sparse::install_early_section(uint64_t section, PhysAddr usage, uint64_t more_flags) {
  const VirtAddr entry = *entry_of(section);
  const uint64_t flags =
      more_flags | section_flag::kPresent | section_flag::kHasMemMap | section_flag::kOnline | section_flag::kEarly;
  store_map(entry, context_.layout.vmemmap_base().raw() | flags);
  context_.store(entry + 8, context_.layout.direct_map(usage).raw(), 8);
}

Errno Sparse::sparse_init_nid(const Group& group, std::optional<PhysAddr> pgdat, const InitEarly& init_early) {
  const uint64_t usage_bytes = context_.profile.section_usage_bytes;
  const auto usages = alloc_usage_maps(usage_bytes * group.sections.size(), group.node, pgdat);
  size_t done = 0;
  if (!usages) {
    context_.log(LogLevel::kError, "sparse_init_nid: node[{}] usemap allocation failed", group.node);
  } else {
    allocator_.sparse_buffer_init(group.sections.size(), group.node);
    PhysAddr usage = *usages;
    if (init_early) {
      for (const uint64_t section : init_early(group.node)) {
        preinit_.insert(section);
        if (!std::binary_search(group.sections.begin(), group.sections.end(), section)) continue;
        install_early_section(section, usage, section_flag::kPreinit);
        usage += usage_bytes;
      }
    }
    for (; done < group.sections.size(); ++done) {
      const uint64_t section = group.sections[done];
      const bool preinit = is_preinit(section);
      if (preinit && init_early) continue;  // installed above
      if (!preinit && !vmemmap_.populate_section_memmap(first_page(section), kPagesPerSection, group.node, {})) {
        context_.log(LogLevel::kError,
                     "sparse_init_nid: node[{}] memory map backing failed. Some memory will not be available.",
                     group.node);
        break;
      }
      install_early_section(section, usage, preinit ? section_flag::kPreinit : 0);
      usage += usage_bytes;
    }
    allocator_.sparse_buffer_fini();
  }
  // The failing section and all later ones of the group are absent.
  for (size_t i = done; i < group.sections.size(); ++i) {
    if (init_early && is_preinit(group.sections[i])) continue;
    store_map(*entry_of(group.sections[i]), 0);
    unmark_present(group.sections[i]);
  }
  return done == group.sections.size() ? Errno::kSuccess : Errno::kNoMemory;
}

void Sparse::set_subsections(Pfn start, Pfn end) {
  for (Pfn pfn = start; pfn < end;) {
    const uint64_t section = section_of(pfn);
    const Pfn next = std::min(first_page(section + 1), end);
    const auto entry = entry_of(section);
    if (entry && load_map(*entry) != 0) {
      const VirtAddr word = subsection_word(usage_of(*entry));
      context_.store(word, context_.load(word, 8) | subsection_mask(pfn, next - pfn), 8);
    }
    pfn = next;
  }
}

bool Sparse::pfn_valid(Pfn pfn) {
  const auto entry = entry_of(section_of(pfn));
  if (!entry) return false;
  const uint64_t map = load_map(*entry);
  if ((map & section_flag::kHasMemMap) == 0) return false;
  if ((map & section_flag::kEarly) != 0) return true;
  return (context_.load(subsection_word(usage_of(*entry)), 8) >> subsection_index(pfn) & 1) != 0;
}

uint64_t Sparse::section_mem_map(uint64_t section) {
  const auto entry = entry_of(section);
  return entry ? load_map(*entry) : 0;
}

uint64_t Sparse::subsection_map(uint64_t section) {
  const auto entry = entry_of(section);
  if (!entry) return 0;
  const VirtAddr usage = usage_of(*entry);
  return usage == VirtAddr(0) ? 0 : context_.load(subsection_word(usage), 8);
}

std::optional<PhysAddr> Sparse::usage_pa(uint64_t section) {
  const auto entry = entry_of(section);
  if (!entry) return std::nullopt;
  const VirtAddr usage = usage_of(*entry);
  if (usage == VirtAddr(0)) return std::nullopt;
  return context_.layout.direct_map_pa(usage);
}

std::optional<VirtAddr> Sparse::subsection_map_address(uint64_t section) {
  const auto usage = usage_pa(section);
  if (!usage) return std::nullopt;
  return subsection_word(context_.layout.direct_map(*usage));
}

VirtAddr Sparse::pageblock_flags(uint64_t section) {
  const auto map = subsection_map_address(section);
  return map ? *map + 8 : VirtAddr(0);
}

}  // namespace mmusim::mm
