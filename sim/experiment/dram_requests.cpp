// SPDX-License-Identifier: MIT
#include "sim/experiment/dram_requests.h"

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/forms/foreign.h"
#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

namespace {

constexpr uint64_t kMostPs = uint64_t{1} << 60;  // thirteen days of simulated time

/// "lackey", of a line that is a record of a text form of access traces; empty for others.
std::string name_of_access_form(std::string_view line) {
  LineRecord record;
  for (unsigned i = 0; i < kTextForms; ++i) {
    if (make_line_form(static_cast<TextForm>(i))->read(line, record) != LineKind::kRecord) continue;
    return name_of(static_cast<TraceFormat>(static_cast<unsigned>(TraceFormat::kLackey) + i));
  }
  return {};
}

}  // namespace

void RequestReader::fail(const std::string& what) const {
  throw InputError(fmt::format("{}: line {}, byte {}: {}", name_, line_, offset_, what));
}

/// Throws InputError with a name for the file if its first line is known to be something else.
void RequestReader::find_form(std::string_view line) {
  options_.form = request_form_of_line(line);
  RequestLine ignored;
  if (read_request(*options_.form, line, ignored).empty()) return;
  if (const std::string form = name_of_access_form(line); !form.empty()) {
    fail(fmt::format("this looks like a {} trace, whose addresses are virtual; give it to mmusim replay", form));
  }
  const std::string name = name_known_line(line);
  const bool of_dram = name.find("mmusim dram") != std::string::npos;
  if (!name.empty() && !of_dram) fail("this looks like " + name.substr(0, name.find(';')));
}

TimedRequest RequestReader::parse(std::string_view line) const {
  RequestLine request;
  const std::string wrong = read_request(*options_.form, line, request);
  if (!wrong.empty()) fail(wrong);
  TimedRequest timed{request.time, PhysAddr(request.pa), request.write};
  if (request.time && *options_.form != RequestForm::kOwn) {
    if (*request.time > kMostPs / options_.tck_ps) fail(fmt::format("clock cycle {} is out of range", *request.time));
    timed.arrival_ps = *request.time * options_.tck_ps;
  }
  return timed;
}

std::optional<TimedRequest> RequestReader::read() {
  for (;;) {
    ++line_;
    offset_ = bytes_.offset();
    std::optional<std::string_view> line;
    try {
      line = bytes_.line();
    } catch (const TraceDamage& damage) {
      fail(damage.what());
    }
    if (!line) return std::nullopt;
    if (offset_ == 0) scan::literal(*line, "\xef\xbb\xbf");  // the mark of UTF-8
    if (line->starts_with('#') || line->find_first_not_of(" \t") == std::string_view::npos) continue;
    if (!options_.form) find_form(*line);
    return parse(*line);
  }
}

std::optional<TimedRequest> RequestReader::next() {
  try {
    return read();
  } catch (const InputError& error) {
    if (!options_.salvage) throw;
    damage_ = error.what();
    return std::nullopt;
  }
}

}  // namespace mmusim
