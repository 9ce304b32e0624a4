// SPDX-License-Identifier: MIT
#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

/// The text of drmemtrace's view tool (DynamoRIO, clients/drcachesim/tools/view.cpp):
///
///     RECORD INSTRUCTION: TID ifetch  SIZE byte(s) @ 0xADDRESS bytes and disassembly
///     RECORD INSTRUCTION: TID read    SIZE byte(s) @ 0xADDRESS by PC 0xPC
///
/// TID is a number, T123 in older versions, W0.T123 where several workloads were recorded. Prefetches, flushes and
/// instructions that were not fetched again ("non-fetched") make no access; markers tell none.
class DrmemtraceForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    const size_t bytes_at = line.find(" byte(s) @ ");
    if (bytes_at == std::string_view::npos) return is_own(line) ? LineKind::kOwn : LineKind::kForeign;
    std::string_view head = line.substr(0, bytes_at);
    std::string_view rest = line.substr(bytes_at + 11);
    const std::string_view size = last_token(head);
    const std::string_view name = last_token(head);
    const std::string_view thread = last_token(head);
    uint64_t bytes = 0;
    uint64_t va = 0;
    if (!scan::whole_decimal(size, bytes) || !scan::literal(rest, "0x") || !scan::hex(rest, va)) {
      return LineKind::kForeign;
    }
    const bool fetch = name == "ifetch";
    if (!fetch && name != "read" && name != "write") return LineKind::kOwn;
    if (bytes == 0 || bytes > UINT16_MAX) return LineKind::kForeign;
    if (fetch && rest.ends_with("non-fetched instruction")) return LineKind::kOwn;
    record.pc = va;
    if (!fetch && (!scan::literal(rest, " by PC 0x") || !scan::whole_hex(rest, record.pc))) return LineKind::kForeign;
    const AccessKind kind = fetch ? AccessKind::kFetch : name == "read" ? AccessKind::kRead : AccessKind::kWrite;
    record.only(kind, va, static_cast<uint16_t>(bytes)).user = record.pc >> 63 == 0;
    return read_thread(thread, record) ? LineKind::kRecord : LineKind::kForeign;
  }
  const char* expected() const override {
    return "a line of drmemtrace's view tool, '... TID ifetch|read|write SIZE byte(s) @ 0xADDRESS ...'";
  }
  const char* streams() const override { return "thread"; }

 private:
  /// Takes the last run of non-blank characters off `text`.
  static std::string_view last_token(std::string_view& text) {
    const size_t last = text.find_last_not_of(' ');
    if (last == std::string_view::npos) return {};
    const size_t before = text.find_last_of(" :", last);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view token = text.substr(begin, last + 1 - begin);
    text = text.substr(0, begin);
    return token;
  }

  /// "123", "T123" or "W0.T123".
  static bool read_thread(std::string_view text, LineRecord& record) {
    uint64_t number = 0;
    if (scan::literal(text, "W")) {
      if (!scan::decimal(text, number) || !scan::literal(text, ".")) return false;
      record.process = number;
    }
    scan::literal(text, "T");
    if (!scan::whole_decimal(text, number)) return false;
    record.stream = number;
    return true;
  }

  /// Headings, and lines with the columns that stand before each record.
  static bool is_own(std::string_view line) {
    for (const char* heading : {"Output format:", "<--record", "------------", "View tool results:"}) {
      if (line.starts_with(heading)) return true;
    }
    const size_t first = line.find_first_not_of(' ');
    if (first == std::string_view::npos) return true;
    uint64_t number = 0;
    std::string_view rest = line.substr(first);
    if (rest.starts_with('T')) {  // the first versions have no counts
      LineRecord ignored;
      return read_thread(scan::token(rest), ignored);
    }
    if (!scan::decimal(rest, number)) return false;
    if (rest.starts_with(" : ")) return true;  // a result
    std::string_view instruction = scan::token(rest);
    return scan::decimal(instruction, number) && instruction == ":";
  }
};

}  // namespace

std::unique_ptr<LineForm> make_drmemtrace_form() { return std::make_unique<DrmemtraceForm>(); }

}  // namespace mmusim
