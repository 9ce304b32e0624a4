// SPDX-License-Identifier: MIT
#include "sim/trace/fetch_filter.h"

#include <algorithm>

namespace mmusim {

void FetchFilter::apply(TraceBatch& batch) {
  constexpr uint64_t kDropped = ~uint64_t{0};
  if (kept_as_.empty()) kept_as_.assign(kReach, kDropped);
  size_t to = 0;
  size_t event = 0;
  for (size_t from = 0; from < batch.accesses.size(); ++from) {
    for (; event < batch.events.size() && batch.events[event].before <= from; ++event) {
      batch.events[event].before = static_cast<uint32_t>(to);
    }
    MemAccess access = batch.accesses[from];
    const uint64_t number = seen_++;
    if (access.kind == AccessKind::kFetch) {
      kept_as_[number % kReach] = kDropped;
      ++fetches_;
      continue;
    }
    if (access.depends_on != 0) {
      const uint64_t source = access.depends_on <= number ? kept_as_[(number - access.depends_on) % kReach] : kDropped;
      access.depends_on = source == kDropped ? uint16_t{0} : static_cast<uint16_t>(kept_ - source);
    }
    const uint64_t gap = access.gap + (fetches_ == 0 ? 0 : fetches_ - 1);
    access.gap = static_cast<uint16_t>(std::min<uint64_t>(gap, UINT16_MAX));
    fetches_ = 0;
    kept_as_[number % kReach] = kept_++;
    batch.accesses[to] = access;
    if (!batch.pcs.empty()) batch.pcs[to] = batch.pcs[from];
    ++to;
  }
  for (; event < batch.events.size(); ++event) batch.events[event].before = static_cast<uint32_t>(to);
  batch.accesses.resize(to);
  if (!batch.pcs.empty()) batch.pcs.resize(to);
}

}  // namespace mmusim
