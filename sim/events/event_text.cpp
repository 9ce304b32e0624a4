// SPDX-License-Identifier: MIT
#include "sim/events/event_text.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "sim/trace/event_log_format.h"

namespace mmusim {

namespace {

using enum EventField;

// The table of the format cannot know these names.
static_assert([] {
  for (size_t i = 0; i < event_words::kSources.size(); ++i) {
    if (event_words::kSources[i] != name_of(static_cast<mm::AllocSource>(i))) return false;
  }
  for (size_t i = 0; i < event_words::kFlushes.size(); ++i) {
    if (event_words::kFlushes[i] != name_of(static_cast<mm::FlushScope>(i))) return false;
  }
  return true;
}());

char* write_walk(char* at, const WalkRecord& w) {
  JsonLine line(at);
  line.begin<EventKind::kWalk>().key<kId>().number(w.id).key<kAccess>().number(w.access);
  line.key<kCore>().number(w.core).key<kBeginCycle>().number(w.begin.count);
  line.key<kEndCycle>().number(w.end.count).key<kVa>().hex(w.va.raw());
  line.word<kCause>(name_of(w.cause)).key<kUser>().boolean(w.user);
  line.key<kWalker>().number(w.walker).key<kQueueCycles>().number(w.queue.count);
  line.key<kStructureCacheCycles>().number(w.structure_caches.count);
  if (w.restarts.count != 0) line.key<kRestartCycles>().number(w.restarts.count);
  line.key<kUpdateCycles>().number(w.updates.count).key<kStartLevel>().number(w.start_level);
  line.key<kReads>().raw("[");
  for (size_t i = 0; i < w.entries.size(); ++i) {
    const EntryRead& r = w.entries[i];
    if (i != 0) line.raw(",");
    if (w.guest) {
      line.key<kDimension, '{'>().raw("\"").raw(std::string_view(name_of(r.dimension))).raw("\"").key<kLevel>();
    } else {
      line.key<kLevel, '{'>();
    }
    line.number(r.level).key<kPa>().hex(r.pa.raw()).key<kValue>().hex(r.value);
    line.word<kHit>(name_of(r.hit)).key<kCycles>().number(r.cycles.count).raw("}");
  }
  line.raw("]");
  if (w.omitted != 0) line.key<kReadsOmitted>().number(w.omitted);
  if (w.exits.count != 0) line.key<kExitCycles>().number(w.exits.count);
  if (w.page_size) line.word<kPageSize>(name_of(*w.page_size));
  if (w.page_fault_error_code) line.key<kPageFaultErrorCode>().hex(*w.page_fault_error_code);
  return line.raw("}\n").end();
}

char* write_access(char* at, const AccessRecord& a) {
  JsonLine line(at);
  line.begin<EventKind::kAccess>().key<kId>().number(a.id).key<kCore>().number(a.core);
  line.key<kBeginCycle>().number(a.begin.count).key<kEndCycle>().number(a.end.count);
  line.key<kVa>().hex(a.access.va.raw()).key<kBytes>().number(a.access.bytes);
  line.word<kKind>(name_of(a.access.kind)).key<kUser>().boolean(a.access.user);
  if (a.access.rmw) line.key<kRmw>().raw("true");
  if (a.access.stack) line.key<kStack>().raw("true");
  if (a.access.implicit) line.key<kImplicit>().raw("true");
  if (a.access.awaited) line.key<kAwaited>().raw("true");
  if (a.access.continues) line.key<kContinues>().raw("true");
  if (a.access.depends_on != 0) {
    const bool list = a.access.also_depends_on[0] != 0;
    line.key<kDependsOn>();
    if (list) line.raw("[");
    line.number(a.access.depends_on);
    for (const uint16_t distance : a.access.also_depends_on) {
      if (distance != 0) line.raw(",").number(distance);
    }
    if (list) line.raw("]");
  }
  if (a.access.gap != 0) line.key<kGap>().number(a.access.gap);
  line.key<kTlbMiss>().boolean(a.tlb_miss).key<kStlbMiss>().boolean(a.stlb_miss);
  line.key<kStageCycles>().raw("{");
  bool first = true;
  for (const Stage stage : kAllOf<Stage>) {
    if (a.stage[stage].count == 0) continue;
    if (!first) line.raw(",");
    first = false;
    line.raw("\"").raw(std::string_view(name_of(stage))).raw("\":").number(a.stage[stage].count);
  }
  line.raw("}");
  if (a.page_fault_error_code) {
    line.key<kPageFaultErrorCode>().hex(*a.page_fault_error_code);
  } else {
    line.key<kPa>().hex(a.pa.raw()).word<kDataHit>(name_of(a.data_hit));
  }
  return line.raw("}\n").end();
}

char* write_entry_write(char* at, const StampedEvent<mm::EntryWrite>& stamped) {
  const mm::EntryWrite& e = stamped.event;
  JsonLine line = begin_record(at, EventKind::kPteWrite, stamped.at);
  line.key<kLevel>().number(e.level).key<kVa>().hex(e.va.raw()).key<kBytes>().number(e.bytes);
  line.key<kEntryVa>().hex(e.entry_va.raw()).key<kEntryPa>().hex(e.entry_pa.raw());
  line.key<kIndex>().number(e.index).key<kOld>().hex(e.old_value).key<kNew>().hex(e.new_value);
  return line.key<kCause>().text(e.cause).raw("}\n").end();
}

char* write_alloc(char* at, EventKind kind, const StampedEvent<mm::AllocEvent>& stamped) {
  const mm::AllocEvent& e = stamped.event;
  JsonLine line = begin_record(at, kind, stamped.at);
  line.key<kPa>().hex(e.pa.raw()).key<kBytes>().number(e.bytes).key<kNode>().number(e.node);
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

JsonLine begin_record(char* at, EventKind kind, EventStamp stamp) {
  JsonLine line(at);
  line.key<kEvent, '{'>().raw("\"").raw(name_of(kind)).raw("\"").key<kCycle>().number(stamp.cycle.count);
  return line.key<kCore>().number(stamp.core).key<kAccess>().number(stamp.access);
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
        end = write_alloc(to, EventKind::kAlloc, taken<StampedEvent<mm::AllocEvent>>(record));
        break;
      case Form::kFree:
        end = write_alloc(to, EventKind::kFree, taken<StampedEvent<mm::AllocEvent>>(record));
        break;
    }
    written = static_cast<size_t>(end - text.data());
  }
  return written;
}

}  // namespace mmusim
