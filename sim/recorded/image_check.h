// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/recorded/page_table_image.h"

namespace mmusim {

/// Counts of the recorded answers of an image that come out again.
struct ImageCheck {
  struct Figure {
    uint64_t agree = 0;
    uint64_t of = 0;
  };
  Figure answers;                          ///< `gva2gpa`: address translations the recorded machine gave
  Figure ranges;                           ///< `info_mem`: ranges of equal effective rights; nothing else may be mapped
  Figure leaf_groups;                      ///< `leaf_stats`: numbers of leaves by level, effective rights and flags
  std::vector<std::string> disagreements;  ///< the first few

  bool all_agree() const {
    return answers.agree == answers.of && ranges.agree == ranges.of && leaf_groups.agree == leaf_groups.of;
  }
};

/// Translates an address, rights aside; nullopt if it does not translate. The pure walk, or a whole machine.
using TranslateFn = std::function<std::optional<PhysAddr>(VirtAddr)>;

/// The pure walk over the image's tables. Both must outlive the result.
TranslateFn pure_translation(const PageTableImage& image, PhysMem& memory);

/// Compares the image in `memory` with the answers recorded beside it. Throws InputError if those are malformed.
ImageCheck check_image(const PageTableImage& image, PhysMem& memory, const TranslateFn& translate);

}  // namespace mmusim
