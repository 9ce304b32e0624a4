// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <array>
#include <optional>

#include "sim/trace/json_lines.h"
#include "sim/trace/json_record.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

using JsonValue = simdjson::ondemand::value;

constexpr std::array<std::string_view, 12> kCountedKinds = {
    "pte_write", "pte_read", "walk", "access", "alloc", "free", "zero", "fill", "flush", "step", "kernel_log", "phase"};

/// What a replay needs of one record.
struct Record {
  std::string event;
  std::string kind;
  std::string stage;
  std::string counts;  // of the totals record, still JSON
  std::optional<uint64_t> cycle;
  MemAccess access;
  uint64_t bytes = 0;
  uint64_t new_value = 0;
  uint64_t entry_pa = 0;
  std::optional<uint64_t> pa;
};

void read_flags(Record& record, std::string_view key, JsonValue value) {
  MemAccess& access = record.access;
  if (key == "user") access.user = json_boolean(value);
  if (key == "rmw") access.rmw = json_boolean(value);
  if (key == "stack") access.stack = json_boolean(value);
  if (key == "implicit") access.implicit = json_boolean(value);
  if (key == "depends_on") access.depends_on = static_cast<uint16_t>(json_number(value, UINT16_MAX));
  if (key == "gap") access.gap = static_cast<uint16_t>(json_number(value, UINT16_MAX));
}

/// Keys that matter to no replay (stages of an access, reads of a walk, causes) are passed over.
void read_member(Record& record, std::string_view key, JsonValue value) {
  if (key == "event") {
    record.event = json_text(value);
  } else if (key == "cycle" || key == "end_cycle") {
    record.cycle = json_number(value);
  } else if (key == "va") {
    record.access.va = VirtAddr(json_hex(value));
  } else if (key == "bytes") {
    record.bytes = json_number(value);
  } else if (key == "kind") {
    record.kind = json_text(value);
  } else if (key == "stage") {
    record.stage = json_text(value);
  } else if (key == "new") {
    record.new_value = json_hex(value);
  } else if (key == "entry_pa") {
    record.entry_pa = json_hex(value);
  } else if (key == "pa") {
    record.pa = json_hex(value);
  } else if (key == "records") {
    simdjson::ondemand::object counts = value.get_object();
    record.counts = std::string_view(counts.raw_json());
  } else {
    read_flags(record, key, value);
  }
}

