// SPDX-License-Identifier: MIT
#pragma once

#include "mm/layout.h"

namespace mmusim::mm {

constexpr uint64_t section_of(Pfn pfn) { return pfn.raw / kPagesPerSection; }
constexpr Pfn first_page(uint64_t section) { return Pfn(section * kPagesPerSection); }
/// Index of the sub-section of a page within its section [C-6].
constexpr unsigned subsection_index(Pfn pfn) {
  return static_cast<unsigned>(pfn.raw % kPagesPerSection / kPagesPerSubsection);
}
/// Bits of the sub-sections that [pfn, pfn + pages) of one section touches.
constexpr uint64_t subsection_mask(Pfn pfn, uint64_t pages) {
  if (pages == 0) return 0;
  const unsigned first = subsection_index(pfn);
  const unsigned last = subsection_index(pfn + (pages - 1));
  return (~uint64_t{0} >> (63 - (last - first))) << first;
}

}  // namespace mmusim::mm
