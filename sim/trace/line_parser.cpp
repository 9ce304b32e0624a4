// SPDX-License-Identifier: MIT
#include "models/base/format.h"
#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"
#include "sim/trace/trace_parser.h"

namespace mmusim {

namespace {

/// The parser of all text forms: takes line by line, and counts those that give no access.
class LineParser final : public TraceParser {
 public:
  LineParser(std::unique_ptr<LineForm> form, ByteReader& bytes, const TraceOptions& options, TraceInfo& info)
      : TraceParser(bytes, options, info), form_(std::move(form)) {}

  void fill(BatchBuilder& batch) override {
    while (batch.has_room() && (next_ != record_.accesses.size() || read_record(batch))) {
      for (; next_ != record_.accesses.size() && batch.has_room(); ++next_) {
        batch.add(record_.accesses[next_], record_.pc);
      }
    }
    info_.notes = form_->notes();
    if (info_.streams.size() > 1 && !options_.stream) {
      info_.notes += fmt::format("{}accesses of {} {}s, in the order of the file", info_.notes.empty() ? "" : "; ",
                                 info_.streams.size(), form_->streams());
    }
  }
  uint64_t offset() const override { return line_offset_; }

 private:
  static constexpr size_t kMostShown = 60;  // bytes of a line, in messages
  static constexpr size_t kMostStreams = 65536;

  /// The next record into record_, with the event that its process asks for; false at the end.
  bool read_record(BatchBuilder& batch) {
    record_.accesses.clear();
    next_ = 0;
    for (;;) {
      const std::optional<std::string_view> line = next_line();
      if (!line) {
        record_.accesses.clear();
        return false;
      }
      switch (form_->read(*line, record_)) {
        case LineKind::kOwn:
          ++info_.skipped.own;
          continue;
        case LineKind::kNoAddress:
          ++info_.skipped.no_address;
          continue;
        case LineKind::kForeign:
          if (!options_.skip_foreign) unexpected(*line);
          ++info_.skipped.foreign;
          continue;
        case LineKind::kRecord:
          if (!is_wanted()) continue;
          if (record_.process && record_.process != process_) {
            process_ = record_.process;
            batch.add_event(TraceEventKind::kProcess).value = *process_;
          }
          ++records_;
          return true;
      }
    }
  }
  bool is_wanted() {
    if (!record_.stream) return true;
    ++info_.streams[*record_.stream];
    if (info_.streams.size() > kMostStreams)
      throw TraceDamage(fmt::format("more than {} {}s", kMostStreams, form_->streams()));
    return !options_.stream || *options_.stream == *record_.stream;
  }

  /// nullopt at the end.
  std::optional<std::string_view> next_line() {
    for (;;) {
      line_offset_ = bytes_.offset();
      try {
        std::optional<std::string_view> line = bytes_.line();
        if (line && line_offset_ == 0) scan::literal(*line, "\xef\xbb\xbf");  // the mark of UTF-8
        return line;
      } catch (const TraceDamage&) {
        if (!options_.skip_foreign || !bytes_.skip_line()) throw;
        ++info_.skipped.foreign;
      }
    }
  }

  [[noreturn]] void unexpected(std::string_view line) const {
    throw TraceDamage(fmt::format("unexpected line \"{}{}\", expected {}; --skip-foreign passes such lines over",
                                  scan::printable(line.substr(0, kMostShown)), line.size() > kMostShown ? "..." : "",
                                  form_->expected()));
  }

  std::unique_ptr<LineForm> form_;
  LineRecord record_;
  size_t next_ = 0;  // access of record_ that is not delivered yet
  uint64_t line_offset_ = 0;
  std::optional<uint64_t> process_;
};

}  // namespace

std::unique_ptr<TraceParser> make_line_parser(TraceFormat format, ByteReader& bytes, const TraceOptions& options,
                                              TraceInfo& info) {
  const auto form = static_cast<TextForm>(static_cast<unsigned>(format) - static_cast<unsigned>(TraceFormat::kLackey));
  return std::make_unique<LineParser>(make_line_form(form), bytes, options, info);
}

}  // namespace mmusim
