// SPDX-License-Identifier: MIT
#include "sim/events/event_text.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <type_traits>

namespace mmusim {

namespace {

/// Names in the order of EventKind.
constexpr const char* kKindNames[] = {"pte_write", "pte_read", "walk", "access",     "alloc",
                                      "free",      "zero",     "fill", "flush",      "invalidate",
                                      "cr_write",  "drain",    "step", "kernel_log", "phase"};
static_assert(std::size(kKindNames) == kEventKinds);

char* write_walk(char* at, const WalkRecord& w) {
  JsonLine line(at);
  line.raw("{\"event\":\"walk\",\"id\":").number(w.id).raw(",\"access\":").number(w.access);
  line.raw(",\"core\":").number(w.core).raw(",\"begin_cycle\":").number(w.begin.count);
  line.raw(",\"end_cycle\":").number(w.end.count).raw(",\"va\":").hex(w.va.raw());
  line.raw(",\"cause\":\"").raw(std::string_view(name_of(w.cause))).raw("\",\"user\":").boolean(w.user);
  line.raw(",\"walker\":").number(w.walker).raw(",\"queue_cycles\":").number(w.queue.count);
  line.raw(",\"structure_cache_cycles\":").number(w.structure_caches.count);
  if (w.restarts.count != 0) line.raw(",\"restart_cycles\":").number(w.restarts.count);
  line.raw(",\"update_cycles\":").number(w.updates.count).raw(",\"start_level\":").number(w.start_level);
  line.raw(",\"reads\":[");
  for (size_t i = 0; i < w.entries.size(); ++i) {
    const EntryRead& r = w.entries[i];
    if (i != 0) line.raw(",");
    line.raw("{");
    if (w.guest) line.raw("\"dimension\":\"").raw(std::string_view(name_of(r.dimension))).raw("\",");
    line.raw("\"level\":").number(r.level).raw(",\"pa\":").hex(r.pa.raw()).raw(",\"value\":").hex(r.value);
    line.raw(",\"hit\":\"").raw(std::string_view(name_of(r.hit))).raw("\",\"cycles\":").number(r.cycles.count).raw("}");
  }
  line.raw("]");
  if (w.omitted != 0) line.raw(",\"reads_omitted\":").number(w.omitted);
  if (w.exits.count != 0) line.raw(",\"exit_cycles\":").number(w.exits.count);
  if (w.page_size) line.raw(",\"page_size\":\"").raw(std::string_view(name_of(*w.page_size))).raw("\"");
  if (w.page_fault_error_code) line.raw(",\"page_fault_error_code\":").hex(*w.page_fault_error_code);
  return line.raw("}\n").end();
}

char* write_access(char* at, const AccessRecord& a) {
  JsonLine line(at);
  line.raw("{\"event\":\"access\",\"id\":").number(a.id).raw(",\"core\":").number(a.core);
  line.raw(",\"begin_cycle\":").number(a.begin.count).raw(",\"end_cycle\":").number(a.end.count);
  line.raw(",\"va\":").hex(a.access.va.raw()).raw(",\"bytes\":").number(a.access.bytes);
  line.raw(",\"kind\":\"").raw(std::string_view(name_of(a.access.kind))).raw("\",\"user\":").boolean(a.access.user);
  if (a.access.rmw) line.raw(",\"rmw\":true");
  if (a.access.stack) line.raw(",\"stack\":true");
  if (a.access.implicit) line.raw(",\"implicit\":true");
  if (a.access.awaited) line.raw(",\"awaited\":true");
  if (a.access.continues) line.raw(",\"continues\":true");
  if (a.access.depends_on != 0) {
    const bool list = a.access.also_depends_on[0] != 0;
    line.raw(list ? ",\"depends_on\":[" : ",\"depends_on\":").number(a.access.depends_on);
    for (const uint16_t distance : a.access.also_depends_on) {
      if (distance != 0) line.raw(",").number(distance);
    }
    if (list) line.raw("]");
  }
  if (a.access.gap != 0) line.raw(",\"gap\":").number(a.access.gap);
  line.raw(",\"tlb_miss\":").boolean(a.tlb_miss).raw(",\"stlb_miss\":").boolean(a.stlb_miss);
  line.raw(",\"stages\":{");
  bool first = true;
  for (const Stage stage : kAllOf<Stage>) {
    if (a.stage[stage].count == 0) continue;
    if (!first) line.raw(",");
    first = false;
    line.raw("\"").raw(std::string_view(name_of(stage))).raw("\":").number(a.stage[stage].count);
  }
  line.raw("}");
  if (a.page_fault_error_code) {
    line.raw(",\"page_fault_error_code\":").hex(*a.page_fault_error_code);
  } else {
    line.raw(",\"pa\":").hex(a.pa.raw()).raw(",\"data_hit\":\"").raw(std::string_view(name_of(a.data_hit))).raw("\"");
  }
  return line.raw("}\n").end();
}

char* write_entry_write(char* at, const StampedEvent<mm::EntryWrite>& stamped) {
  const mm::EntryWrite& e = stamped.event;
  JsonLine line = begin_record(at, kPteWrite, stamped.at);
  line.raw(",\"level\":").number(e.level).raw(",\"va\":").hex(e.va.raw()).raw(",\"bytes\":").number(e.bytes);
  line.raw(",\"entry_va\":").hex(e.entry_va.raw()).raw(",\"entry_pa\":").hex(e.entry_pa.raw());
  line.raw(",\"index\":").number(e.index).raw(",\"old\":").hex(e.old_value).raw(",\"new\":").hex(e.new_value);
  return line.raw(",\"cause\":").text(e.cause).raw("}\n").end();
}

char* write_alloc(char* at, EventKind kind, const StampedEvent<mm::AllocEvent>& stamped) {
  const mm::AllocEvent& e = stamped.event;
  JsonLine line = begin_record(at, kind, stamped.at);
  line.raw(",\"pa\":").hex(e.pa.raw()).raw(",\"bytes\":").number(e.bytes).raw(",\"node\":").number(e.node);
  line.raw(",\"source\":\"").raw(std::string_view(name_of(e.source)));
  return line.raw("\",\"cause\":").text(e.cause).raw("}\n").end();
}

/// A record as it was copied into the block.
template <class Record>
Record taken(const char* at, size_t bytes = sizeof(Record)) {
  static_assert(std::is_trivially_copyable_v<Record>);
  Record record;
  std::memcpy(static_cast<void*>(&record), at, bytes);
  return record;
}

constexpr size_t round_up(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

}  // namespace

const char* name_of(EventKind kind) { return kKindNames[kind]; }

JsonLine begin_record(char* at, EventKind kind, EventStamp stamp) {
  JsonLine line(at);
  line.raw("{\"event\":\"").raw(std::string_view(kKindNames[kind])).raw("\",\"cycle\":").number(stamp.cycle.count);
  return line.raw(",\"core\":").number(stamp.core).raw(",\"access\":").number(stamp.access);
}

void EventBlock::append(Form form, const void* record, size_t bytes) {
  const size_t end = used_ + sizeof(Head) + round_up(bytes);
  if (bytes_.size() < end) [[unlikely]]
    bytes_.resize(std::max(end, full_ + kRecordRoom));
  const Head head{form, static_cast<uint32_t>(bytes)};
  std::memcpy(bytes_.data() + used_, &head, sizeof head);
  std::memcpy(bytes_.data() + used_ + sizeof head, record, bytes);
  used_ = end;
}

size_t EventBlock::render(std::string_view block, std::string& text) {
  size_t written = 0;
  for (size_t at = 0; at < block.size();) {
    const auto head = taken<Head>(block.data() + at);
    const char* const record = block.data() + at + sizeof head;
    at += sizeof head + round_up(head.bytes);
    if (text.size() < written + head.bytes + kRecordRoom) text.resize(2 * (written + head.bytes + kRecordRoom));
    char* const to = text.data() + written;
    char* end = to;
    switch (head.form) {
      case Form::kText:
        end = std::copy_n(record, head.bytes, to);
        break;
      case Form::kWalk:
        end = write_walk(to, taken<WalkRecord>(record, head.bytes));
        break;
      case Form::kAccess:
        end = write_access(to, taken<AccessRecord>(record));
        break;
      case Form::kEntryWrite:
        end = write_entry_write(to, taken<StampedEvent<mm::EntryWrite>>(record));
        break;
      case Form::kAlloc:
        end = write_alloc(to, kAlloc, taken<StampedEvent<mm::AllocEvent>>(record));
        break;
      case Form::kFree:
        end = write_alloc(to, kFree, taken<StampedEvent<mm::AllocEvent>>(record));
        break;
    }
    written = static_cast<size_t>(end - text.data());
  }
  return written;
}

}  // namespace mmusim
