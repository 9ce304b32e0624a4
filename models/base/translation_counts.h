// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "models/base/access.h"
#include "models/base/records.h"
#include "models/base/types.h"

namespace mmusim {

/// Page sizes as the processors' own counters tell them apart.
enum class PageGroup : uint8_t { k4K, kCoalesced, k2M4M, k1G };
template <>
inline constexpr size_t kCountOf<PageGroup> = 4;
using CountsByPage = EnumArray<PageGroup, uint64_t>;

constexpr PageGroup page_group(PageSize size, bool coalesced) {
  if (size == PageSize::k4K) return coalesced ? PageGroup::kCoalesced : PageGroup::k4K;
  return size == PageSize::k1G ? PageGroup::k1G : PageGroup::k2M4M;
}

constexpr const char* name_of(PageGroup group) {
  constexpr EnumArray<PageGroup, const char*> kNames = {"4k", "coalesced", "2m_4m", "1g"};
  return kNames[group];
}

/// Page walks that one kind of access (load, store, fetch) asked for.
struct WalkCounts {
  uint64_t started = 0;
  std::array<uint64_t, 3> completed{};    ///< with or without a fault: 4K, 2M/4M, 1G
  uint64_t pending = 0;                   ///< cycles, added up over all walks in progress; waiting for a walker apart
  uint64_t active = 0;                    ///< cycles in which at least one of these walks was in progress
  EnumArray<HitLevel, uint64_t> reads{};  ///< entries read, by where they were found

  /// Counts a walk that is over. A walk that found no page (not present, reserved bit) counts as one of 4 KiB.
  void complete(PageGroup page) {
    ++started;
    ++completed[page == PageGroup::k1G ? 2 : page == PageGroup::k2M4M ? 1 : 0];
  }

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("started", started, "walks started");
    v("completed_4k", completed[0], "walks that ended at a 4 KiB page or before any page was found");
    v("completed_2m_4m", completed[1], "walks that ended at a 2 MiB or 4 MiB page");
    v("completed_1g", completed[2], "walks that ended at a 1 GiB page");
    v("pending_cycles", pending, "cycles of these walks added up, waiting for a walker apart");
    v("active_cycles", active, "cycles in which at least one of these walks was in progress");
    for (const HitLevel hit : kAllOf<HitLevel>) {
      v(std::string("reads_") + name_of(hit), reads[hit], "entries these walks read, by where they were found");
    }
  }
};

/// Counts of one kind of access in the TLBs, as the processors' own counters count them.
struct TranslationCounts {
  uint64_t accesses = 0;
  CountsByPage second_level_hits{};    ///< first-level misses that the second level answered
  CountsByPage second_level_misses{};  ///< first-level misses that a walk answered
  WalkCounts walks;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("accesses", accesses, "accesses of the program");
    for (const PageGroup page : kAllOf<PageGroup>) {
      const std::string name = name_of(page);
      v("stlb_hits_" + name, second_level_hits[page], "first-level misses that the second level answered");
      v("stlb_misses_" + name, second_level_misses[page], "first-level misses that a walk answered");
    }
    v("walks", walks, "page walks");
  }
};

using TranslationCountsByKind = EnumArray<AccessKind, TranslationCounts>;

}  // namespace mmusim
