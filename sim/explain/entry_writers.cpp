// SPDX-License-Identifier: MIT
#include "sim/explain/entry_writers.h"

namespace mmusim {

void EntryWriters::entry_write(const mm::EntryWrite& event) {
  const EventStamp now = clock_();
  last_[event.entry_pa.raw()] = {{event.cause, now.cycle, now.core}, event.new_value};
}

std::optional<EntryWriter> EntryWriters::writer_of(PhysAddr entry, uint64_t value) const {
  constexpr uint64_t kByWalks = pte::kAccessed | pte::kDirty;
  const auto found = last_.find(entry.raw());
  if (found == last_.end() || ((found->second.value ^ value) & ~kByWalks) != 0) return std::nullopt;
  return found->second.writer;
}

}  // namespace mmusim
