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

  /// Makes 2 MiB folios of one that was taken and is not optimised; none if it was not taken.
  std::vector<Folio> demote(const Folio& folio);
  std::optional<Folio> alloc(unsigned order, unsigned node);
  /// `count` folios of `order`, at equal distances among the places of the node that are free; fewer if there are
  /// fewer.
  std::vector<Folio> alloc_scattered(unsigned order, uint64_t count, unsigned node);
  /// Takes what is free of this very folio off the free lists; nothing if it is not memory of the allocator.
  void claim(const Folio& folio);
  /// Holds a folio whose pages are no free list's and never were: boot took it from memblock.
  void adopt(const Folio& folio);
  /// Gives back what alloc(), claim() or adopt() took.
  void free(const Folio& folio);
  /// Folios that are not free, ascending.
  std::vector<Folio> taken() const;

 private:
  std::optional<Folio> alloc_contig(unsigned order, unsigned node);
  /// Calls fn(head) for each aligned place of the node, ascending, that is all free, until it returns false.
  void take(const Folio& folio);
  void make_compound(const Folio& folio);

  Context& context_;
  Buddy& buddy_;
  struct Taken {
    unsigned order;
    std::vector<Buddy::Block> blocks;  // what came from the free lists
  };
  std::map<uint64_t, Taken> taken_;  // by head page
};

}  // namespace mmusim::mm
