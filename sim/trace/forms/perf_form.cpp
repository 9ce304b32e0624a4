// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

struct Token {
  std::string_view text;
  size_t begin = 0;     ///< in the line
  bool hex = false;     ///< 1 to 16 hexadecimal digits and nothing else
  bool digits = false;  ///< decimal digits only
  uint64_t value = 0;   ///< if hex
  size_t end() const { return begin + text.size(); }
};

/// The words of a line, as many as a sample's columns can take.
class Tokens {
 public:
  explicit Tokens(std::string_view line) {
    for (std::string_view rest = line; size_ < kMost;) {
      const std::string_view text = scan::token(rest);
      if (text.empty()) break;
      Token& token = tokens_[size_++];
      token.text = text;
      token.begin = static_cast<size_t>(text.data() - line.data());
      token.hex = scan::whole_hex(text, token.value);
      token.digits = text.find_first_not_of("0123456789") == std::string_view::npos;
    }
  }
  size_t size() const { return size_; }
  const Token& operator[](size_t i) const { return tokens_[i]; }
  bool hex(size_t i) const { return i < size_ && tokens_[i].hex; }
  /// True if token `i` is an address where no time stands before it: a process has fewer digits.
  bool is_sample_address(size_t i) const {
    constexpr size_t kLeastDigits = 9;
    return hex(i) && (is_column(i) || tokens_[i].text.size() >= kLeastDigits || tokens_[i].text == "0");
  }
  /// True if token `i` ends where an address does: perf prints them "%16x", with one blank before them, or at the
  /// beginning of the line without.
  bool is_column(size_t i) const {
    constexpr size_t kWidth = 16;
    return i < size_ && tokens_[i].end() == (i == 0 ? kWidth : tokens_[i - 1].end() + 1 + kWidth);
  }

 private:
  static constexpr size_t kMost = 64;
  std::array<Token, kMost> tokens_;
  size_t size_ = 0;
};

/// "1234.567890:", as perf prints a time.
bool is_time(std::string_view text) {
  uint64_t number = 0;
  return scan::decimal(text, number) && scan::literal(text, ".") && scan::decimal(text, number) && text == ":";
}

/// "[003]"
bool is_processor(std::string_view text) {
  uint64_t number = 0;
  return scan::literal(text, "[") && scan::decimal(text, number) && text == "]";
}

/// "name:", of an event. No event's name is a number.
bool is_event(std::string_view text) {
  return text.size() > 1 && text.ends_with(':') && text.find_first_not_of("0123456789.:") != std::string_view::npos;
}

/// "1234" or "1234/1235": the process, or where only it was printed the thread.
bool read_process(std::string_view text, std::optional<uint64_t>& process) {
  uint64_t pid = 0;
  uint64_t tid = 0;
  if (!scan::decimal(text, pid) || (scan::literal(text, "/") && !scan::decimal(text, tid)) || !text.empty()) {
    return false;
  }
  process = pid;
  return true;
}

/// The digits at the end of `text`, as ftrace writes a process: "sort-1234".
bool read_number_at_end(std::string_view text, std::optional<uint64_t>& process) {
  if (text.ends_with(')')) text.remove_suffix(1);
  text.remove_prefix(text.find_last_not_of("0123456789") + 1);  // npos + 1 is 0
  return read_process(text, process);
}

/// Text before the address of a sample.
struct Head {
  size_t address = 0;      ///< token where the columns after the event begin
  bool certain = false;    ///< a time, a processor or "pid/tid" says that this is a line of perf
  std::string_view event;  ///< with its colon; empty: not printed
  std::optional<uint64_t> process;
  bool one_number = false;  ///< `process` stood alone, it may be a thread
};

