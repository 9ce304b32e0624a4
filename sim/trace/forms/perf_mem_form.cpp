// SPDX-License-Identifier: MIT
#include <algorithm>

#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

/// `perf mem report -D`: `PID TID IP ADDR [PHYS ADDR] [page sizes] WEIGHT DSRC DSO:SYMBOL`, separated by blanks or by
/// the character of -x. In its first line perf prints the address behind "0x016" instead of "0x" (builtin-mem.c,
/// dump_raw_samples, a mistake in the format). Bits 0 to 4 of DSRC are the operation (perf_event.h, mem_op).
class PerfMemForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    std::string_view rest = line.substr(std::min(line.size(), line.find_first_not_of(" \t")));
    if (rest.empty() || rest.starts_with('#')) return LineKind::kOwn;
    const size_t pid_end = rest.find_first_not_of("0123456789");
    separator_ = pid_end == std::string_view::npos || rest[pid_end] == '\t' ? ' ' : rest[pid_end];
    uint64_t pid = 0;
    uint64_t tid = 0;
    uint64_t va = 0;
    uint64_t number = 0;
    if (!scan::whole_decimal(next(rest), pid) || !scan::whole_decimal(next(rest), tid)) return LineKind::kForeign;
    if (!scan::whole_address(next(rest), record.pc)) return LineKind::kForeign;
    std::string_view address = next(rest);
    scan::literal(address, "0x016");  // no address begins with 0
    if (!scan::whole_address(address, va)) return LineKind::kForeign;
    uint64_t source = 0;
    unsigned numbers = 0;  // the last of them is the data source
    for (std::string_view text = next(rest); !text.empty(); text = next(rest)) {
      if (text == "4K" || text == "2M" || text == "1G" || text == "N/A") continue;  // a page size
      if (!scan::whole_address(text, number)) break;
      source = number;
      ++numbers;
    }
    if (numbers < 2) return LineKind::kForeign;
    if (va == 0) return LineKind::kNoAddress;
    record.only(kind_of(source), va, 1).user = record.pc >> 63 == 0;
    record.process = pid;
    return LineKind::kRecord;
  }
  std::string notes() const override {
    return "perf samples are some of a program's accesses, without sizes: each counts as one byte";
  }
  const char* expected() const override { return "a line of perf mem report -D, 'PID TID IP ADDR WEIGHT DSRC SYMBOL'"; }

 private:
  static AccessKind kind_of(uint64_t source) {
    constexpr uint64_t kStore = 4;
    constexpr uint64_t kExec = 16;
    if ((source & kStore) != 0) return AccessKind::kWrite;
    return (source & kExec) != 0 ? AccessKind::kFetch : AccessKind::kRead;
  }
  std::string_view next(std::string_view& rest) const {
    if (separator_ == ' ') return scan::token(rest);
    const std::string_view text = rest.substr(0, rest.find(separator_));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    return text;
  }

  char separator_ = ' ';
};

}  // namespace

std::unique_ptr<LineForm> make_perf_mem_form() { return std::make_unique<PerfMemForm>(); }

}  // namespace mmusim
