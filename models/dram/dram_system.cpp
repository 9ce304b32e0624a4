// SPDX-License-Identifier: MIT
#include "models/dram/dram_system.h"

#include <algorithm>

#include "models/base/stats.h"

namespace mmusim {

DramSystem::DramSystem(const DramConfig& config)
    : config_(config),
      map_(config.address_map, config.geometry),
      channels_(config.geometry.channels, DramChannel(config)) {}

std::optional<DramCycle> DramSystem::next_event() {
  std::optional<DramCycle> next;
  for (DramChannel& channel : channels_) {
    const std::optional<DramCycle> own = channel.next_event();
    if (own && (!next || *own < *next)) next = own;
  }
  return next;
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

uint64_t DramSystem::refreshes() const {
  uint64_t total = 0;
  for (const DramChannel& channel : channels_) total += channel.refreshes();
  return total;
}

}  // namespace mmusim