/// `perf script` of samples with data addresses. perf prints its columns always in this order, whatever the order after
/// -F (perf 6.1, builtin-script.c, process_event): comm, pid/tid, [cpu], time:, period, event:, addr [symbol (dso)],
/// data_src, weight, ip [symbol (dso)], phys_addr. Any of them may be missing, addr apart; an address alone is told
/// from an instruction pointer alone by the column where it ends. With call chains, each frame is a line that begins
/// with a tab. Also the tracepoints page_fault_user and page_fault_kernel, as perf and as ftrace print them.
class PerfForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#' || line[0] == '\t') return LineKind::kOwn;
    const Tokens tokens(line);
    Head head;
    if (!read_head(tokens, head)) return LineKind::kForeign;
    const LineKind none = head.certain ? LineKind::kNoAddress : LineKind::kForeign;
    LineKind kind = none;
    if (is_page_fault(head.event)) {
      kind = read_fault(tokens, head, record);
    } else if (tokens.hex(head.address) &&
               line.find(" => ") == std::string_view::npos) {  // =>: a branch and its target
      kind = read_columns(line, tokens, head, record) ? LineKind::kRecord : none;
    }
    if (kind == LineKind::kRecord) {
      record.process = head.process;
      if (record.pc != 0) record.accesses[0].user = record.pc >> 63 == 0;
      one_number_ = one_number_ || head.one_number;
    }
    return kind;
  }
  std::string notes() const override {
    return std::string("perf samples are some of a program's accesses, without sizes: each counts as one byte") +
           (one_number_ ? "; the number after the command is taken for the process: if it is the thread's, print both "
                          "with perf script -F +pid"
                        : "");
  }
  const char* expected() const override { return "a line of perf script with addresses (-F +addr,+ip)"; }

 private:
  static bool is_page_fault(std::string_view event) {
    return event.ends_with("page_fault_user:") || event.ends_with("page_fault_kernel:");
  }

  /// False for lines of other tools.
  static bool read_head(const Tokens& tokens, Head& head) {
    size_t time = 0;
    while (time < tokens.size() && !is_time(tokens[time].text)) ++time;
    const bool timed = time < tokens.size();
    bool at_address = false;
    size_t at = 0;
    for (; at < time && !at_address; at += at_address ? 0 : 1) {
      const std::string_view text = tokens[at].text;
      if (text.ends_with(':') && text.find_first_not_of("0123456789:") == std::string_view::npos) return false;
      if (is_processor(text)) {
        head.certain = true;
        for (size_t back = at; back > 0 && !head.process; --back)
          read_number_at_end(tokens[back - 1].text, head.process);
      } else if (!timed && is_event(text) && (tokens.is_sample_address(at + 1) || at + 1 == tokens.size())) {
        head.event = text;
        at_address = true;
        ++at;
      } else if (!timed && tokens.is_sample_address(at)) {
        at_address = true;
      } else if (read_process(text, head.process)) {
        head.one_number = text.find('/') == std::string_view::npos;
        head.certain = head.certain || !head.one_number;
      }
    }
    if (timed) {
      head.certain = true;
      at = time + 1;
      const bool period = at + 1 < tokens.size() && tokens[at].digits && !tokens.is_column(at);
      if (at < tokens.size() && is_event(tokens[at].text)) {
        head.event = tokens[at++].text;
      } else if (period && is_event(tokens[at + 1].text)) {
        head.event = tokens[at + 1].text;
        at += 2;
      } else if (period && tokens.hex(at + 1) && (tokens.is_column(at + 1) || tokens.hex(at + 2))) {
        ++at;
      }
    }
    head.address = at;
    return true;
  }

  /// The columns from the address on; false if there is none.
  static bool read_columns(std::string_view line, const Tokens& tokens, const Head& head, LineRecord& record) {
    const size_t at = head.address;
    AccessKind kind = AccessKind::kRead;
    size_t rest = at + 1;
    const size_t op = line.find("|OP ", tokens[at].end());
    if (op != std::string_view::npos) {
      const std::string_view operation = line.substr(op + 4);
      if (operation.starts_with("STORE")) kind = AccessKind::kWrite;
      if (operation.starts_with("EXEC")) kind = AccessKind::kFetch;
      while (rest < tokens.size() && tokens[rest].begin < op) ++rest;
      if (rest == at + 1) return false;  // the number before the data source is the data source
      while (rest < tokens.size() && !tokens.hex(rest)) ++rest;
    } else if (head.event.find("store") != std::string_view::npos ||
               head.event.find("write") != std::string_view::npos) {
      kind = AccessKind::kWrite;
    }
    const size_t ip = instruction_pointer(tokens, rest);
    const bool named = ip < tokens.size();
    if (!named && op == std::string_view::npos && !tokens.is_column(at)) return false;  // it may be one itself
    if (!head.certain && head.event.empty() && named && !tokens.is_column(ip)) return false;
    if (tokens[at].value == 0) return false;
    record.only(kind, tokens[at].value, 1);
    record.pc = named ? tokens[ip].value : 0;
    return true;
  }

  /// The token of the instruction pointer, at `rest` or behind it: the last of several numbers (weights stand before
  /// it) unless the columns tell, or the first behind the symbol of the address. tokens.size() if there is none.
  static size_t instruction_pointer(const Tokens& tokens, size_t rest) {
    constexpr size_t kLeastDigits = 5;
    size_t end = rest;
    while (tokens.hex(end)) ++end;
    for (size_t i = end; i > rest; --i) {
      if (tokens.is_column(i - 1) && tokens[i - 1].text.size() >= kLeastDigits) return i - 1;
    }
    if (end != rest && end < tokens.size()) return end - 1;  // its symbol follows
    for (size_t i = rest; i < end; ++i) {
      if (!tokens[i].digits || tokens[i].text.size() > 10) return i;
    }
    if (end != rest) return tokens[end - 1].text.size() >= kLeastDigits ? end - 1 : tokens.size();
    for (size_t i = rest + 1; i < tokens.size(); ++i) {
      const bool after_symbol = tokens.is_column(i) || tokens[i - 1].text.ends_with(')');
      if (tokens.hex(i) && tokens[i].text.size() >= kLeastDigits && after_symbol) return i;
    }
    return tokens.size();
  }

  /// "address=0x... ip=0x... error_code=0x...": bit 1 of the code is a write, bit 2 user mode, bit 4 a fetch. Instead
  /// of an address in the kernel there may be a symbol.
  static LineKind read_fault(const Tokens& tokens, const Head& head, LineRecord& record) {
    std::optional<uint64_t> address;
    uint64_t ip = 0;
    uint64_t code = 0;
    for (size_t i = head.address; i < tokens.size(); ++i) {
      std::string_view text = tokens[i].text;
      uint64_t value = 0;
      const std::string_view key = text.substr(0, text.find('='));
      text.remove_prefix(std::min(text.size(), key.size() + 1));
      if (!scan::whole_address(text, value)) continue;
      if (key == "address") address = value;
      if (key == "ip") ip = value;
      if (key == "error_code") code = value;
    }
    if (!address || *address == 0) return LineKind::kNoAddress;
    const AccessKind kind = (code & 0x10) != 0  ? AccessKind::kFetch
                            : (code & 0x2) != 0 ? AccessKind::kWrite
                                                : AccessKind::kRead;
    record.only(kind, *address, 1).user = (code & 0x4) != 0;
    record.pc = ip;
    return LineKind::kRecord;
  }

  bool one_number_ = false;
};

}  // namespace

std::unique_ptr<LineForm> make_perf_form() { return std::make_unique<PerfForm>(); }

}  // namespace mmusim
