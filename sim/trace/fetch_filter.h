// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "sim/trace/trace_types.h"

namespace mmusim {

/// Takes the instruction fetches out of a trace: each becomes one instruction in the `gap` of the next data access
/// (less one, the instruction that makes that access). Distances of `depends_on` are adjusted; a dependence on a fetch
/// vanishes.
class FetchFilter {
 public:
  void apply(TraceBatch& batch);

 private:
  static constexpr uint64_t kReach = 65536;  // depends_on is 16 bits wide
  uint64_t seen_ = 0;                        // accesses before filtering
  uint64_t kept_ = 0;
  uint64_t fetches_ = 0;           // since the last data access
  std::vector<uint64_t> kept_as_;  // ring: number after filtering of an access; ~0 for a fetch
};

}  // namespace mmusim
