// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/types.h"

namespace mmusim {

/// Memory that the steps of a chase touch.
enum class ChaseKind : uint8_t {
  kLines,       ///< adjacent lines within large pages: caches without the TLB
  kPages,       ///< one line in each page
  kFetches,     ///< one instruction in each page of 4 KiB
  kFetchLines,  ///< one instruction in each of adjacent lines
};

/// A round of accesses that real and simulated machines are measured with. Each step but for lanes waits for the one
/// before it. The order of the steps is random and always the same for the same chase.
struct Chase {
  ChaseKind kind = ChaseKind::kPages;
  PageSize pages = PageSize::k4K;  ///< of kPages; kLines use 2 MiB pages, or 4 KiB where there are none
  uint64_t count = 0;              ///< steps of a round
  uint64_t stride = 1;             ///< pages from one group to the next
  uint64_t group = 1;              ///< adjacent pages of a group
  uint64_t window = 0;             ///< steps are shuffled within so many; 0: all
  unsigned lanes = 1;              ///< chains of steps that proceed at the same time
  bool shared_frame = false;       ///< all pages of kPages are mapped to one frame, so that data stay in the L1 cache
  bool apart = false;              ///< kLines of which each lies in another 4 KiB of its large page
  bool cold = false;               ///< kLines that no cache holds: eight lines in each of some far-apart 4 KiB
};

/// One step of a round.
struct Step {
  uint64_t page = 0;    ///< number of the page from the begin of the region
  uint64_t offset = 0;  ///< in the page; a multiple of 64
};

/// Returns the steps of a round in the order in which they are made; `count` is rounded down to whole lanes, but there is
/// one step at least for each.
///
/// Step i of a region touches the line (i + i / 64) % 64 of a 4 KiB piece: each 64 steps from a multiple of 64 on fall
/// into 64 different sets of a cache. The lines of kLines and kPages fall into the same sets of a first-level cache in the
/// same order, so that their difference is the cost of translation alone.
std::vector<Step> steps_of(const Chase& chase);

/// Returns how many pages from its begin on the region of a chase reaches.
uint64_t pages_spanned(const Chase& chase);

}  // namespace mmusim
