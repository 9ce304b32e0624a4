// SPDX-License-Identifier: MIT
#include "sim/recorded/derive.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

namespace {

/// "boot-8g-4l" of "dir/boot-8g-4l.json.xz".
std::string bare_name(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return path == "-" ? "stdin" : file.substr(0, file.find('.', 1));
}

}  // namespace

std::string read_text_file(const std::string& path) {
  constexpr size_t kMaxBytes = 256 * kMiB;
  ByteInput input = open_bytes(path);
  std::string text;
  std::vector<uint8_t> piece(64 * kKiB);
  try {
    while (const size_t n = input.source->read(piece)) {
      text.append(reinterpret_cast<const char*>(piece.data()), n);
      if (text.size() > kMaxBytes) throw InputError(fmt::format("{}: larger than 256 MiB", path));
    }
  } catch (const TraceDamage& e) {
    throw InputError(fmt::format("{}: {}", path, e.what()));
  }
  return text;
}

DerivedScenario derive_scenario(const std::string& path) {
  const std::string text = read_text_file(path);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{') {
    const nlohmann::json dump = parse_json_text(text, path);
    return scenario_from_dump(dump, path);
  }
  DerivedScenario derived = scenario_from_boot_log(text, path);
  nlohmann::ordered_json named = nlohmann::ordered_json::parse(derived.json);
  named["name"] = bare_name(path);
  derived.json = named.dump(2) + "\n";
  return derived;
}

}  // namespace mmusim
