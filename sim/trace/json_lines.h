// SPDX-License-Identifier: MIT
#pragma once

/// Keys of mmusim's JSON Lines trace; traces/README.md describes the records.
namespace mmusim::json_lines {

inline constexpr const char* kFormat = "mmusim-trace";
inline constexpr unsigned kVersion = 1;

}  // namespace mmusim::json_lines
