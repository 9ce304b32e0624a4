// SPDX-License-Identifier: MIT
#include "models/base/format.h"
#include "sim/trace/text_lines.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

constexpr size_t kShownBytes = 60;

/// Common to the line-oriented forms: one line at a time, noise passed over, anything else is damage.
class LineParser : public TraceParser {
 public:
  using TraceParser::TraceParser;

  uint64_t offset() const override { return line_offset_; }

 protected:
  std::optional<std::string_view> next_line() {
    line_offset_ = bytes_.offset();
    return bytes_.line();
  }
  [[noreturn]] void unexpected(std::string_view line, const char* expected) const {
    std::string shown;
    for (const char c : line.substr(0, kShownBytes)) {
      const bool printable = c >= ' ' && c <= '~';
      shown += printable ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
    throw TraceDamage(
        fmt::format("unexpected line \"{}{}\", expected {}", shown, line.size() > kShownBytes ? "..." : "", expected));
  }

 private:
  uint64_t line_offset_ = 0;
};

class LackeyParser final : public LineParser {
 public:
  using LineParser::LineParser;

  void fill(BatchBuilder& batch) override {
    LackeyLine parsed;
    while (batch.has_room()) {
      const std::optional<std::string_view> line = next_line();
      if (!line) return;
      const LineKind kind = parse_lackey_line(*line, parsed);
      if (kind == LineKind::kNoise) continue;
      if (kind == LineKind::kOther) unexpected(*line, "\"I  addr,size\", \" L addr,size\", \" S ...\" or \" M ...\"");
      if (parsed.access.kind == AccessKind::kFetch) pc_ = parsed.access.va.raw();
      batch.add(parsed.access, pc_);
      ++records_;
    }
  }

 private:
  uint64_t pc_ = 0;  // of the instruction whose accesses follow
};

class ExeclogParser final : public LineParser {
 public:
  using LineParser::LineParser;

  void fill(BatchBuilder& batch) override {
    while (parsed_ ? batch.has_room(1 + line_.accesses.size()) : batch.has_room()) {
      if (!parsed_ && !parse()) return;
      if (!batch.has_room(1 + line_.accesses.size())) return;  // fits the next batch, see kMostAccesses
      add(batch, line_.pc, AccessKind::kFetch);
      for (const ExeclogAccess& access : line_.accesses) {
        add(batch, access.address, access.store ? AccessKind::kWrite : AccessKind::kRead);
      }
      parsed_ = false;
      ++records_;
    }
  }

 private:
  static constexpr size_t kMostAccesses = 1024;  // of one instruction; repeated string instructions restart before

  bool parse() {
    for (;;) {
      const std::optional<std::string_view> line = next_line();
      if (!line) return false;
      const LineKind kind = parse_execlog_line(*line, line_);
      if (kind == LineKind::kNoise) continue;
      if (kind == LineKind::kOther || line_.accesses.size() > kMostAccesses) {
        unexpected(*line, "'cpu, 0xpc, 0xopcode, \"disassembly\"[, load|store, 0xaddress]'");
      }
      parsed_ = true;
      if (line_.physical) {
        info_.notes =
            "the log comes from system emulation: its data addresses are physical, taken as virtual; record with "
            "user-mode emulation";
      } else if (info_.notes.empty()) {
        info_.notes = "execlog records no access sizes: each access counts as one byte";
      }
      return true;
    }
  }
  void add(BatchBuilder& batch, uint64_t va, AccessKind kind) const {
    MemAccess access;
    access.va = VirtAddr(va);
    access.bytes = 1;
    access.kind = kind;
    access.user = line_.pc >> 63 == 0;
    batch.add(access, line_.pc);
  }

  ExeclogLine line_;
  bool parsed_ = false;  // line_ waits for room
};

class PerfParser final : public LineParser {
 public:
  PerfParser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) : LineParser(bytes, options, info) {
    info_.notes = "perf samples are some of a program's accesses, without sizes: each counts as one byte";
  }

  void fill(BatchBuilder& batch) override {
    PerfLine parsed;
    while (batch.has_room()) {
      const std::optional<std::string_view> line = next_line();
      if (!line) return;
      const LineKind kind = parse_perf_line(*line, parsed);
      if (kind == LineKind::kNoise) continue;
      if (kind == LineKind::kOther) unexpected(*line, "a line of perf script -F comm,pid,tid,time,event,addr,ip");
      if (parsed.process && parsed.process != process_) {
        process_ = parsed.process;
        batch.add_event(TraceEventKind::kProcess).value = *process_;
      }
      batch.add(parsed.access, parsed.pc.value_or(0));
      ++records_;
    }
  }

 private:
  std::optional<uint64_t> process_;
};

}  // namespace

std::unique_ptr<TraceParser> make_lackey_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<LackeyParser>(bytes, options, info);
}

std::unique_ptr<TraceParser> make_execlog_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<ExeclogParser>(bytes, options, info);
}

std::unique_ptr<TraceParser> make_perf_parser(ByteReader& bytes, const TraceOptions& options, TraceInfo& info) {
  return std::make_unique<PerfParser>(bytes, options, info);
}

}  // namespace mmusim
