// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>

#include "models/base/format.h"
#include "sim/trace/event_log_names.h"
#include "sim/trace/json_record.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

using JsonValue = simdjson::ondemand::value;

using enum EventField;

/// Fields of one record that a replay needs.
struct Record {
  std::string event;
  std::string kind;
  std::string stage;
  std::string counts;  // of the totals record, still JSON
  std::optional<uint64_t> cycle;
  uint64_t id = 0;                // of an access
  std::optional<uint64_t> after;  // number of the access that a record of another kind follows
  uint64_t core = 0;
  MemAccess access;
  std::optional<uint64_t> va;
  bool timed = true;
  uint64_t bytes = 0;
  uint64_t new_value = 0;
  uint64_t number = 0;
  uint64_t entry_pa = 0;
  std::optional<uint64_t> pa;
};

void read_flags(Record& record, std::string_view key, JsonValue value) {
  MemAccess& access = record.access;
  if (key == name_of(kUser)) access.user = json_boolean(value);
  if (key == name_of(kRmw)) access.rmw = json_boolean(value);
  if (key == name_of(kStack)) access.stack = json_boolean(value);
  if (key == name_of(kImplicit)) access.implicit = json_boolean(value);
  if (key == name_of(kTimed)) record.timed = json_boolean(value);
  if (key == name_of(kAwaited)) access.awaited = json_boolean(value);
  if (key == name_of(kContinues)) access.continues = json_boolean(value);
  if (key == name_of(kDependsOn)) json_producers(value, access);
  if (key == name_of(kGap)) access.gap = static_cast<uint16_t>(json_number(value, UINT16_MAX));
}

/// Keys that matter to no replay (stages of an access, reads of a walk, causes) are passed over.
void read_member(Record& record, std::string_view key, JsonValue value) {
  if (key == name_of(kEvent)) {
    record.event = json_text(value);
  } else if (key == name_of(kCycle) || key == name_of(kEndCycle)) {
    record.cycle = json_number(value);
  } else if (key == name_of(kId)) {
    record.id = json_number(value);
  } else if (key == name_of(kAccess)) {
    record.after = json_number(value);
  } else if (key == name_of(kCore)) {
    record.core = json_number(value);
  } else if (key == name_of(kVa)) {
    record.va = json_hex(value);
    record.access.va = VirtAddr(*record.va);
  } else if (key == name_of(kBytes)) {
    record.bytes = json_number(value);
  } else if (key == name_of(kKind)) {
    record.kind = json_text(value);
  } else if (key == name_of(kStage)) {
    record.stage = json_text(value);
  } else if (key == name_of(kNew)) {
    record.new_value = json_hex(value);
  } else if (key == name_of(kNumber)) {
    record.number = json_number(value, 15);
  } else if (key == name_of(kEntryPa)) {
    record.entry_pa = json_hex(value);
  } else if (key == name_of(kPa)) {
    record.pa = json_hex(value);
  } else if (key == name_of(kRecords)) {
    simdjson::ondemand::object counts = value.get_object();
    record.counts = std::string_view(counts.raw_json());
  } else {
    read_flags(record, key, value);
  }
}

/// Brings the records of one core back into the order of its program. Accesses are logged when they retire, out of
/// order on an out-of-order core; every other record says which access it follows.
class ProgramOrder {
 public:
  void access(uint64_t id, const MemAccess& access) {
    if (id <= given_ || !accesses_.emplace(id, access).second) {
      throw TraceDamage(fmt::format("access number {} a second time", id));
    }
    if (accesses_.size() > kMostAhead) throw TraceDamage(fmt::format("access number {} is missing", given_ + 1));
  }
  void event(uint64_t after, const TraceEvent& event, std::string text) {
    text_bytes_ += text.size();
    events_.push_back({after, event, std::move(text)});
    if (events_.size() > kMostAhead || text_bytes_ > kMostTextAhead)
      throw TraceDamage(fmt::format("access number {} is missing", given_ + 1));
  }
  /// Moves to `batch` what is next, as far as it is known and the batch has room.
  void give(BatchBuilder& batch) {
    while (batch.has_room()) {
      if (!events_.empty() && events_.front().after <= given_) {
        give_event(batch);
      } else if (!accesses_.empty() && accesses_.begin()->first == given_ + 1) {
        batch.add(accesses_.begin()->second, 0);
        accesses_.erase(accesses_.begin());
        ++given_;
      } else {
        return;
      }
    }
  }
  bool empty() const { return accesses_.empty() && events_.empty(); }
  uint64_t next_access() const { return given_ + 1; }

