// SPDX-License-Identifier: MIT
#pragma once

#include "sim/trace/trace_types.h"

namespace mmusim {

/// A source of accesses, and of events between them, in batches: a trace that is read, a workload that is generated.
class AccessStream {
 public:
  virtual ~AccessStream() = default;
  /// Fills `batch` (its memory is reused) with the next records; returns false at the end, with an empty batch.
  virtual bool next(TraceBatch& batch) = 0;
};

}  // namespace mmusim
