// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <cstring>

#include "sim/trace/trace_parser.h"
#include "sim/trace/vmt1.h"

namespace mmusim {

TraceFormat detect_trace_format(ByteReader& bytes) {
  if (bytes.need(4) && std::memcmp(bytes.data(), vmt1::kMagic, 4) == 0) return TraceFormat::kVmt1;
  throw TraceDamage(fmt::format("no known form of trace, expected one of {}", trace_format_names()));
}

std::unique_ptr<TraceParser> make_trace_parser(TraceFormat format, ByteReader& bytes, const TraceOptions& options,
                                               TraceInfo& info) {
  if (format == TraceFormat::kVmt1) return make_vmt1_parser(bytes, options, info);
  throw TraceDamage(fmt::format("form {} cannot be read", name_of(format)));
}

}  // namespace mmusim
