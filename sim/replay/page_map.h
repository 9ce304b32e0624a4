// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "models/base/types.h"

namespace mmusim {

/// The page sizes of ranges of addresses, for a trace that has addresses only.
///
/// Read from /proc/PID/smaps (Linux, fs/proc/task_mmu.c, show_smap): each mapping has pages of its MMUPageSize
/// (KernelPageSize where that is missing). In a mapping of 4 KiB pages, AnonHugePages, ShmemPmdMapped and FilePmdMapped
/// together say how much of it 2 MiB pages map; which of its aligned 2 MiB regions these are smaps does not say, so the
/// regions that are touched first have them. Or from lines "START-END SIZE", addresses hexadecimal, the size 4K, 2M or
/// 1G. Lines of the two kinds may be mixed; '#' begins a comment.
class PageMap {
 public:
  /// Throws InputError with file and line for lines of neither kind, for ranges that overlap or are no multiples of
  /// their page size, and for sizes that x86-64 does not have; EnvironmentError if the file cannot be opened.
  static PageMap read(const std::string& path);

  /// Level of the leaf that maps `va`, asked when its page is touched first: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB). Outside
  /// all ranges it is `otherwise`, or less where so large a page would reach into a range.
  unsigned leaf_level(VirtAddr va, unsigned otherwise);

  bool covers(VirtAddr va) const;
  size_t ranges() const { return ranges_.size(); }
  /// Pages of 1 GiB that the ranges have.
  uint64_t gigabyte_pages() const;

 private:
  struct Range {
    VirtAddr end;                ///< the address after the range
    unsigned level = 1;          ///< of all its leaves
    uint64_t large_regions = 0;  ///< level 1: aligned 2 MiB regions that are still to become one page
  };
  friend class PageMapReader;

  bool reaches_into_range(VirtAddr va, unsigned level) const;

  std::map<VirtAddr, Range> ranges_;  // by first address
};

}  // namespace mmusim
