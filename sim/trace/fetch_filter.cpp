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
    const auto moved = [&](uint16_t distance) {
      const uint64_t source = distance <= number ? kept_as_[(number - distance) % kReach] : kDropped;
      return source == kDropped ? uint16_t{0} : static_cast<uint16_t>(kept_ - source);
    };
    if (access.depends_on != 0) {
      const MemAccess told = access;
      access.depends_on = 0;
      access.also_depends_on = {};
      add_producer(access, moved(told.depends_on));
      for (const uint16_t distance : told.also_depends_on) {
        if (distance != 0) add_producer(access, moved(distance));
      }
    }
    if (fetches_ != 0) access.continues = false;  // the instruction begins with it now
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
