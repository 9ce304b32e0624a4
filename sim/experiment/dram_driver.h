// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/dram/dram_system.h"
#include "sim/experiment/dram_requests.h"

namespace mmusim {

/// Cost of a request trace.
struct DramRun {
  uint64_t requests = 0;
  DramCycle cycles = 0;                  ///< up to the last data beat
  bool interrupted = false;              ///< `on_request` ended it before the trace did
  std::vector<int64_t> read_latency_ps;  ///< of each read in trace order, from first offered to last data beat
};

/// Drives `dram` with the requests of `reader`, at most one in a DRAM cycle, in trace order.
///
/// Open loop (`outstanding` empty): a request is offered at its arrival time; its latency counts from there, also while
/// it waits for a slot of a full queue. Arrival times must not decrease. A request without arrival time is offered in
/// the cycle after the one before it was taken, and its latency counts from when it is taken.
/// Closed loop: arrival times are ignored; the next request is offered as soon as fewer than `outstanding` are under
/// way. A write counts as done when the controller has taken it.
/// `on_request` is called before each request; false ends the trace there. Empty: nobody asks.
/// Throws InputError for bad lines and for addresses beyond the capacity.
DramRun drive(DramSystem& dram, RequestReader& reader, std::optional<unsigned> outstanding,
              const std::function<bool()>& on_request = {});

}  // namespace mmusim
