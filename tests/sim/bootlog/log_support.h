// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/bootlog/evidence.h"

namespace mmusim {

inline std::string bootlog_file(const std::string& name) {
  return std::string(MMUSIM_SOURCE_DIR) + "/tests/data/bootlogs/" + name;
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The log of a server of two nodes with 63.5 GiB, as a 6.1 kernel tells it; the base of the other cases.
inline std::string two_nodes() { return file_bytes(bootlog_file("base-two-nodes.txt")); }

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Each line after `prefix`, instead of the kernel's time stamp if `bare`, with `end` before its end.
inline std::string dressed(const std::string& log, const std::string& prefix, bool bare, const std::string& end = "") {
  std::string out;
  for (const std::string& line : split_lines(log)) {
    const size_t stamp = std::string("[    0.000000] ").size();
    out += prefix + (bare ? line.substr(std::min(stamp, line.size())) : line) + end + "\n";
  }
  return out;
}

/// Without the lines that contain `what`.
inline std::string without_lines(const std::string& log, const std::string& what) {
  std::string out;
  for (const std::string& line : split_lines(log)) {
    if (line.find(what) == std::string::npos) out += line + "\n";
  }
  return out;
}

/// `log` with `what` replaced by `by`, wherever it stands.
inline std::string replaced(std::string log, const std::string& what, const std::string& by) {
  for (size_t at = log.find(what); at != std::string::npos; at = log.find(what, at + by.size())) {
    log.replace(at, what.size(), by);
  }
  return log;
}

inline nlohmann::json scenario_of(const std::string& log) {
  return nlohmann::json::parse(scenario_from_boot_log(log, "server").json);
}

inline std::string notes_of(const DerivedScenario& derived) {
  std::string all;
  for (const std::string& note : derived.notes) all += note + "\n";
  return all;
}

inline bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace mmusim
