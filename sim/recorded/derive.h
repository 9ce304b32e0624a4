// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/recorded/recorded_kernel.h"

namespace mmusim {

/// The bytes of a file, decompressed by content. Throws EnvironmentError if it cannot be opened, InputError if it is
/// damaged or, decompressed, larger than 256 MiB.
std::string read_text_file(const std::string& path);

/// A scenario from a file: a recorded kernel (JSON) or a boot log (anything else that has a memory map).
DerivedScenario derive_scenario(const std::string& path);

}  // namespace mmusim
