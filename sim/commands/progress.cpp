// SPDX-License-Identifier: MIT
#include "sim/commands/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace mmusim {

Progress::Progress(std::string unit) : unit_(std::move(unit)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void Progress::update(uint64_t count, uint64_t done, uint64_t total) {
  if (!terminal_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  std::string line = fmt::format("{:.1f} M {}, {:.2f} M/s", static_cast<double>(count) * 1e-6, unit_,
                                 static_cast<double>(count) * 1e-6 / seconds);
  if (total != 0 && done != 0) {
    const double part = static_cast<double>(done) / static_cast<double>(total);
    line += fmt::format(", {:.0f} %, {:.0f} s left", part * 100, seconds * (1 - part) / part);
  }
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace mmusim
