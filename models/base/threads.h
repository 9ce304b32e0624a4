// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <thread>

namespace mmusim {

/// Starts a thread of the host. It blocks all signals: those are for the main thread, which can finish a record.
/// Throws EnvironmentError if the host refuses (limits of processes or of memory).
std::thread start_thread(std::function<void()> body);

}  // namespace mmusim
