// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "models/base/access.h"

namespace mmusim {

/// Counts the instructions of a stream of accesses, as the window core does (models/core/front_end.h): the `gap` before
/// each access, an instruction for each fetch, and one for each data access that neither continues the one before nor
/// belongs to a fetch.
class InstructionCount {
 public:
  /// Returns the instructions that end with this access and after the access before.
  unsigned add(const MemAccess& access) {
    unsigned count = access.gap;
    if (access.kind == AccessKind::kFetch) {
      if (open_) ++count;  // the one before has no data access
      open_ = true;
    } else if (open_ || !access.continues) {
      open_ = false;
      ++count;
    }
    return count;
  }
  /// Ends the stream. Returns the instructions that add() has not counted: 1 if the last fetch has no data access.
  unsigned finish() { return std::exchange(open_, false) ? 1 : 0; }

 private:
  bool open_ = false;  // a fetch has begun an instruction that no data access belongs to yet
};

}  // namespace mmusim
