// SPDX-License-Identifier: MIT
#include "models/fabric/wait_board.h"

#include <algorithm>

#include "models/base/format.h"

namespace mmusim {

std::string WaitBoard::short_name(std::string_view module) const {
  if (module.size() > root_.size() && module.starts_with(root_) && module[root_.size()] == '.')
    module.remove_prefix(root_.size() + 1);
  std::string name(module);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

std::string WaitBoard::text() const {
  std::string out;
  for (const Line& line : lines_) {
    if (!line.waits) continue;
    out += fmt::format("  {} waits since cycle {} for {}", line.name, line.since, line.reason.what);
    if (line.reason.about != 0) out += fmt::format(" (0x{:x})", line.reason.about);
    if (*line.reason.module != '\0') out += fmt::format(" of {}", short_name(line.reason.module));
    if (line.reason.holder) out += fmt::format(", which {} has", lines_[*line.reason.holder].name);
    out += '\n';
  }
  for (unsigned i = 0; i < lines_.size(); ++i) {
    const std::string circle = circle_from(i);
    if (!circle.empty()) return out + "  in a circle: " + circle + "\n";
  }
  return out;
}

/// Returns the circle of waits that `requester` is part of, empty if it is in none.
std::string WaitBoard::circle_from(unsigned requester) const {
  std::string names = lines_[requester].name;
  unsigned at = requester;
  for (size_t steps = 0; steps < lines_.size(); ++steps) {
    const Line& line = lines_[at];
    if (!line.waits || !line.reason.holder) return {};
    at = *line.reason.holder;
    names += " -> " + lines_[at].name;
    if (at == requester) return names;
  }
  return {};
}

}  // namespace mmusim
