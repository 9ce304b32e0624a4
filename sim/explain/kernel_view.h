// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "mm/layout.h"
#include "sim/explain/explanation.h"

namespace mmusim {

/// The known facts about the kernel whose address space is explained.
struct KernelKnowledge {
  mm::Layout layout;
  /// Memory there is. Where nodes are not known (`nodes_known` false), `node` means nothing.
  std::vector<mm::MemoryRange> memory;
  bool nodes_known = true;
};

/// Finds what Linux keeps at `va`: the region, and for the vmemmap the page that the struct page there describes.
KernelView kernel_view(const KernelKnowledge& kernel, VirtAddr va);

/// The field of struct page at an offset, as the kernel names it; empty if the model does not know it.
std::string struct_page_field(unsigned offset);

}  // namespace mmusim
