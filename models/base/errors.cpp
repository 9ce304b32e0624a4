// SPDX-License-Identifier: MIT
#include "models/base/errors.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "models/base/format.h"

namespace mmusim {

EnvironmentError system_error(const std::string& action, const std::string& path, int error_number) {
  return EnvironmentError(fmt::format("{}: cannot {}: {}", path, action, std::strerror(error_number)));
}

namespace {
std::string& reproduction_text() {
  static std::string text;
  return text;
}
}  // namespace

void set_reproduction(std::string command) { reproduction_text() = std::move(command); }
const std::string& reproduction() { return reproduction_text(); }

void internal_error(const char* file, int line, const std::string& what) {
  fmt::print(stderr, "mmusim: internal inconsistency at {}:{}: {}\n", file, line, what);
  if (!reproduction().empty()) fmt::print(stderr, "reproduce with: {}\n", reproduction());
  std::abort();
}

void internal_error(const char* file, int line, const char* condition, const std::string& what) {
  internal_error(file, line, std::string(condition) + ": " + what);
}

}  // namespace mmusim
