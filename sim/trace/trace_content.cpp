// SPDX-License-Identifier: MIT
#include "sim/trace/trace_content.h"

#include <zlib.h>

#include <algorithm>
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
  std::vector<char> piece(64 << 10);
  uLong crc = 0;
  for (const uint64_t from : {uint64_t{0}, bytes - std::min<uint64_t>(bytes, piece.size())}) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(from));
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(file.gcount()));
  }
  if (error || file.bad()) return "";
  return fmt::format("{} bytes, {:08x}", bytes, crc);
}

}  // namespace mmusim
