// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <unordered_map>

#include "mm/observer.h"
#include "sim/events/events.h"
#include "sim/explain/explanation.h"

namespace mmusim {

/// Notes which kernel function wrote each paging-structure entry last, and when.
class EntryWriters final : public mm::Observer {
 public:
  /// `clock` gives the moment of the kernel code that runs.
  explicit EntryWriters(EventClock clock) : clock_(std::move(clock)) {}

  uint32_t mask() const override { return mm::kEntryWrites; }
  void entry_write(const mm::EntryWrite& event) override;

  /// Returns the write that left `value` in the entry at `entry`, set accessed and dirty bits apart; nothing if no
  /// kernel code that was simulated wrote it.
  std::optional<EntryWriter> writer_of(PhysAddr entry, uint64_t value) const;

 private:
  struct Write {
    EntryWriter writer;
    uint64_t value = 0;
  };

  EventClock clock_;
  std::unordered_map<uint64_t, Write> last_;  // by physical address
};

}  // namespace mmusim
