// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/trace/byte_stream.h"

namespace mmusim {

/// The lines of a file of walk vectors, compressed or not; `name` is below tests/data.
inline std::vector<std::string> vector_lines(const std::string& name) {
  ByteInput input = open_bytes(std::string(MMUSIM_SOURCE_DIR "/tests/data/") + name);
  ByteReader reader(std::move(input.source));
  std::vector<std::string> lines;
  while (const auto line = reader.line()) lines.emplace_back(*line);
  return lines;
}

}  // namespace mmusim
