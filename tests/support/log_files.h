// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace mmusim {

/// A directory of its own for each test, removed with all that is in it.
class ScratchDir {
 public:
  ScratchDir() {
    std::string name = (std::filesystem::temp_directory_path() / "mmusim-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& e : std::filesystem::directory_iterator(path_)) names.push_back(e.path().filename());
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What a stream of zstd frames decompresses to, as far as it goes; `whole` says whether the last frame was complete.
inline std::string unzstd(const std::string& compressed, bool* whole = nullptr) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::string text;
  std::string block(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  size_t left = 1;
  while (true) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    left = ZSTD_decompressStream(context, &out, &in);
    text.append(block, 0, out.pos);
    if (ZSTD_isError(left) || left == 0 || (in.pos == in.size && out.pos < out.size)) break;
  }
  if (whole != nullptr) *whole = left == 0;
  ZSTD_freeDCtx(context);
  return text;
}

/// The whole records of a log: lines that end in a line feed.
inline std::vector<nlohmann::json> records_of(const std::string& text) {
  std::vector<nlohmann::json> records;
  size_t start = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    records.push_back(nlohmann::json::parse(text.substr(start, end - start)));
    start = end + 1;
  }
  return records;
}

}  // namespace mmusim
