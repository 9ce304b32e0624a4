// SPDX-License-Identifier: MIT
#include "sim/scenario/key_list.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

using Kind = ValueForm::Kind;

std::string default_text(const KeyNode& key) {
  if (key.needed()) return "required";
  if (!key.otherwise.empty()) return key.otherwise;
  if (!key.value.empty()) return key.value;
  if (key.form.kind == Kind::kObject) return key.optional ? "none" : "";
  return "none";
}

KeyLine line_of(const KeyNode& key, const std::string& path) {
  return {path, key.form.type_text(), key.unit, key.form.range_text(), default_text(key), key.meaning};
}

/// Place of the listing: the path, and which cases were chosen on the way.
struct Place {
  std::string path;
  std::vector<std::string> chosen;  ///< of the innermost object
  std::set<std::string> selectors;  ///< chosen anywhere above
  std::string below(const std::string& name) const {
    return path + (chosen.empty() ? "" : fmt::format("[{}]", fmt::join(chosen, ","))) + "/" + name;
  }
};

void list_object(const KeyNode& node, const Place& place, std::vector<KeyLine>& lines);

void list_key(const KeyNode& key, const Place& place, std::vector<KeyLine>& lines) {
  if (key.remark) return;
  Place inner{place.below(key.name), {}, place.selectors};
  lines.push_back(line_of(key, inner.path));
  if (key.form.kind == Kind::kList && !key.keys.empty()) {
    inner.path += "/N";
    list_object(key.keys.front(), inner, lines);
  } else if (key.form.kind == Kind::kObject) {
    list_object(key, inner, lines);
  }
}

void list_object(const KeyNode& node, const Place& place, std::vector<KeyLine>& lines) {
  for (const KeyNode& key : node.keys) list_key(key, place, lines);
  if (node.selector.empty() || place.selectors.contains(node.selector)) return;
  for (const KeyNode& one : node.cases) {
    Place inner = place;
    inner.chosen.push_back(one.name);
    inner.selectors.insert(node.selector);
    list_object(one, inner, lines);
  }
}

/// The path without the kinds in brackets.
std::string plain(std::string_view path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    inside = (inside || c == '[') && c != ']';
    if (!inside && c != ']') text += c;
  }
  return text;
}

/// Normalises what the user typed as a path: slashes, N for numbers, without the first slash.
std::string normal(std::string_view prefix) {
  std::string text;
  for (const char c : prefix) text += c == '.' ? '/' : c;
  while (text.starts_with('/')) text.erase(0, 1);
  std::string result;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('/', start), text.size());
    const std::string part = text.substr(start, end - start);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    result += (start == 0 ? "" : "/") + (number ? "N" : part);
    start = end + 1;
  }
  return result;
}

std::vector<std::string> kinds_of(std::string_view path) {
  std::vector<std::string> kinds;
  const size_t open = path.find('[');
  if (open == std::string_view::npos) return kinds;
  std::string_view inside = path.substr(open + 1, path.find(']') - open - 1);
  while (true) {
    const size_t comma = inside.find(',');
    kinds.emplace_back(inside.substr(0, comma));
    if (comma == std::string_view::npos) return kinds;
    inside.remove_prefix(comma + 1);
  }
}

/// Every word a user may have meant: parts of paths, kinds.
std::vector<std::string> words_of(const std::vector<KeyLine>& lines) {
  std::set<std::string> words;
  for (const KeyLine& line : lines) {
    const std::string path = plain(line.path);
    for (size_t start = 1; start < path.size();) {
      const size_t end = std::min(path.find('/', start), path.size());
      words.insert(path.substr(start, end - start));
      start = end + 1;
    }
    for (const std::string& kind : kinds_of(line.path)) words.insert(kind);
  }
  return {words.begin(), words.end()};
}

}  // namespace

std::vector<KeyLine> list_keys(const KeyNode& root) {
  std::vector<KeyLine> lines;
  list_object(root, Place{}, lines);
  return lines;
}

std::vector<KeyLine> keys_below(const std::vector<KeyLine>& lines, std::string_view prefix) {
  const std::string wanted = normal(prefix);
  const auto kept = [&](auto&& matches) {
    std::vector<KeyLine> found;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(found), matches);
    return found;
  };
  auto found = kept([&](const KeyLine& line) { return plain(line.path).starts_with("/" + wanted); });
  if (found.empty()) {
    found = kept([&](const KeyLine& line) { return plain(line.path).find("/" + wanted) != std::string::npos; });
  }
  if (found.empty()) {
    found = kept([&](const KeyLine& line) {
      const auto kinds = kinds_of(line.path);
      return std::find(kinds.begin(), kinds.end(), wanted) != kinds.end();
    });
  }
  if (!found.empty()) return found;
  const size_t last = wanted.rfind('/');
  const std::string nearest =
      nearest_word(last == std::string::npos ? wanted : wanted.substr(last + 1), words_of(lines));
  throw InputError(fmt::format("keys: no key begins with \"{}\"{}", prefix,
                               nearest.empty() ? "; `mmusim keys` lists all" : ", did you mean \"" + nearest + "\"?"));
}

