// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <optional>

#include "models/base/format.h"
#include "sim/trace/binary_format.h"
#include "sim/trace/champsim.h"
#include "sim/trace/json_lines.h"
#include "sim/trace/text_lines.h"
#include "sim/trace/trace_parser.h"
#include "sim/trace/vmt1.h"

namespace mmusim {

namespace {

constexpr size_t kMostChampSimRecords = 256;  // looked at

bool begins_with(ByteReader& bytes, std::string_view magic) {
  return bytes.need(magic.size()) && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

std::string_view readable(const ByteReader& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.available()};
}

/// The form of a text by its first line that is not noise; nullopt if that line is of none.
std::optional<TraceFormat> format_of_line(std::string_view line) {
  LackeyLine lackey;
  ExeclogLine execlog;
  PerfLine perf;
  if (parse_lackey_line(line, lackey) == LineKind::kRecord) return TraceFormat::kLackey;
  if (parse_execlog_line(line, execlog) == LineKind::kRecord) return TraceFormat::kExeclog;
  if (line.find("\"mmusim-trace\"") != std::string_view::npos) return TraceFormat::kJsonLines;
  if (line.find("\"mmusim-events\"") != std::string_view::npos) return TraceFormat::kEventLog;
  if (parse_perf_line(line, perf) == LineKind::kRecord) return TraceFormat::kPerf;
  return std::nullopt;
}

bool is_noise(std::string_view line) {
  LackeyLine lackey;
  PerfLine perf;
  return parse_lackey_line(line, lackey) == LineKind::kNoise || parse_perf_line(line, perf) == LineKind::kNoise;
}

/// Looks at whole lines until one tells the form; reads on as far as needed, at most ByteReader::kMaxLine.
std::optional<TraceFormat> text_format(ByteReader& bytes) {
  size_t begin = 0;
  bool lackey_noise = false;
  for (;;) {
    std::string_view text = readable(bytes);
    const size_t newline = text.find('\n', begin);
    if (newline == std::string_view::npos) {
      if (text.find('\0', begin) != std::string_view::npos) return std::nullopt;
      if (text.size() > ByteReader::kMaxLine)
        throw TraceDamage(fmt::format("line longer than {} bytes", ByteReader::kMaxLine));
      if (bytes.need(text.size() + 1)) continue;
      text = readable(bytes);                                              // which need() has moved
      if (begin < text.size()) return format_of_line(text.substr(begin));  // its missing end is the parser's to report
      return lackey_noise ? std::optional(TraceFormat::kLackey) : std::nullopt;
    }
    std::string_view line = text.substr(begin, newline - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_noise(line)) return format_of_line(line);
    lackey_noise = lackey_noise || line.starts_with("==");
    begin = newline + 1;
  }
}

/// ChampSim traces have no magic: every record readable now must have plausible flags and the first a nonzero address.
bool looks_like_champsim(ByteReader& bytes) {
  constexpr size_t kRecord = sizeof(champsim::Record);
  if (!bytes.need(kRecord)) return false;
  const size_t n = std::min(bytes.available() / kRecord, kMostChampSimRecords);
  for (size_t i = 0; i < n; ++i) {
    champsim::Record record;
    std::memcpy(&record, bytes.data() + i * kRecord, kRecord);
    if (record.is_branch > 1 || record.branch_taken > record.is_branch || record.ip == 0) return false;
  }
  return true;
}

std::string first_bytes(const ByteReader& bytes) {
  std::string shown;
  for (size_t i = 0; i < std::min<size_t>(bytes.available(), 8); ++i) shown += fmt::format(" {:02x}", bytes.data()[i]);
  return shown;
}

}  // namespace

TraceFormat detect_trace_format(ByteReader& bytes) {
  if (bytes.at_end()) throw TraceDamage("empty, expected a trace");
  if (begins_with(bytes, {vmt1::kMagic, 4})) return TraceFormat::kVmt1;
  if (begins_with(bytes, {binary::kMagic, 8})) return TraceFormat::kBinary;
  if (const std::optional<TraceFormat> format = text_format(bytes)) return *format;
  if (looks_like_champsim(bytes)) return TraceFormat::kChampSim;
  throw TraceDamage(fmt::format("no known form of trace (it begins with{}), expected one of {}", first_bytes(bytes),
                                trace_format_names()));
}

std::unique_ptr<TraceParser> make_trace_parser(TraceFormat format, ByteReader& bytes, const TraceOptions& options,
                                               TraceInfo& info) {
  switch (format) {
    case TraceFormat::kVmt1:
      return make_vmt1_parser(bytes, options, info);
    case TraceFormat::kBinary:
      return make_binary_parser(bytes, options, info);
    case TraceFormat::kJsonLines:
      return make_json_lines_parser(bytes, options, info);
    case TraceFormat::kEventLog:
      return make_event_log_parser(bytes, options, info);
    case TraceFormat::kLackey:
      return make_lackey_parser(bytes, options, info);
    case TraceFormat::kChampSim:
      return make_champsim_parser(bytes, options, info);
    case TraceFormat::kExeclog:
      return make_execlog_parser(bytes, options, info);
    case TraceFormat::kPerf:
      return make_perf_parser(bytes, options, info);
  }
  throw TraceDamage("unknown form of trace");
}

}  // namespace mmusim
