// SPDX-License-Identifier: MIT
#pragma once

#include "models/dram/dram_config.h"
#include "models/fabric/observer.h"

namespace mmusim {

class SignalTrace;
class Timeline;

/// Draws what the DRAM controllers do: a track for each bank in the timeline, queues and open rows as signals.
class DramTracks final : public Observer {
 public:
  /// `period_ps` is that of the core clock. `timeline` and `signals` may be null.
  DramTracks(const DramConfig& dram, uint64_t period_ps, Timeline* timeline, SignalTrace* signals);

  uint32_t mask() const override { return kDramCommandNotices; }
  void dram_command(const DramCommandRecord& record) override;
  void dram_queues(unsigned channel, size_t reads, size_t writes, DramCycle at) override;

 private:
  /// DRAM cycles that the command keeps its bank from the next one of the same request.
  DramCycle length(DramCommand command) const;

  DramConfig dram_;
  uint64_t period_ps_;
  Timeline* timeline_;
  SignalTrace* signals_;
  std::vector<uint64_t> rows_;  // last opened, by channel and bank
};

}  // namespace mmusim
