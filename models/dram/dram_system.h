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

  DramLocation locate(PhysAddr pa) const { return map_.locate(pa); }

  bool frees_slot(const DramLocation& where, bool write, DramCycle now) const {
    return channels_[where.channel].frees_slot(write, now);
  }
  bool can_accept(PhysAddr pa, bool write, DramCycle now) { return can_accept(map_.locate(pa), write, now); }
  bool can_accept(const DramLocation& where, bool write, DramCycle now) {
    return touch(where.channel).can_accept(write, now);
  }
  /// Returns how many places of the read queue are free, as far as the channel has been decided.
  unsigned read_places(const DramLocation& where) const { return channels_[where.channel].read_places(); }
  /// Returns true if a write of that line waits in its queue.
  bool has_write(PhysAddr line, const DramLocation& where) const {
    return channels_[where.channel].has_write(line, where);
  }
  std::optional<DramCycle> enqueue(const DramRequest& request, DramCycle now) {
    return enqueue(request, map_.locate(request.pa), now);
  }
  std::optional<DramCycle> enqueue(const DramRequest& request, const DramLocation& where, DramCycle now) {
    return touch(where.channel).enqueue(request, where, now);
  }
  bool post(PhysAddr pa, const DramLocation& where, DramCycle now) { return touch(where.channel).post(pa, where, now); }
  std::optional<DramCycle> next_event() {
    return earliest() == DramDevice::kNever ? std::nullopt : std::optional(earliest());
  }
  bool has_reads() const;
  /// True if the channel of `pa` has reads queued (if not, read_alone() is allowed).
  bool has_reads(PhysAddr pa) const { return channels_[map_.locate(pa).channel].has_reads(); }
  /// Completions of different channels are not in order of time.
  void advance_to(DramCycle t, std::vector<DramCompletion>& completions);
  DramCycle read_alone(PhysAddr pa, DramCycle now) {
    const DramLocation where = map_.locate(pa);
    return touch(where.channel).read_alone(pa, where, now);
  }

  void flush() {
    for (unsigned c = 0; c < channels_.size(); ++c) touch(c).flush();
  }
  DramCycle last_data() const;

  /// Sets the observers of commands and queues; nullptr: none.
  void observe(const ObserverList* observers) {
    observed_ = observers != nullptr;
    for (unsigned c = 0; c < channels_.size(); ++c) channels_[c].observe(observers, c);
  }
  bool observed() const { return observed_; }

  uint64_t capacity_bytes() const { return map_.capacity_bytes(); }
  const DramConfig& config() const { return config_; }
  /// Sums over the channels.
  DramStats stats() const;
  uint64_t refreshes(DramCycle now);

 private:
  static constexpr DramCycle kUnknown = DramDevice::kNever - 1;

  /// The channel, whose next event may change.
  DramChannel& touch(unsigned channel) {
    events_[channel] = earliest_ = kUnknown;
    return channels_[channel];
  }
  /// The next event of all channels; kNever: none.
  DramCycle earliest() {
    if (earliest_ == kUnknown) find_earliest();
    return earliest_;
  }
  void find_earliest();

  DramConfig config_;
  AddressMap map_;
  std::vector<DramChannel> channels_;
  std::vector<DramCycle> events_;  // the next one of each channel, so that idle ones cost nothing; or kUnknown
  DramCycle earliest_ = kUnknown;  // of these
  bool observed_ = false;
};

}  // namespace mmusim
