// SPDX-License-Identifier: MIT
#include "models/core/front_end.h"

namespace mmusim {

void FrontEnd::push(const MemAccess& access, uint64_t number) {
  if (pushed_ - dispatched_ == ring_.size()) grow();
  Entry& entry = at(pushed_++);
  entry.access = access;
  entry.number = number;
  entry.instructions = access.gap;
  if (access.kind == AccessKind::kFetch) {
    active_ = true;
    if (std::exchange(open_, true)) ++entry.instructions;  // the one before has no data access
  } else if (open_ || !access.continues) {
    open_ = false;
    ++entry.instructions;
  }
  instructions_pushed_ += entry.instructions;
}

void FrontEnd::grow() {
  std::vector<Entry> larger(2 * ring_.size());
  for (uint64_t i = dispatched_; i < pushed_; ++i) larger[i & (larger.size() - 1)] = at(i);
  ring_ = std::move(larger);
}

}  // namespace mmusim
