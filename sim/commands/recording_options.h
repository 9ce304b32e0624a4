// SPDX-License-Identifier: MIT
#pragma once

#include "sim/commands/command_line.h"
#include "sim/experiment/recordings.h"

namespace mmusim {

/// Adds --tables, --timeline, --vcd, --record and what belongs to them; `tables` and `record` are the descriptions of
/// those two, `form_option` is what the form of the recorded trace is called.
void add_recording_options(CommandLine command, RecordingOptions& options, const char* tables, const char* record,
                           const char* form_option);

}  // namespace mmusim
