// SPDX-License-Identifier: MIT
#include "sim/trace/text_lines.h"

#include <algorithm>
#include <cctype>

#include "sim/trace/text_scan.h"

namespace mmusim {

LineKind parse_lackey_line(std::string_view line, LackeyLine& result) {
  if (line.empty() || line.starts_with("==") || line.starts_with("--") || line.starts_with("**")) {
    return LineKind::kNoise;
  }
  if (line.size() < 6 || line[2] != ' ') return LineKind::kOther;
  MemAccess access;
  access.user = true;
  if (line[0] == 'I' && line[1] == ' ') {
    access.kind = AccessKind::kFetch;
  } else if (line[0] == ' ' && line[1] == 'L') {
    access.kind = AccessKind::kRead;
  } else if (line[0] == ' ' && (line[1] == 'S' || line[1] == 'M')) {
    access.kind = AccessKind::kWrite;
    access.rmw = line[1] == 'M';
  } else {
    return LineKind::kOther;
  }
  std::string_view rest = line.substr(3);
  uint64_t va = 0;
  uint64_t bytes = 0;
  if (!scan::hex(rest, va) || !scan::literal(rest, ",") || !scan::decimal(rest, bytes) || !rest.empty()) {
    return LineKind::kOther;
  }
  if (bytes == 0 || bytes > UINT16_MAX) return LineKind::kOther;
  access.va = VirtAddr(va);
  access.bytes = static_cast<uint16_t>(bytes);
  result.access = access;
  return LineKind::kRecord;
}

LineKind parse_execlog_line(std::string_view line, ExeclogLine& result) {
  if (line.empty()) return LineKind::kNoise;
  result.accesses.clear();
  result.physical = false;
  std::string_view rest = line;
  if (!scan::decimal(rest, result.cpu) || !scan::literal(rest, ", 0x") || !scan::hex(rest, result.pc)) {
    return LineKind::kOther;
  }
  const size_t quote = rest.find('"');
  const size_t last = rest.rfind('"');
  if (quote == std::string_view::npos || quote == last) return LineKind::kOther;
  rest.remove_prefix(last + 1);
  while (!rest.empty()) {
    ExeclogAccess access;
    if (scan::literal(rest, ", store, 0x")) {
      access.store = true;
    } else if (!scan::literal(rest, ", load, 0x")) {
      return LineKind::kOther;
    }
    if (!scan::hex(rest, access.address)) return LineKind::kOther;
    if (!rest.empty() && !rest.starts_with(", load, 0x") && !rest.starts_with(", store, 0x")) {
      if (!scan::literal(rest, ", ")) return LineKind::kOther;
      rest.remove_prefix(std::min(rest.size(), rest.find(',')));
      result.physical = true;
    }
    result.accesses.push_back(access);
  }
  return LineKind::kRecord;
}

namespace {

bool whole_hex(std::string_view token, uint64_t& value) { return scan::hex(token, value) && token.empty(); }

/// "1234" or "1234/1235": the process number.
std::optional<uint64_t> process_of(std::string_view token) {
  uint64_t pid = 0;
  uint64_t tid = 0;
  if (!scan::decimal(token, pid)) return std::nullopt;
  if (scan::literal(token, "/") && !scan::decimal(token, tid)) return std::nullopt;
  return token.empty() ? std::optional(pid) : std::nullopt;
}

/// "1234.567890:"
bool is_time(std::string_view token) {
  uint64_t number = 0;
  return scan::decimal(token, number) && scan::literal(token, ".") && scan::decimal(token, number) && token == ":";
}

constexpr size_t kLeastPcDigits = 5;  // tells an instruction pointer from a weight or a symbol

/// What follows the address: data source, weight, instruction pointer. False if there is no instruction pointer: then
/// what was taken for the address may be one.
bool parse_perf_rest(std::string_view rest, std::string_view event, PerfLine& result) {
  const size_t op = rest.find("|OP ");
  if (op != std::string_view::npos) {
    const std::string_view what = rest.substr(op + 4);
    if (what.starts_with("STORE")) result.access.kind = AccessKind::kWrite;
    if (what.starts_with("EXEC")) result.access.kind = AccessKind::kFetch;
    size_t end = rest.find("  ", op);  // the data source is padded to a column
    if (end == std::string_view::npos) end = rest.size();
    rest.remove_prefix(end);
  } else if (event.find("store") != std::string_view::npos || event.find("write") != std::string_view::npos) {
    result.access.kind = AccessKind::kWrite;
  }
  // Without data source the instruction pointer follows at once; after one, columns such as the weight may come first.
  do {
    const std::string_view token = scan::token(rest);
    uint64_t pc = 0;
    if (token.size() >= kLeastPcDigits && whole_hex(token, pc)) {
      result.pc = pc;
      return true;
    }
  } while (op != std::string_view::npos && !rest.empty());
  return false;
}

}  // namespace

LineKind parse_perf_line(std::string_view line, PerfLine& result) {
  std::string_view rest = line;
  std::string_view token = scan::token(rest);
  if (token.empty() || token.starts_with('#')) return LineKind::kNoise;
  result = {};
  std::optional<uint64_t> process;
  for (; !token.empty(); token = scan::token(rest)) {
    if (token.starts_with('[')) continue;  // the processor
    if (is_time(token)) {
      result.process = process;
      continue;
    }
    if (const std::optional<uint64_t> number = process_of(token)) process = number;
    if (!token.ends_with(':')) continue;
    std::string_view after = rest;
    uint64_t va = 0;
    if (!whole_hex(scan::token(after), va)) continue;
    result.access.va = VirtAddr(va);
    result.access.bytes = 1;
    if (!parse_perf_rest(after, token, result)) return LineKind::kOther;
    result.access.user = result.pc.value_or(va) >> 63 == 0;
    return LineKind::kRecord;
  }
  return LineKind::kOther;
}

}  // namespace mmusim
