// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/config.h"
#include "models/x86/translate.h"

namespace mmusim {

enum class TlbPrefetcherKind : uint8_t { kNone, kNextPage, kStride, kDistance };

struct TlbPrefetcherConfig {
  TlbPrefetcherKind kind = TlbPrefetcherKind::kNone;
  unsigned degree = 1;    ///< pages that one miss can ask for
  unsigned entries = 64;  ///< distances that kDistance remembers
};
/// Reads "kind", "degree" and "entries".
TlbPrefetcherConfig read_tlb_prefetcher_config(ConfigReader reader);

/// Rule that says which pages a second-level TLB has walked before they are needed. State only. It hears of the misses, by
/// number of the page (of its own size).
class TlbPrefetcher {
 public:
  virtual ~TlbPrefetcher() = default;
  /// Appends to `wanted` what is to be walked after a miss of `page`.
  virtual void missed(uint64_t page, std::vector<uint64_t>& wanted) = 0;
};

/// Returns the prefetcher that the configuration names; nullptr for none.
///
///   kNextPage  the next `degree` pages (sequential prefetching).
///   kStride    after a miss as far from the one before as that was from its predecessor, the next `degree` pages at that
///              distance (arbitrary-stride prefetching, without the instruction's address, which the TLB does not see).
///   kDistance  the pages at the `degree` distances that followed the distance between the last two misses most recently
///              (distance prefetching; Kandiraju and Sivasubramaniam, "Going the Distance for TLB Prefetching", ISCA 2002).
std::unique_ptr<TlbPrefetcher> make_tlb_prefetcher(const TlbPrefetcherConfig& config);

/// Returns true if a page may be walked before an access of `type` to it: it is mapped, allows that access, and the walk
/// stores no accessed flag. Hardware finds that out in the walk itself.
template <EntryMemory M>
bool can_prefetch(const ControlState& control, VirtAddr va, AccessType type, M&& memory) {
  if (!control.canonical(va)) return false;
  Walk walk(control, va);
  while (!walk.done()) walk.feed(memory.load_entry(walk.entry_pa(), control.entry_bytes()));
  return !walk.fault() && !walk.needs_update(type) && !check_rights(control, walk.translation(), type);
}

}  // namespace mmusim
