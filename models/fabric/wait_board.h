// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/base/types.h"

namespace mmusim {

/// Why a requester is blocked; printed by the deadlock report.
struct WaitReason {
  const char* module = "";         ///< full name of the module that makes it wait; lives as long as the module
  const char* what = "something";  ///< "a free walker", "the walk of that page"
  uint64_t about = 0;              ///< the address concerned; 0: none
  std::optional<unsigned> holder;  ///< the requester that has it, where it is one
};

/// The board of blocked requesters: one line for each requester of a clock domain. Written at each wait, read only by the
/// deadlock report.
class WaitBoard {
 public:
  explicit WaitBoard(unsigned requesters) : lines_(requesters) {}

  /// Sets the module that all others are part of: reports leave its name out.
  void root(std::string module) { root_ = std::move(module); }
  /// Returns the name of a module as reports show it: `core0_l1d` for `machine.core0.l1d` of root `machine`.
  std::string short_name(std::string_view module) const;
  void name(unsigned requester, std::string text) { lines_[requester].name = std::move(text); }
  const std::string& name_of(unsigned requester) const { return lines_[requester].name; }
  void begin(unsigned requester, const WaitReason& reason, CycleTime now) {
    lines_[requester].reason = reason;
    lines_[requester].since = now;
    lines_[requester].waits = true;
  }
  void end(unsigned requester) { lines_[requester].waits = false; }

  /// Returns one line of text for each requester that waits, and the circle they wait in if there is one.
  std::string text() const;

 private:
  struct Line {
    std::string name;
    WaitReason reason;
    CycleTime since;
    bool waits = false;
  };
  std::string circle_from(unsigned requester) const;

  std::string root_;
  std::vector<Line> lines_;
};

}  // namespace mmusim
