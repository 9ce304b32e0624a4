// SPDX-License-Identifier: MIT
#include "sim/report/json_shape.h"

#include <cerrno>
#include <cmath>
#include <fstream>
#include <iterator>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

constexpr uint64_t kMaxFileBytes = 256 * kMiB;

/// A member's name in a JSON pointer (RFC 6901).
std::string pointer_part(const std::string& key) {
  std::string part;
  for (const char c : key) part += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return part;
}

}  // namespace

void JsonShape::fail(const std::string& expected) const {
  std::string got = node_->dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  if (got.size() > 60) got = got.substr(0, 57) + "...";
  throw InputError(
      fmt::format("{}: {}: expected {}, got {}", place_, pointer_.empty() ? "/" : pointer_, expected, got));
}

JsonShape JsonShape::at(const std::string& key) const {
  object();
  const auto found = node_->find(key);
  if (found == node_->end()) {
    throw InputError(fmt::format("{}: {}/{}: missing", place_, pointer_, pointer_part(key)));
  }
  return {*found, place_, pointer_ + "/" + pointer_part(key)};
}

JsonShape JsonShape::at(size_t i) const {
  array();
  if (i >= node_->size()) throw InputError(fmt::format("{}: {}/{}: missing", place_, pointer_, i));
  return {(*node_)[i], place_, fmt::format("{}/{}", pointer_, i)};
}

const JsonShape& JsonShape::object() const {
  if (!node_->is_object()) fail("an object");
  return *this;
}

const JsonShape& JsonShape::array() const {
  if (!node_->is_array()) fail("an array");
  return *this;
}

/// Beyond 2^53 neither a double nor a browser's number is exact.
const JsonShape& JsonShape::number() const {
  constexpr double kMost = uint64_t{1} << 53;
  if (!node_->is_number() || !(node_->get<double>() >= 0)) fail("a number, 0 or more");
  if (node_->get<double>() > kMost) fail("a number of at most 2^53");
  return *this;
}

const std::string& JsonShape::text() const {
  if (!node_->is_string()) fail("a string");
  return node_->get_ref<const std::string&>();
}

ordered_json parse_ordered_json(const std::string& text, const std::string& place) {
  (void)parse_json_text(text, place);  // it sorts the members
  return ordered_json::parse(text, nullptr, /*allow_exceptions=*/true, /*ignore_comments=*/true);
}

std::string read_json_file_text(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw system_error("open", path, errno);
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxFileBytes) throw InputError(fmt::format("{}: larger than 256 MiB", path));
  }
  if (in.bad()) throw system_error("read", path, errno);
  return text;
}

}  // namespace mmusim
