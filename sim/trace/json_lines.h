// SPDX-License-Identifier: MIT
#pragma once

/// Keys of mmusim's JSON Lines trace; traces/README.md describes the records.
namespace mmusim::json_lines {

inline constexpr const char* kFormat = "mmusim-trace";
inline constexpr const char* kEventLogFormat = "mmusim-events";
inline constexpr unsigned kVersion = 1;
/// Of the event log: 1 is read as well.
inline constexpr unsigned kEventLogVersion = 2;

}  // namespace mmusim::json_lines
