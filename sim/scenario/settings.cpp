// SPDX-License-Identifier: MIT
#include "sim/scenario/settings.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/json_input.h"
#include "sim/scenario/key_list.h"
#include "sim/scenario/known_keys.h"

namespace mmusim {

using nlohmann::json;
namespace fs = std::filesystem;
using Kind = ValueForm::Kind;

namespace {

constexpr size_t kMaxDepth = 100;

/// RFC 6901: "~1" is "/", "~0" is "~".
std::string unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    out += !escape ? token[i] : token[i + 1] == '0' ? '~' : '/';
    if (escape) ++i;
  }
  return out;
}

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

bool is_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".json"); }

/// A key with this name can be an object that a file elsewhere holds.
bool may_be_named(const KeyNode& keys) {
  return keys.form.kind == Kind::kObject && !keys.form.words.empty() && keys.form.words.front().empty();
}

/// The path of the platform as the command line means it: a file of the current folder comes first.
std::string as_given_here(const std::string& name) {
  std::error_code ignored;
  return is_path(name) && fs::is_regular_file(name, ignored) ? fs::absolute(name).string() : name;
}

/// The keys that an object may have, its selectors' cases included; all cases where a selector has no value that is one.
void known_names(const KeyNode& keys, const json& node, std::vector<std::string>& names) {
  for (const KeyNode& key : keys.keys) names.push_back(key.name);
  const auto selected = keys.selector.empty() ? node.end() : node.find(keys.selector);
  const KeyNode* one =
      selected != node.end() && selected->is_string() ? keys.find_case(selected->get<std::string>()) : nullptr;
  if (one != nullptr) return known_names(*one, node, names);
  for (const KeyNode& each : keys.cases) known_names(each, node, names);
}

const KeyNode* find_key(const KeyNode& keys, const json& node, const std::string& name) {
  if (const KeyNode* key = keys.find(name)) return key;
  if (keys.selector.empty()) return nullptr;
  const auto selected = node.find(keys.selector);
  const KeyNode* one =
      selected != node.end() && selected->is_string() ? keys.find_case(selected->get<std::string>()) : nullptr;
  if (one != nullptr) return find_key(*one, node, name);
  for (const KeyNode& each : keys.cases) {
    if (const KeyNode* key = find_key(each, node, name)) return key;
  }
  return nullptr;
}

/// One assignment on its way through the document.
class Assignment {
 public:
  Assignment(const std::string& text, const KeyNode& keys, const std::string& folder)
      : text_(text), root_(keys), folder_(folder) {
    if (!is_utf8(text)) throw InputError("--set: not valid UTF-8");
    const size_t equals = text.find('=');
    if (text.empty() || equals == std::string::npos || text[0] != '/') {
      const std::string hint = !text.empty() && text[0] != '/' && equals != std::string::npos ? as_pointer(equals) : "";
      fail("expected /json/pointer=VALUE" + hint);
    }
    pointer_ = text.substr(0, equals);
    value_ = text.substr(equals + 1);
    if (std::count(pointer_.begin(), pointer_.end(), '/') > static_cast<ptrdiff_t>(kMaxDepth)) {
      fail(fmt::format("more than {} levels deep", kMaxDepth));
    }
  }