class EventLogParser final : public TraceParser {
 public:
  EventLogParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info)
      : TraceParser(bytes, options, info), lines_(bytes) {
    bool ours = false;
    const bool any = lines_.next([&](std::string_view key, JsonValue value) {
      if (key == "format") ours = json_text(value) == json_lines::kEventLogFormat;
      if (key == "version" && json_number(value) != json_lines::kVersion) {
        throw TraceDamage(fmt::format("unknown version of the event log, this program reads {}", json_lines::kVersion));
      }
    });
    if (!any || !ours) throw TraceDamage("the first line is no header with \"format\": \"mmusim-events\"");
    info_.header = lines_.text();
  }

  void fill(BatchBuilder& batch) override {
    try {
      while (!ended_ && batch.has_room()) {
        Record record;
        if (!lines_.next([&](std::string_view key, JsonValue value) { read_member(record, key, value); })) {
          truncated("no totals record");
        }
        take(batch, record);
      }
    } catch (const TraceDamage& damage) {
      // A log that was cut anywhere, be it in a line or in the compressed data, is a truncated log.
      if (std::string_view(damage.what()).starts_with("truncated:")) truncated(damage.what());
      if (std::string_view(damage.what()).ends_with(" of the compressed file")) truncated(damage.what());
      throw;
    }
  }
  uint64_t offset() const override { return lines_.offset(); }

 private:
  [[noreturn]] void truncated(std::string_view why) const {
    throw TraceDamage(
        fmt::format("truncated after {} records, cycle {} ({})", records_, info_.last_cycle.value_or(0), why));
  }

  void take(BatchBuilder& batch, const Record& record) {
    if (record.event == "totals") {
      check_totals(record);
      return;
    }
    const size_t kind = count(record.event);
    ++counts_[kind];
    if (record.cycle) info_.last_cycle = record.cycle;
    if (record.event == "access") {
      add_access(batch, record);
    } else if (record.event == "phase") {
      TraceEvent& event = batch.add_event(TraceEventKind::kMarker);
      event.value = counts_[kind];
      batch.set_text(event, record.stage);
    } else if (record.event == "pte_write") {
      TraceEvent& event = batch.add_event(TraceEventKind::kEntryWrite);
      event.va = record.access.va;
      event.value = record.new_value;
      event.operand = record.entry_pa;
      event.has_operand = true;
    } else if (record.event == "zero") {
      TraceEvent& event = batch.add_event(TraceEventKind::kZero);
      event.va = record.access.va;
      event.value = record.bytes;
      event.operand = record.pa.value_or(0);
      event.has_operand = record.pa.has_value();
    } else if (record.event == "flush") {
      add_flush(batch, record);
    }
    ++records_;
  }
  static size_t count(std::string_view event) {
    for (size_t i = 0; i < kCountedKinds.size(); ++i) {
      if (event == kCountedKinds[i]) return i;
    }
    throw TraceDamage(fmt::format("unknown event \"{}\"", event.substr(0, 40)));
  }
  static void add_access(BatchBuilder& batch, const Record& record) {
    MemAccess access = record.access;
    if (record.bytes == 0 || record.bytes > UINT16_MAX) {
      throw TraceDamage(fmt::format("an access of {} bytes", record.bytes));
    }
    access.bytes = static_cast<uint16_t>(record.bytes);
    if (record.kind == name_of(AccessKind::kWrite)) {
      access.kind = AccessKind::kWrite;
    } else if (record.kind == name_of(AccessKind::kFetch)) {
      access.kind = AccessKind::kFetch;
    } else if (record.kind != name_of(AccessKind::kRead)) {
      throw TraceDamage(fmt::format("unknown kind of access \"{}\"", record.kind.substr(0, 40)));
    }
    batch.add(access, 0);
  }
  static void add_flush(BatchBuilder& batch, const Record& record) {
    if (record.kind == "page" || record.kind == "invlpg" || record.kind == "invpcid") {
      TraceEvent& event =
          batch.add_event(record.kind == "invpcid" ? TraceEventKind::kInvpcid : TraceEventKind::kInvlpg);
      event.va = record.access.va;
      event.value = record.bytes;
    } else if (record.kind == "cr3" || record.kind == "cr4" || record.kind == "all") {
      TraceEvent& event = batch.add_event(TraceEventKind::kCrWrite);
      event.value = record.kind == "cr3" ? 3 : 4;  // a change of CR4.PGE throws everything away, as "all" does
    } else {
      throw TraceDamage(fmt::format("unknown kind of flush \"{}\"", record.kind.substr(0, 40)));
    }
  }
  /// The totals record closes the log and tells how many records of each kind it has.
  void check_totals(const Record& record) {
    try {
      check_counts(record.counts);
    } catch (const simdjson::simdjson_error& error) {
      throw TraceDamage(fmt::format("no counts of records in the totals: {}", error.what()));
    }
    if (record.cycle) info_.last_cycle = record.cycle;
    if (!bytes_.at_end()) throw TraceDamage("data after the totals record");
    ended_ = true;
  }

  void check_counts(const std::string& counts) const {
    simdjson::ondemand::parser parser;
    const simdjson::padded_string text(counts);
    simdjson::ondemand::document document = parser.iterate(text);
    for (simdjson::ondemand::field field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      const size_t kind = count(key);
      const uint64_t told = json_number(field.value());
      if (told != counts_[kind]) {
        throw TraceDamage(
            fmt::format("the totals tell {} {} records, the log has {}", told, kCountedKinds[kind], counts_[kind]));
      }
    }
  }

  JsonRecords lines_;
  std::array<uint64_t, kCountedKinds.size()> counts_{};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TraceParser> make_event_log_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<EventLogParser>(bytes, options, info);
}

}  // namespace mmusim
