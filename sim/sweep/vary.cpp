// SPDX-License-Identifier: MIT
#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/sweep/sweep_spec.h"

namespace mmusim {

using nlohmann::json;

namespace {

/// Splits at the commas that stand outside of brackets, braces and quotes.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (!quoted && (c == '[' || c == '{')) ++depth;
    if (!quoted && (c == ']' || c == '}')) --depth;
    if (c == ',' && !quoted && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// A number where it is one in JSON, else the text.
json label_of(const std::string& text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() ? value : json(text);
}

}  // namespace

SweepAxis parse_vary(const std::string& text) {
  const auto fail = [&text](const char* what) {
    throw InputError(fmt::format("--vary {:.200}: {}, expected [NAME=]/json/pointer=V1,V2,...", text, what));
  };
  std::string rest = text;
  std::string name;
  if (const size_t equals = rest.find('='); equals != std::string::npos && rest[0] != '/') {
    name = rest.substr(0, equals);
    rest.erase(0, equals + 1);
    if (name.empty()) fail("the name is empty");
  }
  const size_t equals = rest.find('=');
  if (rest.empty() || rest[0] != '/' || equals == std::string::npos) fail("no pointer and values");
  std::vector<json> values;
  for (const std::string& value : split(rest.substr(equals + 1))) {
    if (value.empty()) fail("a value is empty");
    values.push_back(label_of(value));
  }
  SweepAxis axis = axis_of_key(std::move(name), rest.substr(0, equals), values);
  // The setting says what the user wrote, 010 or 1e3 included.
  const std::vector<std::string> written = split(rest.substr(equals + 1));
  for (size_t i = 0; i < written.size(); ++i) axis.values[i].sets = {rest.substr(0, equals) + "=" + written[i]};
  return axis;
}

}  // namespace mmusim
