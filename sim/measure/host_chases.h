// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mmusim {

// The loops that are timed, in inline assembly so that no compiler changes them.

/// Follows a chain of pointers for `steps` steps from `at`; returns where it has arrived.
void* follow(void* at, uint64_t steps);
/// Loads from the addresses in `order` in turn, `rounds` times; each load waits for the one `lanes` before it. More than 12
/// lanes: no load waits for any other. All loaded words are 0.
void load_in_lanes(const std::vector<const std::byte*>& order, unsigned lanes, uint64_t rounds);
/// Removes a line from all caches.
void flush_line(void* line);
/// Waits until all lines are removed.
void fence();

/// Writes a jump to `to` at `from`; both lie within 2 GiB.
void write_jump(std::byte* from, const std::byte* to);
/// Writes the end of a chain of jumps at `at` (within one line): counts a round and jumps to `first`, or returns after the
/// last.
void write_end(std::byte* at, const std::byte* first);
/// Runs a chain of jumps that begins at `first` and closes with write_end(): `rounds` times.
void run_jumps(const std::byte* first, uint64_t rounds);

}  // namespace mmusim
