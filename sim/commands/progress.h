// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mmusim {

/// A progress line on standard error: only if that is a terminal, only after two seconds, at most five times a second.
class Progress {
 public:
  /// `unit` is what is counted, in the plural: "accesses".
  explicit Progress(std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `count` units so far; `done` of `total` says how far that is (total 0: not known). Cheap enough for each batch.
  void update(uint64_t count, uint64_t done, uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  void clear();

  const std::string unit_;
  const bool terminal_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_ + std::chrono::seconds(2);
  bool shown_ = false;
};

}  // namespace mmusim
