// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "models/base/errors.h"
#include "sim/commands/command_line.h"
#include "sim/experiment/replay_setup.h"
#include "sim/trace/forms/request_form.h"

namespace mmusim {

/// Adds the options of a replay that decide on its requests to memory.
void add_request_options(CommandLine command, ReplayOptions& options);
/// Throws InputError if one of these is given, for a conversion that replays nothing.
void refuse_request_options(const ReplayOptions& options);

/// Replays a trace and writes its requests to memory into `file`.
ExitCode convert_to_requests(const ReplayOptions& options, const std::string& file, RequestForm form);

}  // namespace mmusim