 private:
  static constexpr size_t kMostAhead = 65536;  // beyond any reorder window
  static constexpr size_t kMostTextAhead = size_t{4} << 20;
  struct Event {
    uint64_t after;
    TraceEvent event;
    std::string text;
  };

  void give_event(BatchBuilder& batch) {
    Event& next = events_.front();
    TraceEvent& event = batch.add_event(next.event.kind);
    const uint32_t before = event.before;
    event = next.event;
    event.before = before;
    text_bytes_ -= next.text.size();
    if (!next.text.empty()) batch.set_text(event, std::move(next.text));
    events_.pop_front();
  }

  std::map<uint64_t, MemAccess> accesses_;
  std::deque<Event> events_;
  uint64_t given_ = 0;     // accesses
  size_t text_bytes_ = 0;  // of events_
};

class EventLogParser final : public TraceParser {
 public:
  EventLogParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info)
      : TraceParser(bytes, options, info), lines_(bytes) {
    bool ours = false;
    const bool any = lines_.next([&](std::string_view key, JsonValue value) {
      if (key == name_of(kFormat)) ours = json_text(value) == kEventLogFormat;
      if (key == name_of(kEvents)) accesses_logged_ = lists_accesses(json_text(value));
      if (key != "version") return;
      version_ = json_number(value);
      if (version_ != 1 && version_ != kEventLogVersion) {
        throw TraceDamage(
            fmt::format("unknown version of the event log, this program reads 1 to {}", kEventLogVersion));
      }
    });
    if (!any || !ours) throw TraceDamage("the first line is no header with \"format\": \"mmusim-events\"");
    info_.header = lines_.text();
  }

  void fill(BatchBuilder& batch) override {
    try {
      order_.give(batch);
      while (!ended_ && batch.has_room()) {
        Record record;
        if (!lines_.next([&](std::string_view key, JsonValue value) { read_member(record, key, value); })) {
          truncated("no totals record");
        }
        take(record);
        order_.give(batch);
      }
      if (ended_ && batch.has_room() && !order_.empty()) {
        throw TraceDamage(fmt::format("access number {} is missing", order_.next_access()));
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

  void take(const Record& record) {
    if (record.event == name_of(EventKind::kTotals)) {
      check_totals(record);
      return;
    }
    const size_t kind = count(record.event);
    ++counts_[kind];
    if (record.cycle) info_.last_cycle = record.cycle;
    if (record.event == name_of(EventKind::kAccess) && record.core != 0) {
      info_.notes = "several cores: the accesses of the others are left out";
    } else if (record.event == name_of(EventKind::kAccess)) {
      // Version 1 is in the order of the file, and its numbers may be anything.
      const uint64_t id = version_ == 1 ? last_access_ + 1 : record.id;
      last_access_ = std::max(last_access_, id);
      order_.access(id, access_of(record));
    } else {
      std::string text;
      const std::optional<TraceEvent> event = event_of(record, counts_[kind], text);
      if (event) {
        uint64_t after = record.core == 0 ? record.after.value_or(last_access_) : last_access_;
        if (!accesses_logged_) after = 0;  // nothing to come after: the order of the file
        if (is_instruction(event->kind) && record.timed != timed_) {
          TraceEvent timed;
          timed.kind = TraceEventKind::kTimed;
          timed.value = record.timed ? 1 : 0;
          order_.event(after, timed, "");
          timed_ = record.timed;
        }
        order_.event(after, *event, std::move(text));
      }
    }
    ++records_;
  }
  static bool lists_accesses(std::string_view kinds) {
    return kinds == "all" || kinds.find("accesses") != std::string_view::npos;
  }
  static size_t count(std::string_view event) {
    for (size_t i = 0; i < kCountedEventKinds; ++i) {
      if (event == kEventKindNames[i]) return i;
    }
    throw TraceDamage(fmt::format("unknown event \"{}\"", event.substr(0, 40)));
  }
  static bool is_instruction(TraceEventKind kind) {
    return kind == TraceEventKind::kInvlpg || kind == TraceEventKind::kInvpcid || kind == TraceEventKind::kCrWrite;
  }
  static MemAccess access_of(const Record& record) {
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
    return access;
  }
  /// Takes a record other than an access: what it does to memory or to the core; `number` counts records of its kind.
  std::optional<TraceEvent> event_of(const Record& record, uint64_t number, std::string& text) const {
    TraceEvent event;
    event.va = record.access.va;
    if (record.event == name_of(EventKind::kPhase)) {
      event.kind = TraceEventKind::kMarker;
      event.value = number;
      text = record.stage;
    } else if (record.event == name_of(EventKind::kPteWrite)) {
      event.kind = TraceEventKind::kEntryWrite;
      event.value = record.new_value;
      event.operand = record.entry_pa;
      event.has_operand = true;
    } else if (record.event == name_of(EventKind::kZero) &&
               (record.pa || version_ == 1)) {  // elsewhere there are no page tables
      event.kind = TraceEventKind::kZero;
      event.value = record.bytes;
      event.operand = record.pa.value_or(0);
      event.has_operand = record.pa.has_value();
    } else if (record.event == name_of(EventKind::kInvalidate)) {
      event.kind = record.va ? TraceEventKind::kInvlpg : TraceEventKind::kInvpcid;
    } else if (record.event == name_of(EventKind::kCrWrite)) {
      event.kind = TraceEventKind::kCrWrite;
      event.value = record.number;
      event.operand = record.new_value;
      event.has_operand = true;
    } else if (record.event == name_of(EventKind::kDrain)) {
      event.kind = TraceEventKind::kDrain;
    } else if (record.event != name_of(EventKind::kFlush) || version_ != 1 || !flush_of(record, event)) {
      return std::nullopt;  // from version 2 on, flush says what kernel code asked for, invalidate what the core did
    }
    return event;
  }
  static bool flush_of(const Record& record, TraceEvent& event) {
    if (record.kind == "page" || record.kind == "invlpg" || record.kind == "invpcid") {
      event.kind = record.kind == "invpcid" ? TraceEventKind::kInvpcid : TraceEventKind::kInvlpg;
      event.value = record.bytes;
    } else if (record.kind == "cr3" || record.kind == "cr4" || record.kind == "all") {
      event.kind = TraceEventKind::kCrWrite;
      event.va = VirtAddr();
      event.value = record.kind == "cr3" ? 3 : 4;  // a change of CR4.PGE throws everything away, as "all" does
    } else {
      throw TraceDamage(fmt::format("unknown kind of flush \"{}\"", record.kind.substr(0, 40)));
    }
    return true;
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
            fmt::format("the totals tell {} {} records, the log has {}", told, kEventKindNames[kind], counts_[kind]));
      }
    }
  }

  JsonRecords lines_;
  ProgramOrder order_;
  uint64_t version_ = 1;
  bool accesses_logged_ = true;  // the header may say otherwise
  uint64_t last_access_ = 0;
  bool timed_ = true;
  std::array<uint64_t, kCountedEventKinds> counts_{};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TraceParser> make_event_log_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<EventLogParser>(bytes, options, info);
}

}  // namespace mmusim
