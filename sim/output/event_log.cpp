// SPDX-License-Identifier: MIT
#include "sim/output/event_log.h"

#include <iterator>

#include "models/base/errors.h"

namespace mmusim {

namespace {

/// No record is longer than this, texts apart: a walk with five entry reads takes about 800 bytes.
constexpr size_t kRecordRoom = 2048;

/// As in EventLog::Kind.
constexpr const char* kKindNames[] = {"pte_write", "pte_read", "walk", "access",     "alloc",
                                      "free",      "zero",     "fill", "flush",      "invalidate",
                                      "cr_write",  "drain",    "step", "kernel_log", "phase"};

}  // namespace

static_assert(std::size(kKindNames) == 15);

EventLog::EventLog(const std::string& path, EventSelection selection, const EventLogHeader& header)
    : selection_(selection), writer_(path) {
  std::string first =
      "{\"event\":\"header\",\"format\":\"mmusim-events\",\"version\":" + std::to_string(kFormatVersion) +
      ",\"program\":" + json_quoted("mmusim " + std::string(header.program_version)) +
      ",\"events\":" + json_quoted(header.events) + (header.page_tables ? ",\"page_tables\":true" : "") +
      ",\"seed\":" + std::to_string(header.seed) + ",\"configuration\":" + std::string(header.configuration) + "}\n";
  block_ = writer_.put(std::move(first));
  block_.resize(kBlockBytes + kRecordRoom);
}

EventLog::~EventLog() {
  if (used_ == 0) return;
  try {
    put_block();
  } catch (const EnvironmentError&) {
    // Only reached when the run is being abandoned for another error, which is the one to report.
  }
}

JsonLine EventLog::begin(Kind kind, size_t text_bytes) {
  ++counts_[kind];
  const size_t room = used_ + kRecordRoom + 6 * text_bytes;
  if (block_.size() < room) [[unlikely]]
    block_.resize(room);
  return JsonLine(block_.data() + used_);
}

JsonLine EventLog::begin(Kind kind, EventStamp at, size_t text_bytes) {
  JsonLine line = begin(kind, text_bytes);
  line.raw("{\"event\":\"").raw(std::string_view(kKindNames[kind])).raw("\",\"cycle\":").number(at.cycle.count);
  return line.raw(",\"core\":").number(at.core).raw(",\"access\":").number(at.access);
}

void EventLog::end(const JsonLine& line) {
  used_ = static_cast<size_t>(line.end() - block_.data());
  if (used_ >= kBlockBytes) put_block();
}

void EventLog::put_block() {
  block_.resize(used_);
  used_ = 0;
  block_ = writer_.put(std::move(block_));
  block_.resize(kBlockBytes + kRecordRoom);
}

void EventLog::walk(const WalkRecord& w) {
  if (!wants(EventCategory::kWalks)) return;
  JsonLine line = begin(kWalk, 0);
  line.raw("{\"event\":\"walk\",\"id\":").number(w.id).raw(",\"access\":").number(w.access);
  line.raw(",\"core\":").number(w.core).raw(",\"begin_cycle\":").number(w.begin.count);
  line.raw(",\"end_cycle\":").number(w.end.count).raw(",\"va\":").hex(w.va.raw());
  line.raw(",\"cause\":\"").raw(std::string_view(name_of(w.cause))).raw("\",\"user\":").boolean(w.user);
  line.raw(",\"walker\":").number(w.walker).raw(",\"queue_cycles\":").number(w.queue.count);
  line.raw(",\"structure_cache_cycles\":").number(w.structure_caches.count);
  line.raw(",\"update_cycles\":").number(w.updates.count).raw(",\"start_level\":").number(w.start_level);
  line.raw(",\"reads\":[");
  for (unsigned i = 0; i < w.reads; ++i) {
    const EntryRead& r = w.entry[i];
    if (i != 0) line.raw(",");
    line.raw("{\"level\":").number(r.level).raw(",\"pa\":").hex(r.pa.raw()).raw(",\"value\":").hex(r.value);
    line.raw(",\"hit\":\"").raw(std::string_view(name_of(r.hit))).raw("\",\"cycles\":").number(r.cycles.count).raw("}");
  }
  line.raw("]");
  if (w.page_size) line.raw(",\"page_size\":\"").raw(std::string_view(name_of(*w.page_size))).raw("\"");
  if (w.page_fault_error_code) line.raw(",\"page_fault_error_code\":").hex(*w.page_fault_error_code);
  end(line.raw("}\n"));
}

void EventLog::access(const AccessRecord& a) {
  if (!wants(EventCategory::kAccesses)) return;
  JsonLine line = begin(kAccess, 0);
  line.raw("{\"event\":\"access\",\"id\":").number(a.id).raw(",\"core\":").number(a.core);
  line.raw(",\"begin_cycle\":").number(a.begin.count).raw(",\"end_cycle\":").number(a.end.count);
  line.raw(",\"va\":").hex(a.access.va.raw()).raw(",\"bytes\":").number(a.access.bytes);
  line.raw(",\"kind\":\"").raw(std::string_view(name_of(a.access.kind))).raw("\",\"user\":").boolean(a.access.user);
  if (a.access.rmw) line.raw(",\"rmw\":true");
  if (a.access.stack) line.raw(",\"stack\":true");
  if (a.access.implicit) line.raw(",\"implicit\":true");
  if (a.access.awaited) line.raw(",\"awaited\":true");
  if (a.access.depends_on != 0) line.raw(",\"depends_on\":").number(a.access.depends_on);
  if (a.access.gap != 0) line.raw(",\"gap\":").number(a.access.gap);
  line.raw(",\"tlb_miss\":").boolean(a.tlb_miss).raw(",\"stlb_miss\":").boolean(a.stlb_miss);
  line.raw(",\"stages\":{");
  bool first = true;
  for (unsigned i = 0; i < kStages; ++i) {
    if (a.stage[i].count == 0) continue;
    if (!first) line.raw(",");
    first = false;
    line.raw("\"").raw(std::string_view(name_of(static_cast<Stage>(i)))).raw("\":").number(a.stage[i].count);
  }
  line.raw("}");
  if (a.page_fault_error_code) {
    line.raw(",\"page_fault_error_code\":").hex(*a.page_fault_error_code);
  } else {
    line.raw(",\"pa\":").hex(a.pa.raw()).raw(",\"data_hit\":\"").raw(std::string_view(name_of(a.data_hit))).raw("\"");
  }
  end(line.raw("}\n"));
}

void EventLog::entry_write(EventStamp at, const mm::EntryWrite& e) {
  if (!wants(EventCategory::kEntryWrites)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(kPteWrite, at, cause.size());
  line.raw(",\"level\":").number(e.level).raw(",\"va\":").hex(e.va.raw()).raw(",\"bytes\":").number(e.bytes);
  line.raw(",\"entry_va\":").hex(e.entry_va.raw()).raw(",\"entry_pa\":").hex(e.entry_pa.raw());
  line.raw(",\"index\":").number(e.index).raw(",\"old\":").hex(e.old_value).raw(",\"new\":").hex(e.new_value);
  end(line.raw(",\"cause\":").text(cause).raw("}\n"));
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

void EventLog::memory(Kind kind, EventStamp at, const mm::AllocEvent& e) {
  if (!wants(EventCategory::kEntryWrites)) return;
  const std::string_view cause(e.cause);
  JsonLine line = begin(kind, at, cause.size());
  line.raw(",\"pa\":").hex(e.pa.raw()).raw(",\"bytes\":").number(e.bytes).raw(",\"node\":").number(e.node);
  line.raw(",\"source\":\"").raw(std::string_view(name_of(e.source)));
  end(line.raw("\",\"cause\":").text(cause).raw("}\n"));
}

void EventLog::alloc(EventStamp at, const mm::AllocEvent& e) { memory(kAlloc, at, e); }

void EventLog::free(EventStamp at, const mm::AllocEvent& e) { memory(kFree, at, e); }

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
  if (used_ != 0) put_block();
}

void EventLog::close(CycleTime end_of_run, bool interrupted,
                     const std::vector<std::pair<std::string, uint64_t>>& totals) {
  std::string text = "{\"event\":\"totals\",\"cycle\":" + std::to_string(end_of_run.count);
  text += std::string(",\"interrupted\":") + (interrupted ? "true" : "false") + ",\"records\":{";
  for (unsigned k = 0; k < kKinds; ++k) {
    text += (k == 0 ? "\"" : ",\"") + std::string(kKindNames[k]) + "\":" + std::to_string(counts_[k]);
  }
  text += "},\"totals\":{";
  for (size_t i = 0; i < totals.size(); ++i) {
    text += (i == 0 ? "" : ",") + json_quoted(totals[i].first) + ":" + std::to_string(totals[i].second);
  }
  text += "}}\n";
  if (used_ != 0) put_block();
  writer_.put(std::move(text));
  writer_.close();
}

}  // namespace mmusim