  void carry_out(json& document) {
    json* node = &document;
    const KeyNode* keys = &root_;
    size_t start = 1;
    while (true) {
      const size_t end = std::min(pointer_.find('/', start), pointer_.size());
      const std::string token = unescaped(std::string_view(pointer_).substr(start, end - start));
      if (end == pointer_.size()) return put(*node, keys, token);
      node = &step_into(*node, keys, token);
      at_ = pointer_.substr(0, end);
      if (keys != nullptr && may_be_named(*keys)) open(*node, *keys, first_token(end + 1));
      start = end + 1;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const bool long_one = text_.size() > 200;
    throw InputError(fmt::format("--set {:.200}{}: {}", text_, long_one ? "..." : "", what));
  }

  /// Suggests what a user probably meant by "platform.cores=2" or "platform/cores=2".
  std::string as_pointer(size_t equals) const {
    std::string meant = text_.substr(0, equals);
    if (meant.find('/') == std::string::npos) std::replace(meant.begin(), meant.end(), '.', '/');
    return fmt::format(", did you mean /{}={}?", meant, text_.substr(equals + 1));
  }

  std::string first_token(size_t start) const {
    return pointer_.substr(start, std::min(pointer_.find('/', start), pointer_.size()) - start);
  }

  /// Puts in place what a name stands for, so that a part of it can be changed; a "base" that is to be changed stays.
  void open(json& node, const KeyNode& keys, const std::string& next) const {
    if (keys.name == "platform") {
      if (node.is_null()) node = kDefaultPlatform;
      if (next == "base") {
        if (node.is_string()) node = json{{"base", node}};
        if (node.is_object() && !node.contains("base")) {
          fail("the platform is an object already: set /platform=NAME, or the base before the keys that change it");
        }
      } else if (node.is_string() || (node.is_object() && node.contains("base"))) {
        node = resolve_platform(node, folder_);
      }
    } else if (node.is_string()) {
      node = parse_json_file(find_config(keys.name == "device" ? "dram" : keys.name, node.get<std::string>()));
    }
  }

  const KeyNode& known_key(const json& node, const KeyNode& keys, const std::string& token) const {
    const KeyNode* key = find_key(keys, node, token);
    if (key != nullptr) return *key;
    const std::string where = at_.empty() ? "" : at_ + ": ";
    std::vector<std::string> names;
    known_names(keys, node, names);
    if (const std::string nearest = nearest_word(token, names); !nearest.empty()) {
      fail(fmt::format("{}no key \"{:.60}\", did you mean {}/{}?", where, token, at_, nearest));
    }
    if (const std::string elsewhere = path_of(token); !elsewhere.empty()) {
      fail(fmt::format("{}no key \"{:.60}\", did you mean {}?", where, token, elsewhere));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    fail(fmt::format("{}no key \"{:.60}\", expected one of {}", where, token, fmt::join(names, ", ")));
  }

  /// A key of that name anywhere, without the kinds of phases in brackets; empty if there is none.
  std::string path_of(const std::string& name) const {
    for (const KeyLine& line : list_keys(root_)) {
      if (!line.path.ends_with("/" + name)) continue;
      std::string path = line.path;
      for (size_t open = 0; (open = path.find('[')) != std::string::npos;) path.erase(open, path.find(']') - open + 1);
      return path;
    }
    return "";
  }

  /// The member or element that `token` names, made where it is missing. `keys` becomes those of it: nullptr where
  /// everything is allowed.
  json& step_into(json& node, const KeyNode*& keys, const std::string& token) const {
    if (node.is_null()) node = keys != nullptr && keys->form.kind == Kind::kList ? json::array() : json::object();
    if (node.is_array()) {
      if (keys != nullptr) keys = keys->keys.empty() ? nullptr : &keys->keys.front();
      return element(node, token);
    }
    if (!node.is_object()) fail(fmt::format("{} is no object and no array, but {}", at_, node.dump()));
    if (keys != nullptr) {
      const bool inside =
          keys->form.kind == Kind::kObject || keys->form.kind == Kind::kMap || keys->form.kind == Kind::kAny;
      if (!inside) fail(fmt::format("{} takes one value ({}), it has no keys", at_, keys->form.type_text()));
      const bool free = keys->form.kind == Kind::kMap || keys->form.kind == Kind::kAny || keys->remark;
      keys = free ? nullptr : &known_key(node, *keys, token);
    }
    if (at_.empty() && token == "variants") fail("variants are applied before settings: set the key itself");
    return node[token];
  }

  json& element(json& array, const std::string& token) const {
    const bool digits = !token.empty() && token.find_first_not_of("0123456789") == std::string::npos;
    const auto index = digits ? parse_number(token) : std::nullopt;
    if (token == "-" || (index && *index == array.size())) return array.emplace_back();
    if (index && *index < array.size()) return array[static_cast<size_t>(*index)];
    const std::string whole = array.empty() ? "it is empty" : fmt::format("expected 0 to {}", array.size() - 1);
    fail(fmt::format("{}: no element \"{:.60}\", {}, or - to add one", at_, token, whole));
  }

  void put(json& node, const KeyNode* keys, const std::string& token) const {
    json& place = step_into(node, keys, token);
    const json value = keys == nullptr ? json_or_text() : value_for(*keys);
    if (value.is_null() && node.is_object()) {
      node.erase(token);
    } else {
      place = value;
    }
  }

  json value_for(const KeyNode& key) const {
    if (key.form.kind == Kind::kText || key.form.kind == Kind::kChoice) {
      return value_.size() >= 2 && value_.front() == '"' ? parsed() : json(value_);
    }
    if (!may_be_named(key)) return json_or_text();
    const json value = value_.starts_with('{') || value_.starts_with('"') || value_ == "null" ? parsed() : json(value_);
    return value.is_string() && key.name == "platform" ? json(as_given_here(value.get<std::string>())) : value;
  }

  json parsed() const { return parse_json_text(value_, fmt::format("--set {:.60}", text_)); }

  /// JSON, or else the text itself.
  json json_or_text() const {
    try {
      return parsed();
    } catch (const InputError&) {
      if (value_.starts_with('{') || value_.starts_with('[') || value_.starts_with('"')) throw;  // meant to be JSON
      return value_;
    }
  }

  const std::string& text_;
  const KeyNode& root_;
  const std::string& folder_;
  std::string pointer_;
  std::string value_;
  std::string at_;  ///< what has been gone through
};

}  // namespace

Settings::Settings(json& document, const KeyNode& keys, std::string folder)
    : document_(document), keys_(keys), folder_(std::move(folder)) {}

void Settings::use_platform(const std::string& name_or_path) {
  if (!is_utf8(name_or_path)) throw InputError("--platform: not valid UTF-8");
  document_["platform"] = as_given_here(name_or_path);
}

void Settings::apply(const std::string& assignment) { Assignment(assignment, keys_, folder_).carry_out(document_); }

void Settings::apply_all(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) apply(assignment);
}

