// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace mmusim {

/// Returns the bytes of host memory that this process may still take: the least of what the kernel calls available
/// (/proc/meminfo), of what its control groups (versions 1 and 2) leave, and of RLIMIT_AS.
uint64_t host_memory_available();

/// Returns the bytes of host memory that this process holds now (resident). Callable from signal handlers.
uint64_t host_memory_in_use();

/// "--max-memory": a size such as "8GiB"; empty: host_memory_available(). Throws InputError.
uint64_t host_memory_limit(const std::string& option);

}  // namespace mmusim
