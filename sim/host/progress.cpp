// SPDX-License-Identifier: MIT
#include "sim/host/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "models/base/format.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

using namespace std::chrono_literals;

size_t terminal_width() {
  struct winsize size {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

bool colour_wanted(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return ::isatty(fd) == 1;
}

ProgressBar::ProgressBar(std::string what, uint64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      colour_(colour_wanted(STDERR_FILENO)),
      start_(Clock::now()),
      last_(start_) {}

ProgressBar::~ProgressBar() {
  if (shown_) fmt::print(stderr, "\r\033[K");
}

void ProgressBar::update(uint64_t done, std::string_view note) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now - start_ < 2s || now - last_ < 100ms) return;
  last_ = now;
  draw(done, note, std::chrono::duration<double>(now - start_).count());
}

void ProgressBar::draw(uint64_t done, std::string_view note, double seconds) {
  constexpr size_t kBar = 24;
  std::string line;
  if (total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const auto filled = static_cast<size_t>(part * kBar);
    const std::string bar = std::string(filled, '#') + std::string(kBar - filled, '.');
    line = fmt::format("{} [{}] {:3.0f} %", what_, bar, part * 100);
    if (part > 0.02) line += fmt::format(", {:.0f} s left", seconds / part - seconds);
  } else {
    line = fmt::format("{} {} in {:.0f} s", what_, done, seconds);
  }
  if (!note.empty()) line += fmt::format("  {}", note);
  line = visible_text(line, LineBreaks::kShown);
  line.resize(std::min(line.size(), terminal_width() - 1));
  shown_ = true;
  fmt::print(stderr, "\r\033[K{}{}{}", colour_ ? "\033[36m" : "", line, colour_ ? "\033[0m" : "");
  std::fflush(stderr);
}

}  // namespace mmusim
