// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/trace/trace_reader.h"

namespace mmusim {

/// Origin of a trace, as the header of our own forms (event log, jsonl, binary) says it.
struct TraceOrigin {
  std::string source;  ///< a file, a scenario; may be empty
  /// The trace holds all that made its page tables, from an empty memory on: entry writes, zeroing, control registers.
  bool page_tables = false;
  std::string configuration;  ///< of the run that made it, JSON text of an object; may be empty
};

/// Returns what the header of a trace says; nothing for the other forms.
TraceOrigin origin_of(const TraceInfo& info);

/// The header line that says so, for a trace in the jsonl or binary form.
std::string header_of(const TraceOrigin& origin);

}  // namespace mmusim
