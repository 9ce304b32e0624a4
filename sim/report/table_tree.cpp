// SPDX-License-Identifier: MIT
#include "sim/report/table_tree.h"

#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

struct Node {
  uint64_t level = 0;
  uint64_t va = 0;
  uint64_t index = 0;
  uint64_t value = 0;
  uint64_t count = 1;  // entries merged into this one
  bool same_frame = false;
  uint64_t omitted = 0;
  const EntryWrite* written = nullptr;       // last, as far as known
  const EntryWrite* last_written = nullptr;  // of the last of the entries merged
  std::vector<std::unique_ptr<Node>> children;

  bool is_table() const { return level > 1 && (value & pte::kPresent) != 0 && (value & pte::kPageSize) == 0; }
};

uint64_t bytes_of_leaf(uint64_t level) { return kPageBytes << (kTableIndexBits * (level - 1)); }

/// The last write of each entry.
class LastWrites {
 public:
  explicit LastWrites(const EntryWrites& writes) {
    for (const EntryWrite& w : writes.writes) last_[w.va | w.level] = &w;
  }
  const EntryWrite* of(uint64_t va, uint64_t level) const {
    const auto found = last_.find(va | level);
    return found == last_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<uint64_t, const EntryWrite*> last_;  // by address and, in bits that are 0 there, level
};

bool same_function(const EntryWrite* a, const EntryWrite* b) {
  return a == nullptr || b == nullptr ? a == b : a->function == b->function;
}

/// Takes entries depth first, ascending, and hangs each below the table it lies in.
class TreeBuilder {
 public:
  TreeBuilder(size_t max_nodes, const std::vector<std::string>& functions)
      : max_nodes_(max_nodes), functions_(functions) {}

  void add(const Node& entry) {
    while (!path_.empty() && path_.back()->level <= entry.level) path_.pop_back();
    Node& parent = path_.empty() ? root_ : *path_.back();
    if (!entry.is_table() && !parent.children.empty() && merge(*parent.children.back(), entry)) return;
    if (nodes_ >= max_nodes_ && !entry.is_table()) {
      ++parent.omitted;
      return;
    }
    ++nodes_;
    parent.children.push_back(std::make_unique<Node>());
    Node& added = *parent.children.back();
    added.level = entry.level;
    added.va = entry.va;
    added.index = entry.index;
    added.value = entry.value;
    added.written = added.last_written = entry.written;
    if (added.is_table()) path_.push_back(&added);
  }

  json take() { return children_json(root_); }

 private:
  /// Extends a run of leaves by its next entry.
  static bool merge(Node& run, const Node& next) {
    if (run.is_table() || run.level != next.level || run.index + run.count != next.index) return false;
    if ((run.value & ~pte::kAddressMask) != (next.value & ~pte::kAddressMask)) return false;
    if (!same_function(run.written, next.written)) return false;
    const uint64_t step = next.value - run.value;
    const bool consecutive = step == run.count * bytes_of_leaf(run.level) && !run.same_frame;
    const bool same = step == 0 && (run.same_frame || run.count == 1);
    if (!consecutive && !same) return false;
    run.same_frame = same;
    ++run.count;
    run.last_written = next.written;
    return true;
  }

  json children_json(const Node& node) const {
    json list = json::array();
    for (const auto& child : node.children) {
      json j = {{"level", child->level},
                {"va", fmt::format("0x{:x}", child->va)},
                {"index", child->index},
                {"value", fmt::format("0x{:x}", child->value)}};
      if (child->count > 1) j["count"] = child->count;
      if (child->same_frame) j["same_frame"] = true;
      if (child->omitted > 0) j["omitted"] = child->omitted;
      if (child->written != nullptr) {
        j["by"] = functions_[child->written->function];
        j["cycle"] = child->written->cycle;
        if (child->count > 1) j["last_cycle"] = child->last_written->cycle;
        j["record"] = child->written->record;
      }
      if (!child->children.empty()) j["children"] = children_json(*child);
      list.push_back(std::move(j));
    }
    return list;
  }

  size_t max_nodes_;
  const std::vector<std::string>& functions_;
  size_t nodes_ = 0;
  Node root_;
  std::vector<Node*> path_;
};

uint64_t hex_value(simdjson::ondemand::value value) {
  const std::string_view text = value.get_string();
  const auto number = parse_number(text);
  if (!number) throw InputError(fmt::format("\"{}\" is no number", text));
  return *number;
}

json tree_of(simdjson::ondemand::document& document, const EntryWrites& writes, size_t max_nodes) {
  const LastWrites last(writes);
  json tree = json::array();
  for (simdjson::ondemand::object stage : document["stages"].get_array()) {
    TreeBuilder builder(max_nodes, writes.functions);
    for (simdjson::ondemand::object entry : stage["entries"].get_array()) {
      Node node;
      node.level = entry["level"].get_uint64();
      node.va = hex_value(entry["va"]);
      node.index = entry["index"].get_uint64();
      node.value = hex_value(entry["value"]);
      if (node.level < 1 || node.level > kMaxLevels) throw InputError(fmt::format("level {}", node.level));
      node.written = last.of(node.va, node.level);
      builder.add(node);
    }
    tree = builder.take();
  }
  return tree;
}

}  // namespace

json page_table_tree(const std::string& path, const EntryWrites& writes, size_t max_nodes, size_t max_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error || size > max_bytes) return json::array();
  try {
    const auto text = simdjson::padded_string::load(path);
    simdjson::ondemand::parser parser;
    auto document = parser.iterate(text).value();
    return tree_of(document, writes, max_nodes);
  } catch (const simdjson::simdjson_error& e) {
    throw InputError(fmt::format("{}: not a tables file: {}", path, e.what()));
  } catch (const InputError& e) {
    throw InputError(fmt::format("{}: not a tables file: {}", path, e.what()));
  }
}

}  // namespace mmusim
