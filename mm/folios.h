// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "mm/buddy.h"
#include "mm/kernel.h"

namespace mmusim::mm {

/// Memory of HugeTLB folios: whole buddy blocks, or runs of them for gigantic ones (alloc_contig_pages).
class Folios {
 public:
  Folios(Context& context, Buddy& buddy) : context_(context), buddy_(buddy) {}

  std::optional<Folio> alloc(unsigned order, unsigned node);
  /// Takes what is free of this very folio off the free lists; nothing if it is not memory of the allocator.
  void claim(const Folio& folio);
  /// Gives back what alloc() or claim() took.
  void free(const Folio& folio);

 private:
  std::optional<Folio> alloc_contig(unsigned order, unsigned node);
  void make_compound(const Folio& folio);

  Context& context_;
  Buddy& buddy_;
  std::map<uint64_t, std::vector<Buddy::Block>> taken_;  // by head page
};

}  // namespace mmusim::mm
