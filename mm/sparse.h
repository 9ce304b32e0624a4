// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "mm/memblock.h"
#include "mm/remove_pagetable.h"
#include "mm/result.h"
#include "mm/slab.h"
#include "mm/vmemmap.h"

namespace mmusim::mm {

/// Low bits of section_mem_map [vmemmap spec 1.6].
namespace section_flag {
inline constexpr uint64_t kPresent = 1 << 0;
inline constexpr uint64_t kHasMemMap = 1 << 1;
inline constexpr uint64_t kOnline = 1 << 2;
inline constexpr uint64_t kEarly = 1 << 3;
inline constexpr uint64_t kZoneDevice = 1 << 4;
inline constexpr uint64_t kPreinit = 1 << 5;  ///< IS_VMEMMAP_PREINIT, where HVO at boot exists
inline constexpr unsigned kMapLastBit = 6;    ///< SECTION_MAP_LAST_BIT: the early node id is above
inline constexpr uint64_t kMask = (1 << kMapLastBit) - 1;
}  // namespace section_flag

/// The mem_section tables in simulated memory, and their building at boot and at hotplug [mm/sparse.c].
class Sparse {
 public:
  Sparse(Context& context, Memblock& memblock, Vmemmap& vmemmap, RemovePagetable& remove, VmemmapAllocator& allocator,
         Slab& slab);

  /// sparse_vmemmap_init_nid_early: called once for each node, before its sections are populated and after its usage
  /// maps and sparse buffer are there. The sections it returns were or will be populated apart from the others
  /// (SECTION_IS_VMEMMAP_PREINIT).
  using InitEarly = std::function<std::vector<uint64_t>(unsigned node)>;
  /// sparse_init: marks memory present, then populates group by group. `pgdats` by node (see NodeData).
  Errno sparse_init(const std::vector<std::optional<PhysAddr>>& pgdats, const InitEarly& init_early);
  /// preinited_vmemmap_section.
  bool is_preinit(uint64_t section) const { return preinit_.contains(section); }
  /// sparse_init_subsection_map for one memory range [L-2].
  void set_subsections(Pfn start, Pfn end);

  /// sparse_add_section: one piece within a section [L-4].
  Errno sparse_add_section(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source);
  /// sparse_remove_section: the same piece, gone [L-8].
  void sparse_remove_section(Pfn pfn, uint64_t pages, Altmap* altmap);

  void online_sections(Pfn start, Pfn end);
  void offline_sections(Pfn start, Pfn end);

  bool pfn_valid(Pfn pfn);
  uint64_t section_mem_map(uint64_t section);
  uint64_t subsection_map(uint64_t section);
  bool is_early(uint64_t section) { return (section_mem_map(section) & section_flag::kEarly) != 0; }
  std::optional<PhysAddr> usage_pa(uint64_t section);
  /// Sections that have or had memory, ascending.
  const std::vector<uint64_t>& present_sections() const { return present_; }
  /// Address of the entry of a section; nullopt if its root does not exist.
  std::optional<VirtAddr> entry_of(uint64_t section) const;
  /// Like the function above, but without the kernel's load of the root pointer.
  std::optional<VirtAddr> known_entry(uint64_t section) const;
  /// Address of usage->subsection_map of a section; nullopt if it has no usage map.
  std::optional<VirtAddr> subsection_map_address(uint64_t section);
  /// Address of usage->pageblock_flags of a section, 0 if it has no usage map.
  VirtAddr pageblock_flags(uint64_t section);

 private:
  struct Group {
    unsigned node;
    std::vector<uint64_t> sections;
  };

  Errno memory_present(const Memblock::Region& region);
  Errno alloc_root(uint64_t section, unsigned node);
  Errno sparse_init_nid(const Group& group, std::optional<PhysAddr> pgdat, const InitEarly& init_early);
  void install_early_section(uint64_t section, PhysAddr usage, uint64_t more_flags);
  std::optional<PhysAddr> alloc_usage_maps(uint64_t bytes, unsigned node, std::optional<PhysAddr> pgdat);
  Errno section_activate(Pfn pfn, uint64_t pages, unsigned node, const PopulateSource& source);
  void section_deactivate(Pfn pfn, uint64_t pages, Altmap* altmap);
  Errno fill_subsection_map(VirtAddr usage, Pfn pfn, uint64_t pages);
  void mark_present(uint64_t section);
  void unmark_present(uint64_t section);

  uint64_t load_map(VirtAddr entry) { return context_.load(entry, 8); }
  void store_map(VirtAddr entry, uint64_t value) { context_.store(entry, value, 8); }
  VirtAddr usage_of(VirtAddr entry) { return VirtAddr(context_.load(entry + 8, 8)); }
  VirtAddr subsection_word(VirtAddr usage) const { return usage + context_.profile.subsection_map_offset; }

  Context& context_;
  Memblock& memblock_;
  Vmemmap& vmemmap_;
  RemovePagetable& remove_;
  VmemmapAllocator& allocator_;
  Slab& slab_;
  const uint64_t sections_per_root_;
  PhysAddr root_table_{0};  // what the pointer mem_section holds
  std::vector<uint64_t> present_;
  std::set<uint64_t> preinit_;
  std::map<uint64_t, VirtAddr> roots_;  // what the root table holds
};

}  // namespace mmusim::mm
