// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "models/dram/dram_channel.h"

namespace mmusim {

/// All channels behind one address map; see DramChannel for what each function means. Addresses must be below
/// capacity_bytes().
class DramSystem {
 public:
  explicit DramSystem(const DramConfig& config);

  bool can_accept(PhysAddr pa, bool write, DramCycle now) {
    return channels_[map_.locate(pa).channel].can_accept(write, now);
  }
  std::optional<DramCycle> enqueue(const DramRequest& request, DramCycle now) {
    const DramLocation where = map_.locate(request.pa);
    return channels_[where.channel].enqueue(request, where, now);
  }
  std::optional<DramCycle> next_event();
  bool has_reads() const;
  /// Whether the channel of `pa` has reads queued (if not, read_alone() is allowed).
  bool has_reads(PhysAddr pa) const { return channels_[map_.locate(pa).channel].has_reads(); }
  void advance_to(DramCycle t, std::vector<DramCompletion>& completions) {
    for (DramChannel& channel : channels_) channel.advance_to(t, completions);
  }
  DramCycle read_alone(PhysAddr pa, DramCycle now) {
    const DramLocation where = map_.locate(pa);
    return channels_[where.channel].read_alone(pa, where, now);
  }

  void flush() {
    for (DramChannel& channel : channels_) channel.flush();
  }
  DramCycle last_data() const;

  uint64_t capacity_bytes() const { return map_.capacity_bytes(); }
  const DramConfig& config() const { return config_; }
  /// Sums over the channels.
  DramStats stats() const;
  uint64_t refreshes() const;

 private:
  DramConfig config_;
  AddressMap map_;
  std::vector<DramChannel> channels_;
};

}  // namespace mmusim
