// SPDX-License-Identifier: MIT
#pragma once

#include "mm/context.h"

namespace mmusim::mm {

/// Tracking of 2 MiB leaves of which only a part holds struct pages (80-byte struct pages) [vmemmap spec 3.3].
///
/// From 5.13 unused bytes hold PAGE_UNUSED (0xfd); the end of the last populated range is remembered instead of filled,
/// since the next section usually continues there. 5.8 only marks bytes that are removed.
class SubPmd {
 public:
  explicit SubPmd(Context& context) : context_(context) {}

  /// A new leaf, of which only [start, end) is used.
  void vmemmap_use_new_sub_pmd(VirtAddr start, VirtAddr end);
  /// [start, end) of a leaf that was there already.
  void vmemmap_use_sub_pmd(VirtAddr start, VirtAddr end);
  /// [start, end) is removed: true if nothing of the leaf is used any more.
  bool vmemmap_pmd_is_unused(VirtAddr start, VirtAddr end);

 private:
  bool tracks() const { return context_.profile.sub_pmd == SubPmdTracking::kUnusedPattern; }
  void vmemmap_flush_unused_pmd();
  void mark_used(VirtAddr start);

  Context& context_;
  VirtAddr unused_pmd_start_{0};  // 0: nothing is pending
};

}  // namespace mmusim::mm
