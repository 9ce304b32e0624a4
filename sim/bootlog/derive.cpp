// SPDX-License-Identifier: MIT
#include "sim/bootlog/derive.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/bootlog/log_boots.h"
#include "sim/bootlog/sos_report.h"
#include "sim/bootlog/witnesses.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

namespace {

constexpr size_t kMaxBytes = 256 * kMiB;
constexpr size_t kHeadBytes = 4 * kKiB;

/// Bytes of a file whose beginning was looked at.
class HeadedFile {
 public:
  explicit HeadedFile(const std::string& path) : path_(path), input_(open_bytes(path)) {
    std::vector<uint8_t> piece(kHeadBytes);
    while (head_.size() < kHeadBytes) {
      const size_t n = next(piece);
      if (n == 0) break;
      head_.append(reinterpret_cast<const char*>(piece.data()), n);
    }
  }
  const std::string& head() const { return head_; }

  /// The bytes in order, those of the head first.
  size_t read(std::span<uint8_t> to) {
    const size_t n = std::min(to.size(), head_.size() - taken_);
    std::copy_n(head_.begin() + static_cast<ptrdiff_t>(taken_), n, to.begin());
    taken_ += n;
    return n != 0 ? n : next(to);
  }
  std::string text() {
    std::string all;
    std::vector<uint8_t> piece(64 * kKiB);
    while (const size_t n = read(piece)) {
      all.append(reinterpret_cast<const char*>(piece.data()), n);
      if (all.size() > kMaxBytes) throw InputError(fmt::format("{}: larger than 256 MiB", path_));
    }
    return all;
  }

 private:
  size_t next(std::span<uint8_t> to) {
    try {
      return input_.source->read(to);
    } catch (const TraceDamage& e) {
      throw InputError(fmt::format("{}: {}", path_, e.what()));
    }
  }

  std::string path_;
  ByteInput input_;
  std::string head_;
  size_t taken_ = 0;
};

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

struct Text {
  std::string path;
  std::string text;
};

/// Adds folders and archives to the evidence; the texts of the other files are returned.
std::vector<Text> load(const std::vector<std::string>& paths, Evidence& evidence, BootNumber boot) {
  std::vector<Text> texts;
  for (const std::string& path : paths) {
    if (is_folder(path)) {
      add_report_folder(evidence, path, boot);
      continue;
    }
    HeadedFile file(path);
    if (is_tar(file.head())) {
      add_report_archive(
          evidence, [&](std::span<uint8_t> to) { return file.read(to); }, path, boot);
    } else {
      texts.push_back({path, file.text()});
    }
  }
  return texts;
}

/// Logs first: the others are compared with what they tell.
void add_texts(Evidence& evidence, std::vector<Text> texts, BootNumber boot) {
  std::stable_partition(texts.begin(), texts.end(), [](const Text& t) { return !is_witness(t.text); });
  for (const Text& t : texts) {
    if (is_recorded_kernel(t.text)) {
      throw InputError(
          fmt::format("{}: a recorded kernel tells all of its machine, or this is no JSON that is read: "
                      "expected it alone",
                      t.path));
    }
    add_file(evidence, t.text, t.path, boot);
  }
}

}  // namespace

bool is_recorded_kernel(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool object = first != std::string::npos && text[first] == '{';
  return object && !is_witness(text) && !lines_of_json_log(text);
}

std::string read_text_file(const std::string& path) { return HeadedFile(path).text(); }

Evidence read_evidence(const std::vector<std::string>& paths, BootNumber boot) {
  Evidence evidence;
  add_texts(evidence, load(paths, evidence, boot), boot);
  return evidence;
}

DerivedScenario derive_scenario(const std::vector<std::string>& paths, BootNumber boot,
                                std::optional<Question> question) {
  Evidence evidence;
  std::vector<Text> texts = load(paths, evidence, boot);
  const std::string& first = paths.front();
  if (paths.size() == 1 && texts.size() == 1 && is_recorded_kernel(texts[0].text)) {
    if (question) throw InputError(fmt::format("{}: --ask: a recorded kernel has phases of its own", first));
    return scenario_from_dump(parse_json_text(texts[0].text, first), first);
  }
  add_texts(evidence, std::move(texts), boot);
  DerivedScenario derived = scenario_from_evidence(evidence, first);
  if (question) ask(derived, *question, evidence, first);
  return derived;
}

DerivedScenario derive_scenario(const std::string& path) { return derive_scenario(std::vector<std::string>{path}); }

}  // namespace mmusim
