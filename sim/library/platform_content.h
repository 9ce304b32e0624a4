// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "sim/library/internal.h"

namespace mmusim {
inline namespace v0 {

/// A platform as it was read: the document, and what it means.
struct Platform::Content {
  nlohmann::json document;
  std::string file;  ///< what messages call it
  PlatformConfig config;
};

}  // namespace v0
}  // namespace mmusim
