// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mm/folios.h"
#include "mm/hugetlb_vmemmap.h"
#include "mm/memblock.h"
#include "mm/sparse.h"

namespace mmusim::mm {

/// Gigantic pages reserved from memblock before struct pages exist (hugepagesz=1G hugepages=N) [vmemmap spec 5.6.5,
/// kernel-versions.md "Boot-time gigantic folios"].
///
/// In versions that optimise them at boot (Profile::boot_folios), their sections are left out of the loop over a
/// node's sections and get an optimised map; before that they are optimised by hugetlb_init like any other folio.
class BootHugetlb {
 public:
  BootHugetlb(Context& context, Memblock& memblock, Vmemmap& vmemmap, HugetlbVmemmap& hugetlb, Buddy& buddy)
      : context_(context), memblock_(memblock), vmemmap_(vmemmap), hugetlb_(hugetlb), buddy_(buddy) {}

  /// hugetlb_bootmem_alloc: the pages that `map` names, in its order, then as many of the configured number as fit, in
  /// turn from each node with memory. Throws InputError if a named page is not free memory.
  void alloc(const MemoryMap& map);
  /// hugetlb_vmemmap_init_early, for sparse_init_nid: the sections that the loop over the node's sections leaves out,
  /// in the order in which they take their usage maps. Populates them where the version does it here; a folio for
  /// which memory is short is left to that loop.
  std::vector<uint64_t> init_early(unsigned node);
  /// hugetlb_vmemmap_init_late: populates the marked sections of all nodes where the version does it once the zones are
  /// known, before memmap_init. kNoMemory if a folio could be mapped neither optimised nor whole.
  Errno init_late();
  /// The folios' memory never was in the buddy allocator: from now on `folios` holds it and can give it back. After
  /// memblock_free_all.
  void hand_over(Folios& folios) const;
  /// The tails of folios that were populated optimised lose their write permission, once.
  void protect();
  /// hugetlb_init: protect(), where the version did not do so before mem_init, then optimises the other folios.
  Errno hugetlb_init();

  bool early_protection() const { return context_.profile.boot_folios_protected_early; }
  const std::vector<Folio>& folios() const { return folios_; }  ///< in order of allocation

 private:
  bool at_boot() const { return hugetlb_.enabled() && context_.profile.boot_folios != BootFolios::kAfterBoot; }
  bool in_one_zone(const Folio& folio) const;
  bool on_node(const Folio& folio, unsigned node) const;
  /// huge_boot_pages of a node, in the order of the list.
  std::vector<Folio> list_of(unsigned node) const;
  std::vector<unsigned> nodes() const;
  Errno populate_hvo(const Folio& folio, unsigned node);
  void take(PhysAddr pa);

  Context& context_;
  Memblock& memblock_;
  Vmemmap& vmemmap_;
  HugetlbVmemmap& hugetlb_;
  Buddy& buddy_;
  std::vector<Folio> folios_;
  std::vector<Folio> populated_;  // optimised, tails still writable; in that order
};

}  // namespace mmusim::mm
