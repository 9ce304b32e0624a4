// SPDX-License-Identifier: MIT
#include "models/base/config_files.h"

#include <cstdlib>
#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace fs = std::filesystem;

namespace {

std::vector<std::string>& added_folders() {
  static std::vector<std::string> folders;
  return folders;
}

}  // namespace

std::vector<std::string> config_folders() {
  std::vector<std::string> folders(added_folders().rbegin(), added_folders().rend());
  if (const char* set = std::getenv("MMUSIM_CONFIGS"); set != nullptr && *set != '\0') folders.emplace_back(set);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back((program.parent_path().parent_path() / "share/mmusim/configs").string());
  folders.emplace_back(MMUSIM_CONFIG_DIR);
  std::erase_if(folders, [](const std::string& folder) {
    std::error_code ignored;
    return !fs::is_directory(folder, ignored);
  });
  return folders;
}

void add_folder_of_configs(const std::string& folder) { added_folders().push_back(folder); }

std::string find_config(std::string_view kind, std::string_view name) {
  std::error_code ignored;
  if (name.find('/') != std::string_view::npos || name.ends_with(".json") || name == "-" ||
      fs::is_regular_file(fs::path(name), ignored))
    return std::string(name);
  for (const std::string& folder : config_folders()) {
    const fs::path file = fs::path(folder) / kind / (std::string(name) + ".json");
    if (fs::is_regular_file(file, ignored)) return file.string();
  }
  throw InputError(fmt::format("{}: neither a file nor one of the shipped {} ({})", name, kind,
                               fmt::join(config_names(kind), ", ")));
}

std::vector<std::string> config_names(std::string_view kind) {
  std::set<std::string> names;
  for (const std::string& folder : config_folders()) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(folder) / kind, error)) {
      if (entry.path().extension() == ".json") names.insert(entry.path().stem().string());
    }
  }
  return {names.begin(), names.end()};
}

namespace {

constexpr unsigned kMostBases = 8;

nlohmann::json platform_on_bases(const std::string& name_or_path, unsigned bases) {
  if (bases == 0) throw InputError(fmt::format("{}: more than {} \"base\" in a row", name_or_path, kMostBases));
  nlohmann::json document = parse_json_file(find_config("platforms", name_or_path));
  const auto base = document.is_object() ? document.find("base") : document.end();
  if (base == document.end()) return document;
  if (!base->is_string()) throw InputError(name_or_path + ": /base: expected the name or path of a platform");
  nlohmann::json whole = platform_on_bases(base->get<std::string>(), bases - 1);
  document.erase(base);
  whole.merge_patch(document);
  return whole;
}

}  // namespace

nlohmann::json platform_document(const std::string& name_or_path) {
  return platform_on_bases(name_or_path, kMostBases);
}

}  // namespace mmusim
