// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_statistics.h"

namespace mmusim {

/// Output of `trace info`: for people, and as JSON (with newline).
std::string trace_info_text(const TraceInfo& info, const TraceStatistics& statistics);
std::string trace_info_json(const TraceInfo& info, const TraceStatistics& statistics);

}  // namespace mmusim
