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
  kRegions,  ///< one line in each of many pages of 4 KiB, region after region of 2 MiB in turn: paging-structure caches
};

/// Boundary that each load of eight bytes crosses.
enum class Crossing : uint8_t {
  kNone,
  kLine,  ///< of two lines of one page
  kPage,  ///< of two pages of 4 KiB
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
  Crossing crossing = Crossing::kNone;  ///< of kPages with a shared frame
  uint64_t regions = 0;                 ///< of kRegions: regions of 2 MiB
  uint64_t gibs = 0;                    ///< of kRegions: the regions are dealt out to so many GiB; 0: they are adjacent
  uint64_t pte_lines = 1;               ///< of kRegions: lines of the page table of a region
  uint64_t ptes = 1;                    ///< of kRegions: pages of each of these lines, 1, 2, 4 or 8
  uint64_t visit = 1;                   ///< of kRegions: steps in a region before the next one's turn
};

/// Returns a chase of kRegions over `pages` pages at least, spread evenly over the regions. All pages are mapped to one
/// frame. `pages` is at most 480 for each region; `gibs` GiB, if not 0, hold 512 regions each at most.
///
/// Between two steps in a region all others have their turn, always in the same order; the same is true for the GiB. Before
/// a line of a page table comes again, all others have come. A page comes before the one below it in the same line, so that
/// a processor that fetches the next page's translation with each walk gains nothing.
Chase region_chase(uint64_t pages, uint64_t regions, uint64_t gibs, uint64_t visit);

/// Returns a chase over every second of some adjacent pages, with loads that cross such a boundary: into the page between, or
/// into another line of the same page.
Chase crossing_chase(uint64_t count, Crossing crossing);

/// One step of a round.
struct Step {
  uint64_t page = 0;    ///< number of the page from the begin of the region
  uint64_t offset = 0;  ///< in the page; a multiple of 64, where the load crosses nothing
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
