// SPDX-License-Identifier: MIT
#include "sim/library/events.h"

#include <span>

namespace mmusim {
inline namespace v0 {

void EventTranslator::walk(const WalkRecord& record) {
  WalkEvent event;
  event.core = record.core;
  event.begin_cycle = record.begin.count;
  event.end_cycle = record.end.count;
  event.va = record.va.raw();
  event.cause = name_of(record.cause);
  event.start_level = record.start_level;
  for (const EntryRead& read : std::span<const EntryRead>(record.entries)) {
    event.reads.push_back({read.level, read.pa.raw(), read.value, name_of(read.hit), read.cycles.count});
  }
  event.queue_cycles = record.queue.count;
  if (record.page_size) event.page_bytes = bytes_of(*record.page_size);
  event.page_fault_error_code = record.page_fault_error_code;
  to_.walk(event);
}

void EventTranslator::access(const AccessRecord& record) {
  AccessEvent event;
  event.core = record.core;
  event.number = record.id;
  event.begin_cycle = record.begin.count;
  event.end_cycle = record.end.count;
  event.va = record.access.va.raw();
  event.pa = record.pa.raw();
  event.data_hit = name_of(record.data_hit);
  event.tlb_miss = record.tlb_miss;
  event.stlb_miss = record.stlb_miss;
  event.page_fault_error_code = record.page_fault_error_code;
  to_.access(event);
}

EntryWriteEvent public_event(const mm::EntryWrite& write) {
  return {write.level, write.va.raw(),  write.bytes,     write.entry_pa.raw(),
          write.index, write.old_value, write.new_value, write.cause};
}

}  // namespace v0
}  // namespace mmusim
