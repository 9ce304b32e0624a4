// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "sim/host/progress.h"
#include "sim/host/watchdog.h"
#include "sim/trace/trace_reader.h"
#include "sim/workloads/workload.h"

namespace mmusim {

/// A generated workload as a stream of accesses.
class WorkloadStream final : public AccessStream {
 public:
  explicit WorkloadStream(Workload& workload) : workload_(workload) {}
  bool next(TraceBatch& batch) override {
    batch.clear();
    const bool more = workload_.next(batch.accesses);
    batch.records = batch.accesses.size();
    return more;
  }

 private:
  Workload& workload_;
};

/// A trace as a stream of accesses that shows its progress. While it waits for input, the simulation is not taken to
/// stand still.
class TraceStream final : public AccessStream {
 public:
  explicit TraceStream(TraceReader& reader) : reader_(reader), progress_("replay", reader.bytes_total()) {}
  bool next(TraceBatch& batch) override {
    const Watchdog::Pause waiting_for_input;
    progress_.update(reader_.bytes_read());
    return reader_.next(batch);
  }

 private:
  TraceReader& reader_;
  ProgressBar progress_;
};

}  // namespace mmusim
