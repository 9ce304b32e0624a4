// SPDX-License-Identifier: MIT
#include <algorithm>

#include "models/base/format.h"
#include "sim/trace/checksum.h"
#include "sim/trace/forms/text_scan.h"
#include "sim/trace/json_lines.h"
#include "sim/trace/json_record.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

using JsonValue = simdjson::ondemand::value;

/// The members of one line. An object is an access, an event or the trailer, by its first key.
struct Line {
  enum class What : uint8_t { kUnknown, kAccess, kEvent, kEnd };
  What what = What::kUnknown;
  MemAccess access;
  TraceEvent event;
  uint64_t pc = 0;
  std::string name;
  uint64_t records = 0;
  uint64_t checksum = 0;
};

AccessKind access_kind(std::string_view name) {
  for (const AccessKind kind : {AccessKind::kRead, AccessKind::kWrite, AccessKind::kFetch}) {
    if (name == name_of(kind)) return kind;
  }
  throw TraceDamage(fmt::format("unknown access \"{}\", expected read, write or fetch", name.substr(0, 40)));
}

TraceEventKind event_kind(std::string_view name) {
  for (unsigned i = 0; i < kTraceEventKinds; ++i) {
    if (name == name_of(static_cast<TraceEventKind>(i))) return static_cast<TraceEventKind>(i);
  }
  throw TraceDamage(fmt::format("unknown event \"{}\"", name.substr(0, 40)));
}

[[noreturn]] void unknown_key(std::string_view key) {
  throw TraceDamage(fmt::format("unknown key \"{}\"", key.substr(0, 40)));
}

void read_first(Line& line, std::string_view key, JsonValue value) {
  if (key == "access") {
    line.what = Line::What::kAccess;
    line.access.kind = access_kind(json_text(value));
  } else if (key == "event") {
    line.what = Line::What::kEvent;
    line.event.kind = event_kind(json_text(value));
  } else if (key == "end") {
    line.what = Line::What::kEnd;
    line.records = json_number(value);
  } else {
    throw TraceDamage(fmt::format("first key \"{}\", expected access, event or end", key.substr(0, 40)));
  }
}

uint16_t json_number16(JsonValue value) { return static_cast<uint16_t>(json_number(value, UINT16_MAX)); }

void read_access(Line& line, std::string_view key, JsonValue value) {
  MemAccess& access = line.access;
  if (key == "va") {
    access.va = VirtAddr(json_hex(value));
  } else if (key == "bytes") {
    access.bytes = json_number16(value);
    if (access.bytes == 0) throw TraceDamage("an access of 0 bytes, at least 1");
  } else if (key == "user") {
    access.user = json_boolean(value);
  } else if (key == "rmw") {
    access.rmw = json_boolean(value);
  } else if (key == "stack") {
    access.stack = json_boolean(value);
  } else if (key == "implicit") {
    access.implicit = json_boolean(value);
  } else if (key == "awaited") {
    access.awaited = json_boolean(value);
  } else if (key == "continues") {
    access.continues = json_boolean(value);
  } else if (key == "depends_on") {
    json_producers(value, access);
  } else if (key == "gap") {
    access.gap = json_number16(value);
  } else if (key == "pc") {
    line.pc = json_hex(value);
  } else {
    unknown_key(key);
  }
}

void read_event(Line& line, std::string_view key, JsonValue value) {
  TraceEvent& event = line.event;
  if (key == "va") {
    event.va = VirtAddr(json_hex(value));
  } else if (key == "value") {
    event.value = json_hex(value);
  } else if (key == "operand") {
    event.operand = json_hex(value);
    event.has_operand = true;
  } else if (key == "user") {
    event.user = json_boolean(value);
  } else if (key == "pc") {
    event.pc = json_hex(value);
  } else if (key == "name") {
    line.name = json_text(value);
  } else {
    unknown_key(key);
  }
}

/// Most bytes of a line that read_plain() reads: one with each member once takes half of it.
constexpr size_t kMostPlainBytes = 512;

/// A number above 0.
bool plain_number(std::string_view& text, uint16_t& value) {
  constexpr size_t kMostDigits = 5;
  uint32_t number = 0;
  size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n) {
    if (n == kMostDigits) return false;
    number = number * 10 + static_cast<uint32_t>(text[n] - '0');
    if (number == 0) return false;  // 0 itself, or a number that JSON does not know
  }
  text.remove_prefix(n);
  value = static_cast<uint16_t>(number);
  return n != 0 && number <= UINT16_MAX;
}

bool plain_kind(std::string_view& text, AccessKind& kind) {
  if (scan::literal(text, "read\"")) {
    kind = AccessKind::kRead;
  } else if (scan::literal(text, "write\"")) {
    kind = AccessKind::kWrite;
  } else if (scan::literal(text, "fetch\"")) {
    kind = AccessKind::kFetch;
  } else {
    return false;
  }
  return true;
}

