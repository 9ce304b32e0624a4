// SPDX-License-Identifier: MIT
#include "models/base/threads.h"

#include <signal.h>

#include <system_error>
#include <utility>

#include "models/base/errors.h"

namespace mmusim {

std::thread start_thread(std::function<void()> body) {
  // The new thread inherits the mask of this one.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (const std::system_error& e) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw system_error("start", "thread of the host", e.code().value());
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace mmusim
