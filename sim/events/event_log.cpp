// SPDX-License-Identifier: MIT
#include "sim/events/event_log.h"

#include "models/base/errors.h"

namespace mmusim {

EventLog::EventLog(const std::string& path, EventSelection selection, const EventLogHeader& header, EventClock clock)
    : selection_(selection), clock_(std::move(clock)), writer_(path, EventBlock::render) {
  std::string first =
      "{\"event\":\"header\",\"format\":\"mmusim-events\",\"version\":" + std::to_string(kFormatVersion) +
      ",\"program\":" + json_quoted("mmusim " + std::string(header.program_version)) +
      ",\"events\":" + json_quoted(header.events) + (header.page_tables ? ",\"page_tables\":true" : "") +
      ",\"seed\":" + std::to_string(header.seed) + ",\"configuration\":" + std::string(header.configuration) + "}\n";
  block_.put(first);
  put_block();
}

EventLog::~EventLog() {
  if (block_.empty()) return;
  try {
    put_block();
  } catch (const EnvironmentError&) {
    // Only reached when the run is being abandoned for another error, which is the one to report.
  }
}

JsonLine EventLog::begin(EventKind kind, size_t text_bytes) {
  ++counts_[kind];
  const size_t room = EventBlock::kRecordRoom + 6 * text_bytes;
  if (line_.size() < room) line_.resize(room);
  return JsonLine(line_.data());
}

JsonLine EventLog::begin(EventKind kind, EventStamp at, size_t text_bytes) {
  return begin_record(begin(kind, text_bytes).end(), kind, at);
}

void EventLog::end(const JsonLine& line) {
  block_.put(std::string_view(line_.data(), static_cast<size_t>(line.end() - line_.data())));
  put_full_block();
}

void EventLog::put_full_block() {
  if (block_.full()) put_block();
}

void EventLog::put_block() {
  const size_t used = block_.used();
  block_.reuse(writer_.put(block_.take(), used));
}

uint32_t EventLog::mask() const {
  uint32_t mask = 0;
  if (wants(EventCategory::kWalks)) mask |= kWalkNotices;
  if (wants(EventCategory::kAccesses)) mask |= kAccessNotices;
  if (wants(EventCategory::kEntryWrites) && clock_) mask |= kProgramNotices;
  return mask;
}

void EventLog::drained(unsigned core) {
  const EventStamp now = clock_();
  if (core != 0 || now.access == drained_at_) return;
  drain(now);
  drained_at_ = now.access;
}

void EventLog::invalidated(unsigned core, const Invalidation& operation, bool timed) {
  if (core != 0) return;
  EventStamp now = clock_();
  now.core = 0;  // another core may do it to the first one
  invalidate(now, operation, timed);
}

void EventLog::control_written(unsigned core, unsigned number, uint64_t value, bool timed) {
  if (core != 0) return;
  EventStamp now = clock_();
  now.core = 0;
  control_write(now, number, value, timed);
}

void EventLog::walk(const WalkRecord& walk) {
  if (!wants(EventCategory::kWalks)) return;
  ++counts_[kWalk];
  block_.put(walk);
  put_full_block();
}

void EventLog::access(const AccessRecord& access) {
  if (!wants(EventCategory::kAccesses)) return;
  ++counts_[kAccess];
  block_.put(access);
  put_full_block();
}

void EventLog::entry_write(EventStamp at, const mm::EntryWrite& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  ++counts_[kPteWrite];
  block_.put({at, event});
  put_full_block();
}

void EventLog::entry_read(EventStamp at, const mm::EntryRead& e) {
  if (!wants(EventCategory::kEntryReads)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(kPteRead, at, cause.size());
  line.raw(",\"level\":").number(e.level).raw(",\"va\":").hex(e.va.raw());
  line.raw(",\"bytes\":").number(kPageBytes << (9 * (e.level - 1)));
  line.raw(",\"entry_va\":").hex(e.entry_va.raw()).raw(",\"entry_pa\":").hex(e.entry_pa.raw());
  line.raw(",\"index\":").number(e.index).raw(",\"value\":").hex(e.value);
  end(line.raw(",\"cause\":").text(cause).raw("}\n"));
}

void EventLog::alloc(EventStamp at, const mm::AllocEvent& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  ++counts_[kAlloc];
  block_.put_alloc({at, event});
  put_full_block();
}

void EventLog::free(EventStamp at, const mm::AllocEvent& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  ++counts_[kFree];
  block_.put_free({at, event});
  put_full_block();
}

void EventLog::fill(EventStamp at, const mm::FillEvent& e) {
  if (!wants(EventCategory::kEntryWrites)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(e.value == 0 ? kZero : kFill, at, cause.size());
  line.raw(",\"va\":").hex(e.va.raw()).raw(",\"bytes\":").number(e.bytes);
  if (e.pa.raw() != 0) line.raw(",\"pa\":").hex(e.pa.raw());
  if (e.value != 0) line.raw(",\"value\":").hex(e.value);
  end(line.raw(",\"cause\":").text(cause).raw("}\n"));
}

void EventLog::flush(EventStamp at, const mm::FlushEvent& e) {
  if (!wants(EventCategory::kEntryWrites)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(kFlush, at, cause.size());
  line.raw(",\"kind\":\"").raw(std::string_view(name_of(e.kind))).raw("\"");
  if (e.kind == mm::FlushKind::kPage) line.raw(",\"va\":").hex(e.va.raw()).raw(",\"bytes\":").number(e.end - e.va);
  end(line.raw(",\"cause\":").text(cause).raw("}\n"));
}

void EventLog::invalidate(EventStamp at, const Invalidation& operation, bool timed) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(kInvalidate, at, 0);
  if (operation.tlb == InvalidationScope::kAddress) line.raw(",\"va\":").hex(operation.va.raw());
  if (!timed) line.raw(",\"timed\":false");
  end(line.raw("}\n"));
}

void EventLog::control_write(EventStamp at, unsigned number, uint64_t value, bool timed) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(kCrWrite, at, 0);
  line.raw(",\"number\":").number(number).raw(",\"new\":").hex(value);
  if (!timed) line.raw(",\"timed\":false");
  end(line.raw("}\n"));
}

void EventLog::drain(EventStamp at) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(kDrain, at, 0);
  end(line.raw("}\n"));
}

void EventLog::step(EventStamp at, std::string_view name) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(kStep, at, name.size());
  end(line.raw(",\"name\":").text(name).raw("}\n"));
}