std::string key_text(const std::vector<KeyLine>& lines) {
  size_t path = 0, type = 0, range = 0, by_default = 0, unit = 0;
  constexpr size_t kWidest = 34;  // of a column in the middle: a longer text moves its own line only
  for (const KeyLine& line : lines) {
    path = std::max(path, line.path.size());
    type = std::max(type, line.type.size());
    range = std::max(range, std::min(line.range.size(), kWidest));
    by_default = std::max(by_default, std::min(line.by_default.size(), kWidest));
    unit = std::max(unit, line.unit.size());
  }
  const auto shown = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  std::string text;
  for (const KeyLine& line : lines) {
    text +=
        fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<{}}  {:<{}}  {}\n", line.path, path, line.type, type, shown(line.range),
                    range, shown(line.by_default), by_default, shown(line.unit), unit, line.meaning);
  }
  return text;
}

nlohmann::ordered_json key_json(const std::vector<KeyLine>& lines) {
  auto json = nlohmann::ordered_json::array();
  for (const KeyLine& line : lines) {
    json.push_back({{"key", line.path},
                    {"type", line.type},
                    {"unit", line.unit},
                    {"range", line.range},
                    {"default", line.by_default},
                    {"meaning", line.meaning}});
  }
  return json;
}

namespace {

/// Objects that have the same keys have the same signature; defaults do not matter.
std::string signature(const KeyNode& node) {
  std::string text;
  for (const KeyNode& key : node.keys) text += key.name + "\n" + key.meaning + "\n" + signature(key);
  for (const KeyNode& one : node.cases) text += "=" + one.name + "\n" + signature(one);
  return text;
}

struct Table {
  std::string title;
  const KeyNode* node;
};

class Tables {
 public:
  std::string of_all(const KeyNode& node, const std::string& path) {
    add(node, path);
    return std::move(text_);
  }
  std::string of_one(const KeyNode& node, const std::string& path) {
    rows(node, path);
    return std::move(text_);
  }

 private:
  void add(const KeyNode& node, const std::string& path) {
    const std::string own = signature(node);
    const auto known =
        std::find_if(seen_.begin(), seen_.end(), [&](const Table& t) { return signature(*t.node) == own; });
    if (known != seen_.end()) {
      text_ += fmt::format("`{}`: as `{}`{}\n\n", path, known->title, other_defaults(*known->node, node));
      return;
    }
    if (node.keys.size() >= 3) seen_.push_back({path, &node});
    rows(node, path);
    for (const KeyNode& key : node.keys) {
      const bool own_file = !key.form.words.empty();
      if (key.form.kind == Kind::kObject && !key.remark && !own_file) add(key, path + "/" + key.name);
      if (key.form.kind == Kind::kList && !key.keys.empty()) add(key.keys.front(), path + "/" + key.name + "/N");
    }
    if (node.selector.empty() || selectors_.contains(node.selector)) return;
    selectors_.insert(node.selector);
    const bool nested = path.ends_with(']');
    const std::string before = nested ? path.substr(0, path.size() - 1) + "," : path + "[";
    for (const KeyNode& one : node.cases) add(one, before + one.name + "]");
  }

  void rows(const KeyNode& node, const std::string& path) {
    if (node.keys.size() == 1 && node.keys.front().form.kind == Kind::kObject) return;  // whose own table follows
    bool any = false;
    for (const KeyNode& key : node.keys) {
      if (key.remark) continue;
      if (!any) text_ += fmt::format("| `{}` | Type | Default | Meaning |\n|---|---|---|---|\n", path);
      any = true;
      text_ += fmt::format("| `{}` | {} | {} | {} |\n", key.name, type(key), by_default(key), meaning(key));
    }
    if (any) text_ += "\n";
  }

  static std::string escaped(std::string text) {
    for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
    return text;
  }
  static std::string type(const KeyNode& key) {
    std::string text = key.form.type_text();
    if (const std::string range = key.form.range_text(); !range.empty()) text += ": " + range;
    return escaped(text);
  }
  static std::string by_default(const KeyNode& key) {
    const std::string text = default_text(key);
    return !key.value.empty() && text == key.value ? "`" + text + "`" : escaped(text);
  }
  static std::string meaning(const KeyNode& key) {
    return escaped(key.meaning + (key.unit.empty() ? "" : " (" + key.unit + ")"));
  }

  static std::string other_defaults(const KeyNode& known, const KeyNode& node) {
    std::vector<std::string> differences;
    for (const KeyNode& key : node.keys) {
      const KeyNode* same = known.find(key.name);
      if (key.value != same->value) differences.push_back(fmt::format("`{}` {}", key.name, by_default(key)));
    }
    return differences.empty() ? "" : fmt::format(", with the defaults {}", fmt::join(differences, ", "));
  }

  std::string text_;
  std::vector<Table> seen_;
  std::set<std::string> selectors_;
};

}  // namespace

std::string key_tables(const KeyNode& root, const std::string& path) {
  const KeyNode* node = &root;
  for (size_t start = 1; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const KeyNode* next = node->find(path.substr(start, end - start));
    if (next == nullptr) throw InputError(fmt::format("keys: no object {}", path));
    node = next->form.kind == Kind::kList && !next->keys.empty() ? &next->keys.front() : next;
    start = end + 1;
  }
  return path.size() <= 1 ? Tables().of_one(root, "/") : Tables().of_all(*node, path);
}

}  // namespace mmusim
