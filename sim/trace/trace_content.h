// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mmusim {

/// Returns what tells the content of a file from that of others, whatever they are called: its size and the CRC-32 of its
/// first and last 64 KiB (many formats end with a checksum of the whole). Empty for a pipe, and if it cannot be read.
std::string trace_content(const std::string& path);

}  // namespace mmusim
