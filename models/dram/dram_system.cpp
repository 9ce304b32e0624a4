// SPDX-License-Identifier: MIT
#include "models/dram/dram_system.h"

#include <algorithm>

#include "models/base/stats.h"

namespace mmusim {

DramSystem::DramSystem(const DramConfig& config)
    : config_(config),
      map_(config.address_map, config.geometry),
      channels_(config.geometry.channels, DramChannel(config)),
      events_(config.geometry.channels, kUnknown) {}

void DramSystem::find_earliest() {
  earliest_ = DramDevice::kNever;
  for (unsigned c = 0; c < events_.size(); ++c) {
    if (events_[c] == kUnknown) events_[c] = channels_[c].next_event();
    earliest_ = std::min(earliest_, events_[c]);
  }
}

void DramSystem::advance_to(DramCycle t, std::vector<DramCompletion>& completions) {
  if (earliest() > t) return;
  earliest_ = DramDevice::kNever;
  for (unsigned c = 0; c < events_.size(); ++c) {
    // A channel without anything to do catches up with its refreshes when it is used next.
    if (events_[c] <= t) events_[c] = channels_[c].advance_to(t, completions);
    earliest_ = std::min(earliest_, events_[c]);
  }
}

bool DramSystem::has_reads() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const DramChannel& c) { return c.has_reads(); });
}

DramCycle DramSystem::last_data() const {
  DramCycle last = 0;
  for (const DramChannel& channel : channels_) last = std::max(last, channel.last_data());
  return last;
}

DramStats DramSystem::stats() const {
  DramStats total;
  for (const DramChannel& channel : channels_) total = sum(total, channel.stats());
  return total;
}

uint64_t DramSystem::refreshes(DramCycle now) {
  uint64_t total = 0;
  for (unsigned c = 0; c < channels_.size(); ++c) total += touch(c).refreshes(now);
  return total;
}

}  // namespace mmusim
