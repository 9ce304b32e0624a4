// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mmusim {

/// Returns what tells the content of a file from that of others, whatever they are called: its size and the CRC-32 of its
/// first and last MiB, where formats and compressions keep what they check themselves with. Empty if it cannot be read twice (a pipe) or not at all.
std::string trace_content(const std::string& path);

}  // namespace mmusim
