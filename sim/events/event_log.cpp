// SPDX-License-Identifier: MIT
#include "sim/events/event_log.h"

#include "models/base/errors.h"

namespace mmusim {

namespace {

using enum EventField;

/// `{"event":"kind"`
std::string begun(EventKind kind) { return "{" + json_quoted(name_of(kEvent)) + ":" + json_quoted(name_of(kind)); }

/// `,"name":`
std::string member(EventField field) { return "," + json_quoted(name_of(field)) + ":"; }

}  // namespace

EventLog::EventLog(const std::string& path, EventSelection selection, const EventLogHeader& header, EventClock clock)
    : selection_(selection), clock_(std::move(clock)), writer_(path, EventBlock::render) {
  std::string first = begun(EventKind::kHeader) + member(kFormat) + json_quoted(kEventLogFormat) + member(kVersion) +
                      std::to_string(kEventLogVersion) + member(kProgram) +
                      json_quoted("mmusim " + std::string(header.program_version)) + member(kEvents) +
                      json_quoted(header.events) + (header.page_tables ? member(kPageTables) + "true" : "") +
                      member(kSeed) + std::to_string(header.seed) + member(kConfiguration) +
                      std::string(header.configuration) + "}\n";
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
  count(kind);
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
  count(EventKind::kWalk);
  block_.put(walk);
  put_full_block();
}

void EventLog::access(const AccessRecord& access) {
  if (!wants(EventCategory::kAccesses)) return;
  count(EventKind::kAccess);
  block_.put(access);
  put_full_block();
}

void EventLog::entry_write(EventStamp at, const mm::EntryWrite& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  count(EventKind::kPteWrite);
  block_.put({at, event});
  put_full_block();
}

void EventLog::entry_read(EventStamp at, const mm::EntryRead& e) {
  if (!wants(EventCategory::kEntryReads)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(EventKind::kPteRead, at, cause.size());
  line.key<kLevel>().number(e.level).key<kVa>().hex(e.va.raw());
  line.key<kBytes>().number(kPageBytes << (9 * (e.level - 1)));
  line.key<kEntryVa>().hex(e.entry_va.raw()).key<kEntryPa>().hex(e.entry_pa.raw());
  line.key<kIndex>().number(e.index).key<kValue>().hex(e.value);
  end(line.key<kCause>().text(cause).raw("}\n"));
}

void EventLog::alloc(EventStamp at, const mm::AllocEvent& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  count(EventKind::kAlloc);
  block_.put_alloc({at, event});
  put_full_block();
}

void EventLog::free(EventStamp at, const mm::AllocEvent& event) {
  if (!wants(EventCategory::kEntryWrites)) return;
  count(EventKind::kFree);
  block_.put_free({at, event});
  put_full_block();
}

void EventLog::fill(EventStamp at, const mm::FillEvent& e) {
  if (!wants(EventCategory::kEntryWrites)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(e.value == 0 ? EventKind::kZero : EventKind::kFill, at, cause.size());
  line.key<kVa>().hex(e.va.raw()).key<kBytes>().number(e.bytes);
  if (e.pa.raw() != 0) line.key<kPa>().hex(e.pa.raw());
  if (e.value != 0) line.key<kValue>().hex(e.value);
  end(line.key<kCause>().text(cause).raw("}\n"));
}

void EventLog::flush(EventStamp at, const mm::FlushEvent& e) {
  if (!wants(EventCategory::kEntryWrites) && !wants(EventCategory::kInterrupts)) return;
  const std::string_view cause(e.cause);
  const std::string_view entry(e.entry);
  at.core = e.cpu;
  JsonLine line = begin(EventKind::kFlush, at, cause.size() + entry.size());
  line.word<kScope>(name_of(e.scope));
  if (e.va != e.end) line.key<kVa>().hex(e.va.raw()).key<kPages>().number(e.pages());
  if (e.round != 0) line.key<kRound>().number(e.round).key<kFrom>().number(e.initiator);
  if (e.invlpg != 0) line.key<kInvlpg>().number(e.invlpg);
  if (e.invpcid != 0) line.key<kInvpcid>().number(e.invpcid);
  if (e.cr4 != 0) line.key<kCr4>().number(e.cr4);
  if (e.cr3 != 0) line.key<kCr3>().number(e.cr3);
  if (e.invlpgb != 0) line.key<kInvlpgb>().number(e.invlpgb);
  if (e.tlbsync != 0) line.key<kTlbsync>().number(e.tlbsync);
  if (e.broadcast) line.key<kBroadcast>().raw("true");
  line.key<kEntry>().text(entry);
  end(line.key<kCause>().text(cause).raw("}\n"));
}

void EventLog::ipi(EventStamp at, const mm::IpiEvent& e) {
  if (!wants(EventCategory::kInterrupts)) return;
  const mm::CallDelivery& d = e.delivery;
  at.core = e.to;
  JsonLine line = begin(EventKind::kIpi, at, 0);
  line.key<kFrom>().number(d.from).key<kTo>().number(e.to).key<kVector>().number(d.vector);
  line.key<kSent>().number(d.sent).key<kArrival>().number(d.arrival);
  end(line.key<kHandled>().number(d.handled).key<kAcked>().number(at.cycle.count).raw("}\n"));
}

void EventLog::call(EventStamp at, const mm::CallEvent& e) {
  if (!wants(EventCategory::kInterrupts)) return;
  const std::string_view function(e.function);
  JsonLine line = begin(EventKind::kCall, at, function.size());
  line.key<kFunction>().text(function);
  if (e.va != e.end) line.key<kVa>().hex(e.va.raw()).key<kBytes>().number(e.end - e.va);
  end(line.raw("}\n"));
}

void EventLog::invalidate(EventStamp at, const Invalidation& operation, bool timed) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(EventKind::kInvalidate, at, 0);
  if (names_address(operation.tlb)) line.key<kVa>().hex(operation.va.raw());
  if (!timed) line.key<kTimed>().raw("false");
  end(line.raw("}\n"));
}

void EventLog::control_write(EventStamp at, unsigned number, uint64_t value, bool timed) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(EventKind::kCrWrite, at, 0);
  line.key<kNumber>().number(number).key<kNew>().hex(value);
  if (!timed) line.key<kTimed>().raw("false");
  end(line.raw("}\n"));
}

void EventLog::drain(EventStamp at) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(EventKind::kDrain, at, 0);
  end(line.raw("}\n"));
}

