// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/bootlog/evidence.h"
#include "sim/recorded/recorded_kernel.h"

namespace mmusim {

/// The bytes of a file, decompressed by content. Throws EnvironmentError if it cannot be opened, InputError if it is
/// damaged or, decompressed, larger than 256 MiB.
std::string read_text_file(const std::string& path);

/// What the files tell of one machine: boot logs, /proc/iomem, /sys/firmware/memmap, lsmem, numactl -H, the folder or
/// the tarball of a sosreport, alone or together. `boot` chooses among the boots of a log. Throws InputError.
Evidence read_evidence(const std::vector<std::string>& paths, BootNumber boot = {});

/// A scenario from a recorded kernel (JSON, alone), or from what read_evidence() reads. Throws InputError.
DerivedScenario derive_scenario(const std::vector<std::string>& paths, BootNumber boot = {});
DerivedScenario derive_scenario(const std::string& path);

}  // namespace mmusim