void EventLog::kernel_log(EventStamp at, mm::LogLevel level, std::string_view text) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(kKernelLog, at, text.size());
  end(line.raw(",\"level\":").number(static_cast<uint64_t>(level)).raw(",\"text\":").text(text).raw("}\n"));
}

void EventLog::phase(const PhaseEvent& e) {
  JsonLine line = begin(kPhase, e.stage.size() + e.name.size());
  line.raw("{\"event\":\"phase\",\"cycle\":").number(e.cycle.count).raw(",\"stage\":").text(e.stage);
  end(line.raw(",\"name\":").text(e.name).raw("}\n"));
  if (!block_.empty()) put_block();
}

void EventLog::close(CycleTime end_of_run, bool interrupted,
                     const std::vector<std::pair<std::string, uint64_t>>& totals) {
  std::string text = "{\"event\":\"totals\",\"cycle\":" + std::to_string(end_of_run.count);
  text += std::string(",\"interrupted\":") + (interrupted ? "true" : "false") + ",\"records\":{";
  for (unsigned k = 0; k < kEventKinds; ++k) {
    text +=
        std::string(k == 0 ? "\"" : ",\"") + name_of(static_cast<EventKind>(k)) + "\":" + std::to_string(counts_[k]);
  }
  text += "},\"totals\":{";
  for (size_t i = 0; i < totals.size(); ++i) {
    text += (i == 0 ? "" : ",") + json_quoted(totals[i].first) + ":" + std::to_string(totals[i].second);
  }
  text += "}}\n";
  if (!block_.empty()) put_block();
  block_.put(text);
  put_block();
  writer_.close();
}

}  // namespace mmusim
