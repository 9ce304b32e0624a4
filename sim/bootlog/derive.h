// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/bootlog/evidence.h"
#include "sim/bootlog/questions.h"
#include "sim/recorded/recorded_kernel.h"

namespace mmusim {

/// The bytes of a file, decompressed by content. Throws EnvironmentError if it cannot be opened, InputError if it is
/// damaged or, decompressed, larger than 256 MiB.
std::string read_text_file(const std::string& path);

/// True if the text of a file is a recorded kernel: JSON, and neither a log in JSON nor what lsmem prints.
bool is_recorded_kernel(const std::string& text);

/// Evidence of the files on one machine: boot logs, /proc/iomem, /sys/firmware/memmap, lsmem, numactl -H, the folder or
/// the tarball of a sosreport, alone or together. `boot` chooses among the boots of a log. Throws InputError.
Evidence read_evidence(const std::vector<std::string>& paths, BootNumber boot = {});

/// A scenario from a recorded kernel (JSON, alone), or from what read_evidence() reads; with a question, one that answers
/// it. Throws InputError; a recorded kernel cannot be asked.
DerivedScenario derive_scenario(const std::vector<std::string>& paths, BootNumber boot = {},
                                std::optional<Question> question = {});
DerivedScenario derive_scenario(const std::string& path);

}  // namespace mmusim
