// SPDX-License-Identifier: MIT
#pragma once

#include "models/dram/dram_timing.h"

namespace mmusim {

/// Hears what a controller decides, each channel in the order of its cycles. Refreshes are not told.
class DramObserver {
 public:
  virtual ~DramObserver() = default;
  /// `command` goes to `bank` (of the channel, ranks and groups included) in cycle `at`. `row`: kActivate only.
  virtual void command(unsigned channel, DramCommand command, unsigned bank, uint64_t row, DramCycle at) = 0;
  /// So many reads and writes are queued from cycle `at` on.
  virtual void queues(unsigned channel, size_t reads, size_t writes, DramCycle at) = 0;
};

}  // namespace mmusim
