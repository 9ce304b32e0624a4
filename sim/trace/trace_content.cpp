// SPDX-License-Identifier: MIT
#include "sim/trace/trace_content.h"

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "models/base/format.h"

namespace mmusim {

std::string trace_content(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  const uint64_t bytes = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  std::vector<char> begin(1 << 20);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  if (error || file.bad()) return "";
  const auto length = static_cast<uInt>(file.gcount());
  return fmt::format("{} bytes, {:08x}", bytes, crc32(0, reinterpret_cast<const Bytef*>(begin.data()), length));
}

}  // namespace mmusim
