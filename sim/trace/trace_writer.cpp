// SPDX-License-Identifier: MIT
#include "sim/trace/trace_writer.h"

#include <utility>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

std::vector<std::string> TraceWriter::losses() const {
  static constexpr std::array<const char*, kLosses> kTexts = {
      "accesses of kinds the form has not, left out",
      "sizes of accesses changed",
      "accesses whose privilege is not kept",
      "accesses whose flags (rmw, stack, implicit, awaited) are not kept",
      "accesses whose depends_on is not kept",
      "accesses whose gap is not kept",
      "records whose instruction address is not kept in full",
      "events left out",
      "events not kept in full (names, contents)"};
  std::vector<std::string> lines;
  for (unsigned i = 0; i < kLosses; ++i) {
    if (losses_[i] != 0) lines.push_back(fmt::format("{} {}", losses_[i], kTexts[i]));
  }
  return lines;
}

bool is_writable(TraceFormat format) {
  return format == TraceFormat::kVmt1 || format == TraceFormat::kBinary || format == TraceFormat::kJsonLines ||
         format == TraceFormat::kLackey || format == TraceFormat::kChampSim;
}

std::optional<TraceFormat> trace_format_by_name(std::string_view path) {
  for (const std::string_view suffix : {".gz", ".bz2", ".xz", ".zst"}) {
    if (path.ends_with(suffix)) path.remove_suffix(suffix.size());
  }
  constexpr std::pair<std::string_view, TraceFormat> kEnds[] = {
      {".vmt", TraceFormat::kVmt1},          {".mmt", TraceFormat::kBinary},
      {".jsonl", TraceFormat::kJsonLines},   {".lackey", TraceFormat::kLackey},
      {".champsim", TraceFormat::kChampSim}, {".champsimtrace", TraceFormat::kChampSim}};
  for (const auto& [end, format] : kEnds) {
    if (path.ends_with(end)) return format;
  }
  return std::nullopt;
}

std::unique_ptr<TraceWriter> make_trace_writer(TraceFormat format, std::unique_ptr<ByteSink> sink,
                                               const TraceOrigin& origin) {
  switch (format) {
    case TraceFormat::kVmt1:
      return make_vmt1_writer(std::move(sink));
    case TraceFormat::kBinary:
      return make_binary_writer(std::move(sink), header_of(origin));
    case TraceFormat::kJsonLines:
      return make_json_lines_writer(std::move(sink), header_of(origin));
    case TraceFormat::kLackey:
      return make_lackey_writer(std::move(sink));
    case TraceFormat::kChampSim:
      return make_champsim_writer(std::move(sink));
    default:
      throw InputError(
          fmt::format("traces cannot be written in the form {}, expected one of vmt1, binary, jsonl, lackey, "
                      "champsim",
                      name_of(format)));
  }
}

void TraceRecorder::event(TraceEvent event, std::string_view text) {
  event.before = static_cast<uint32_t>(batch_.accesses.size());
  event.text = 0;
  if (!text.empty()) {
    batch_.texts.emplace_back(text);
    event.text = static_cast<uint32_t>(batch_.texts.size());
  }
  batch_.events.push_back(event);
  if (batch_.events.size() == kTraceBatchAccesses) hand_over();
}

void TraceRecorder::hand_over() {
  writer_->write(batch_);
  batch_.clear();
}

void TraceRecorder::finish() {
  hand_over();
  writer_->finish();
}

}  // namespace mmusim
