// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace mmusim {

/// A progress bar on standard error: only on a terminal, only for what takes more than two seconds, ten times a second
/// at most, removed at the end. Without colour when NO_COLOR is set or TERM is "dumb".
class ProgressBar {
 public:
  /// `total` in any unit; 0 when it is not known.
  explicit ProgressBar(std::string what, uint64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` of the total; `note` is shown after the bar. Cheap when nothing is due, but no call for each access:
  /// once in some thousands.
  void update(uint64_t done, std::string_view note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void draw(uint64_t done, std::string_view note, double seconds);

  std::string what_;
  uint64_t total_;
  bool terminal_;
  bool colour_;
  bool shown_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

/// Is standard output a terminal and colour wanted (NO_COLOR unset)?
bool colour_wanted(int fd);

}  // namespace mmusim
