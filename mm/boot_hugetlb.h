// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mm/hugetlb_vmemmap.h"
#include "mm/memblock.h"
#include "mm/sparse.h"

namespace mmusim::mm {

/// Gigantic pages reserved from memblock before struct pages exist (hugepagesz=1G hugepages=N) [vmemmap spec 5.6.5].
///
/// With boot-time optimisation (6.15 and later) their sections are left out of sparse_init and get an optimised map
/// once the zones are known; before that version they are optimised after boot like any other folio.
class BootHugetlb {
 public:
  BootHugetlb(Context& context, Memblock& memblock, Vmemmap& vmemmap, Sparse& sparse, HugetlbVmemmap& hugetlb,
              Buddy& buddy)
      : context_(context), memblock_(memblock), vmemmap_(vmemmap), sparse_(sparse), hugetlb_(hugetlb), buddy_(buddy) {}

  /// hugetlb_bootmem_alloc: as many of the configured pages as fit, in turn from each node with memory. Marks their
  /// sections when they are to be populated optimised.
  void alloc();
  /// hugetlb_vmemmap_init_late: populates the marked sections; after the zones are known, before memmap_init.
  Errno populate();
  /// gather_bootmem_prealloc: write-protects the tail pages, or optimises the folios now.
  Errno finish();

  const std::vector<Folio>& folios() const { return folios_; }

 private:
  bool at_boot() const { return context_.config.hvo && context_.profile.hvo_at_boot; }
  bool in_one_zone(const Folio& folio) const;
  VirtAddr memmap_end(const Folio& folio) const;

  Context& context_;
  Memblock& memblock_;
  Vmemmap& vmemmap_;
  Sparse& sparse_;
  HugetlbVmemmap& hugetlb_;
  Buddy& buddy_;
  std::vector<Folio> folios_;
  std::vector<Folio> populated_;  // optimised, tails still writable
};

}  // namespace mmusim::mm
