// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/commands/command_line.h"

namespace mmusim {

/// Value of a flag that can have one, `--name` or `--name=VALUE`, for CommandLine::add_option().
struct FlagOrValue {
  std::string text;  ///< as CLI11 leaves it: "true" without a value

  bool given() const { return !text.empty(); }
  std::string value() const { return text == "true" ? "" : text; }
};

template <>
CommandOption CommandLine::add_option(const std::string& name, FlagOrValue& value, const std::string& help);

}  // namespace mmusim
