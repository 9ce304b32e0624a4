// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <optional>

#include "models/base/format.h"
#include "sim/trace/binary_format.h"
#include "sim/trace/champsim.h"
#include "sim/trace/forms/foreign.h"
#include "sim/trace/forms/line_form.h"
#include "sim/trace/json_lines.h"
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

/// Finds the form of a text by its first line that is a record of one.
class TextSearch {
 public:
  explicit TextSearch(const TraceOptions& options) : options_(options) {
    for (unsigned i = 0; i < kTextForms; ++i) forms_.push_back(make_line_form(static_cast<TextForm>(i)));
  }

  /// nullopt: the line does not tell. Throws TraceDamage if no form has such a line.
  std::optional<TraceFormat> look_at(std::string_view line) {
    if (first_ && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // the mark of UTF-8
    first_ = false;
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) return std::nullopt;
    if (line.find("\"mmusim-trace\"") != std::string_view::npos) return TraceFormat::kJsonLines;
    if (line.find("\"mmusim-events\"") != std::string_view::npos) return TraceFormat::kEventLog;
    bool foreign = true;
    for (unsigned i = 0; i < kTextForms; ++i) {
      const LineKind kind = forms_[i]->read(line, record_);
      if (kind == LineKind::kRecord) return format(i);
      foreign = foreign && kind == LineKind::kForeign;
      if (kind == LineKind::kNoAddress && without_address_++ == 0) name_ = name_known_line(line);
      if (kind == LineKind::kOwn && !empty_) empty_ = format(i);
    }
    if (foreign && !options_.skip_foreign) throw TraceDamage("this looks like " + name_foreign_line(line));
    return std::nullopt;
  }
  /// The form of a text without any record: that of the first line that a tool writes beside them.
  TraceFormat at_end() const {
    if (!name_.empty()) throw TraceDamage("this looks like " + name_);
    if (without_address_ != 0) {
      throw TraceDamage(
          fmt::format("this looks like perf script's output, but none of {} samples has a data address; record with "
                      "perf record -d or perf mem record, and print with perf script -F +addr,+ip",
                      without_address_));
    }
    if (!empty_) throw TraceDamage("nothing but lines without meaning, expected a trace");
    return *empty_;
  }

 private:
  static TraceFormat format(unsigned form) {
    return static_cast<TraceFormat>(static_cast<unsigned>(TraceFormat::kLackey) + form);
  }

  const TraceOptions& options_;
  std::vector<std::unique_ptr<LineForm>> forms_;
  LineRecord record_;
  bool first_ = true;
  uint64_t without_address_ = 0;
  std::string name_;  // of the first of them
  std::optional<TraceFormat> empty_;
};

/// Looks at whole lines until one tells the form; reads on as far as needed, at most ByteReader::kMaxNeed. nullopt:
/// this is no text.
std::optional<TraceFormat> text_format(ByteReader& bytes, const TraceOptions& options) {
  TextSearch search(options);
  for (size_t begin = 0;;) {
    const std::string_view text = readable(bytes);
    const size_t newline = text.find('\n', begin);
    std::string_view line = text.substr(begin, newline - begin);
    if (line.find('\0') != std::string_view::npos && !options.skip_foreign) return std::nullopt;
    if (newline == std::string_view::npos) {
      if (line.size() > ByteReader::kMaxLine && !options.skip_foreign) {
        throw TraceDamage(fmt::format("line longer than {} bytes", ByteReader::kMaxLine));
      }
      if (text.size() >= ByteReader::kMaxNeed) return search.at_end();
      if (bytes.need(text.size() + 1)) continue;
      line = readable(bytes).substr(begin);  // need() has moved the bytes
      const auto format = line.empty() ? std::nullopt : search.look_at(line);
      return format ? *format : search.at_end();  // the missing end of the line is the parser's to report
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const std::optional<TraceFormat> format = search.look_at(line)) return format;
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

}  // namespace

TraceFormat detect_trace_format(ByteReader& bytes, const TraceOptions& options) {
  if (bytes.at_end()) throw TraceDamage("empty, expected a trace");
  if (begins_with(bytes, {vmt1::kMagic, 4})) return TraceFormat::kVmt1;
  if (begins_with(bytes, {binary::kMagic, 8})) return TraceFormat::kBinary;
  if (const std::optional<TraceFormat> format = text_format(bytes, options)) return *format;
  const std::string name = name_foreign_bytes(readable(bytes));
  if (!name.empty()) throw TraceDamage("this looks like " + name);
  if (looks_like_champsim(bytes)) return TraceFormat::kChampSim;
  throw TraceDamage(fmt::format("binary data of no known form of trace, expected one of {}", trace_format_names()));
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
    case TraceFormat::kChampSim:
      return make_champsim_parser(bytes, options, info);
    default:
      return make_line_parser(format, bytes, options, info);
  }
}

}  // namespace mmusim