ChosenPlatform choose_platform(json document, const std::string& file, const std::string& pointer,
                               const std::vector<std::string>& sets) {
  json whole = {{"platform", std::move(document)}};
  Settings(whole, machine_keys(), "").apply_all(sets);
  ChosenPlatform chosen;
  chosen.document = std::move(whole["platform"]);
  if (chosen.document.is_string()) chosen.document = resolve_platform(chosen.document, "");
  ConfigErrors errors(file);
  chosen.config = read_platform(ConfigReader(chosen.document, pointer, errors));
  errors.throw_if_any();
  return chosen;
}

ChosenPlatform choose_platform(const std::string& name_or_path, const std::vector<std::string>& sets) {
  return choose_platform(platform_document(name_or_path), find_config("platforms", name_or_path), "", sets);
}

std::optional<std::string> find_data_file(const std::string& name, const std::string& folder) {
  std::error_code ignored;
  const fs::path path(name);
  if (path.is_absolute()) return fs::is_regular_file(path, ignored) ? std::optional(name) : std::nullopt;
  std::vector<fs::path> bases = {fs::path(folder)};
  for (const std::string& configs : config_folders()) bases.push_back(fs::path(configs).parent_path());
  for (const fs::path& base : bases) {
    const fs::path candidate = base.empty() ? path : base / path;
    if (fs::is_regular_file(candidate, ignored)) return candidate.string();
  }
  return std::nullopt;
}

json resolve_platform(const json& value, const std::string& folder) {
  if (value.is_string()) {
    const std::string name = value.get<std::string>();
    if (!is_path(name)) return platform_document(name);
    const auto file = find_data_file(name, folder);
    if (!file) throw InputError(fmt::format("no such file: {}", name));
    return platform_document(*file);
  }
  const auto base = value.find("base");
  if (base == value.end()) return value;
  if (!base->is_string()) throw InputError("base: expected the name or path of a platform");
  json platform = resolve_platform(*base, folder);
  json patch = value;
  patch.erase("base");
  platform.merge_patch(patch);
  return platform;
}

}  // namespace mmusim
