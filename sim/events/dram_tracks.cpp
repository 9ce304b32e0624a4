// SPDX-License-Identifier: MIT
#include "sim/events/dram_tracks.h"

#include "sim/events/timeline.h"
#include "sim/events/vcd.h"

namespace mmusim {

DramTracks::DramTracks(const DramConfig& dram, uint64_t period_ps, Timeline* timeline, SignalTrace* signals)
    : dram_(dram),
      period_ps_(period_ps),
      timeline_(timeline),
      signals_(signals),
      rows_(size_t{dram_.geometry.channels} * dram_.geometry.banks()) {}

DramCycle DramTracks::length(DramCommand command) const {
  switch (command) {
    case DramCommand::kActivate:
      return dram_.timing.rcd;
    case DramCommand::kPrecharge:
      return dram_.timing.rp;
    case DramCommand::kRead:
    case DramCommand::kWrite:
      return dram_.timing.burst;
    case DramCommand::kRefresh:
      return dram_.timing.rfc;
  }
  return 0;
}

void DramTracks::dram_command(const DramCommandRecord& record) {
  const auto& [channel, command, bank, row, at] = record;
  uint64_t& open = rows_[size_t{channel} * dram_.geometry.banks() + bank];
  if (command == DramCommand::kActivate) open = row;
  const uint64_t ps = at * dram_.tck_ps;
  if (timeline_ != nullptr) {
    const unsigned per_rank = dram_.geometry.banks_per_rank();
    timeline_->dram_slice(channel, bank / per_rank, bank % per_rank, name_of(command), open, ps / period_ps_,
                          (ps + length(command) * dram_.tck_ps) / period_ps_);
  }
  if (signals_ == nullptr) return;
  if (command == DramCommand::kActivate) signals_->dram_row(channel, bank, row, ps);
  if (command == DramCommand::kPrecharge) signals_->dram_row(channel, bank, SignalTrace::kClosed, ps);
}

void DramTracks::dram_queues(unsigned channel, size_t reads, size_t writes, DramCycle at) {
  if (signals_ != nullptr) signals_->dram_queue_lengths(channel, reads, writes, at * dram_.tck_ps);
}

}  // namespace mmusim