/// A member beyond kind, address and size, with the comma before it.
bool plain_member(std::string_view& text, MemAccess& access, uint64_t& pc) {
  switch (text[2]) {  // behind the comma and a quotation mark
    case 'u':
      return access.user = scan::literal(text, R"(,"user":true)");
    case 'r':
      return access.rmw = scan::literal(text, R"(,"rmw":true)");
    case 's':
      return access.stack = scan::literal(text, R"(,"stack":true)");
    case 'i':
      return access.implicit = scan::literal(text, R"(,"implicit":true)");
    case 'a':
      return access.awaited = scan::literal(text, R"(,"awaited":true)");
    case 'c':
      return access.continues = scan::literal(text, R"(,"continues":true)");
    case 'd':
      return scan::literal(text, R"(,"depends_on":)") && plain_number(text, access.depends_on);
    case 'g':
      return scan::literal(text, R"(,"gap":)") && plain_number(text, access.gap);
    case 'p':
      return scan::literal(text, R"(,"pc":"0x)") && scan::hex(text, pc) && scan::literal(text, "\"");
    default:
      return false;
  }
}

/// Takes a whole line with an access from the front of `text`, if it stands there as the writer writes it: without blanks,
/// kind, address and size first. The others may come in any order: of members given twice the last one counts, as the JSON
/// parser has it. If not, the line is for that parser, and `text`, `access` and `pc` are anything.
bool read_plain(std::string_view& text, MemAccess& access, uint64_t& pc) {
  uint64_t va = 0;
  if (!scan::literal(text, R"({"access":")") || !plain_kind(text, access.kind)) return false;
  if (!scan::literal(text, R"(,"va":"0x)") || !scan::hex(text, va)) return false;
  access.va = VirtAddr(va);
  if (!scan::literal(text, R"(","bytes":)") || !plain_number(text, access.bytes)) return false;
  while (text.size() > 2 && text[0] == ',') {
    if (!plain_member(text, access, pc)) return false;
  }
  return scan::literal(text, "}\n");
}

class JsonLinesParser final : public TraceParser {
 public:
  JsonLinesParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info)
      : TraceParser(bytes, options, info), lines_(bytes) {
    bool ours = false;
    const bool any = lines_.next([&](std::string_view key, JsonValue value) {
      if (key == "format") ours = json_text(value) == json_lines::kFormat;
      if (key == "version" && json_number(value) != json_lines::kVersion) {
        throw TraceDamage(
            fmt::format("unknown version of the JSON Lines form, this program reads {}", json_lines::kVersion));
      }
    });
    if (!any || !ours) throw TraceDamage("the first line is no header with \"format\": \"mmusim-trace\"");
    info_.header = lines_.text();
  }

  void fill(BatchBuilder& batch) override {
    while (!ended_ && batch.has_room()) {
      if (add_plain(batch)) continue;
      if (!lines_.next_line()) throw TraceDamage("truncated: no trailer");
      add(batch, parsed());
    }
  }
  uint64_t offset() const override { return lines_.offset(); }

 private:
  /// Adds the next record if it is an access that read_plain() reads and that is in the buffer already.
  bool add_plain(BatchBuilder& batch) {
    std::string_view text(reinterpret_cast<const char*>(bytes_.data()), std::min(bytes_.available(), kMostPlainBytes));
    const size_t before = text.size();
    MemAccess& access = batch.append(0);
    uint64_t pc = 0;
    if (!read_plain(text, access, pc)) {
      batch.drop();
      return false;
    }
    bytes_.consume(before - text.size());
    batch.set_pc(pc);
    count_in(access, pc);
    ++records_;
    return true;
  }
  /// The line as the JSON parser reads it.
  Line parsed() {
    Line line;
    lines_.parse([&](std::string_view key, JsonValue value) {
      if (line.what == Line::What::kUnknown) {
        read_first(line, key, value);
      } else if (line.what == Line::What::kAccess) {
        read_access(line, key, value);
      } else if (line.what == Line::What::kEvent) {
        read_event(line, key, value);
      } else if (key == "checksum") {
        line.checksum = json_hex(value);
      } else {
        unknown_key(key);
      }
    });
    return line;
  }
  void add(BatchBuilder& batch, const Line& line) {
    switch (line.what) {
      case Line::What::kUnknown:
        throw TraceDamage("an object without members");
      case Line::What::kAccess:
        batch.add(line.access, line.pc);
        count_in(line.access, line.pc);
        break;
      case Line::What::kEvent:
        checksum_.event(line.event);
        add_event(batch, line);
        break;
      case Line::What::kEnd:
        check_trailer(line);
        return;
    }
    ++records_;
  }
  void count_in(const MemAccess& access, uint64_t pc) {
    checksum_.access(access);
    if (pc != 0) checksum_.word(pc);
  }
  void add_event(BatchBuilder& batch, const Line& line) const {
    if (line.event.kind == TraceEventKind::kInstruction && !options_.want_instructions) return;
    TraceEvent& event = batch.add_event(line.event.kind);
    const uint32_t before = event.before;
    event = line.event;
    event.before = before;
    if (!line.name.empty()) batch.set_text(event, line.name);
  }
  void check_trailer(const Line& line) {
    if (line.records != records_) {
      throw TraceDamage(fmt::format("the trailer tells {} records, the file has {}", line.records, records_));
    }
    if (line.checksum != checksum_.value()) throw TraceDamage("checksum of the trace differs");
    if (!bytes_.at_end()) throw TraceDamage("data after the trailer");
    info_.checksum = line.checksum;
    ended_ = true;
  }

  JsonRecords lines_;
  TraceChecksum checksum_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TraceParser> make_json_lines_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<JsonLinesParser>(bytes, options, info);
}

}  // namespace mmusim