void EventLog::step(EventStamp at, std::string_view name) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(EventKind::kStep, at, name.size());
  end(line.key<kName>().text(name).raw("}\n"));
}

void EventLog::kernel_log(EventStamp at, mm::LogLevel level, std::string_view text) {
  if (!wants(EventCategory::kEntryWrites)) return;
  JsonLine line = begin(EventKind::kKernelLog, at, text.size());
  end(line.key<kLevel>().number(static_cast<uint64_t>(level)).key<kText>().text(text).raw("}\n"));
}

void EventLog::phase(const PhaseEvent& e) {
  JsonLine line = begin(EventKind::kPhase, e.stage.size() + e.name.size());
  line.begin<EventKind::kPhase>().key<kCycle>().number(e.cycle.count).key<kStage>().text(e.stage);
  end(line.key<kName>().text(e.name).raw("}\n"));
  if (!block_.empty()) put_block();
}

void EventLog::close(CycleTime end_of_run, bool interrupted,
                     const std::vector<std::pair<std::string, uint64_t>>& totals) {
  std::string text = begun(EventKind::kTotals) + member(kCycle) + std::to_string(end_of_run.count);
  text += member(kInterrupted) + (interrupted ? "true" : "false") + member(kRecords) + "{";
  for (size_t k = 0; k < kCountedEventKinds; ++k) {
    text += (k == 0 ? "" : ",") + json_quoted(kEventKindNames[k]) + ":" + std::to_string(counts_[k]);
  }
  text += "}" + member(kTotals) + "{";
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
