// SPDX-License-Identifier: MIT
#include "models/base/errors.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

namespace mmusim {

EnvironmentError system_error(const std::string& action, const std::string& path, int error_number) {
  return EnvironmentError(fmt::format("{}: cannot {}: {}", path, action, std::strerror(error_number)));
}

void internal_error(const char* file, int line, const std::string& what) {
  fmt::print(stderr, "mmusim: internal inconsistency at {}:{}: {}\n", file, line, what);
  std::abort();
}

}  // namespace mmusim
