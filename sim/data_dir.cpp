// SPDX-License-Identifier: MIT
#include "sim/data_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "models/base/errors.h"

namespace mmusim {

namespace fs = std::filesystem;

std::string config_dir() {
  const char* set = std::getenv("MMUSIM_CONFIGS");
  return set != nullptr && *set != '\0' ? set : MMUSIM_CONFIG_DIR;
}

std::string find_config(std::string_view kind, std::string_view name) {
  std::error_code ignored;
  if (name.find('/') != std::string_view::npos || name.ends_with(".json") || name == "-" ||
      fs::is_regular_file(fs::path(name), ignored))
    return std::string(name);
  const fs::path file = fs::path(config_dir()) / kind / (std::string(name) + ".json");
  if (fs::is_regular_file(file, ignored)) return file.string();
  throw InputError(fmt::format("{}: neither a file nor one of the shipped {} ({})", name, kind,
                               fmt::join(config_names(kind), ", ")));
}

std::vector<std::string> config_names(std::string_view kind) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(config_dir()) / kind, error)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace mmusim
