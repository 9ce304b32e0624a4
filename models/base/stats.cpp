// SPDX-License-Identifier: MIT
#include "models/base/stats.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

using nlohmann::ordered_json;

StatNode& StatNode::child(std::string_view child_name) {
  for (StatNode& c : children) {
    if (c.name == child_name) return c;
  }
  return children.emplace_back(StatNode{std::string(child_name), {}, {}});
}

void StatNode::add(std::string_view value_name, uint64_t value, std::string_view meaning) {
  values.push_back({std::string(value_name), std::string(meaning), value, {}});
}

StatNode difference(const StatNode& later, const StatNode& earlier) {
  StatNode result = later;
  for (StatValue& v : result.values) {
    for (const StatValue& before : earlier.values) {
      if (before.name != v.name) continue;
      v.value -= before.value;
      if (!v.distribution.empty() && !before.distribution.empty()) v.distribution[0].subtract(before.distribution[0]);
    }
  }
  for (StatNode& c : result.children) {
    for (const StatNode& before : earlier.children) {
      if (before.name == c.name) c = difference(c, before);
    }
  }
  return result;
}

ordered_json to_json(const Histogram& h) {
  ordered_json buckets = ordered_json::array();
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (h.in_bucket(i) == 0) continue;
    buckets.push_back({Histogram::lower_bound(i), Histogram::upper_bound(i), h.in_bucket(i)});
  }
  return {
      {"count", h.count()},      {"sum", h.sum()},          {"min", h.min()},          {"max", h.max()},
      {"p50", h.percentile(50)}, {"p95", h.percentile(95)}, {"p99", h.percentile(99)}, {"buckets", std::move(buckets)}};
}

ordered_json to_json(const StatNode& node) {
  ordered_json j = ordered_json::object();
  for (const StatValue& v : node.values) {
    if (v.distribution.empty()) {
      j[v.name] = v.value;
    } else {
      j[v.name] = to_json(v.distribution[0]);
    }
  }
  for (const StatNode& c : node.children) j[c.name] = to_json(c);
  return j;
}

namespace {

/// Calls fn(path, value) for each counter of the tree.
template <class Fn>
void walk_tree(const StatNode& node, const std::string& prefix, Fn&& fn) {
  for (const StatValue& v : node.values) fn(prefix + v.name, v);
  for (const StatNode& c : node.children) walk_tree(c, prefix + c.name + ".", fn);
}

}  // namespace

ordered_json meanings_of(const StatNode& node) {
  ordered_json j = ordered_json::object();
  walk_tree(node, "", [&](const std::string& path, const StatValue& v) { j[path] = v.meaning; });
  return j;
}

std::string to_text(const StatNode& node) {
  size_t width = 0;
  walk_tree(node, "", [&](const std::string& path, const StatValue&) { width = std::max(width, path.size()); });
  std::string text;
  walk_tree(node, "", [&](const std::string& path, const StatValue& v) {
    const uint64_t shown = v.distribution.empty() ? v.value : v.distribution[0].count();
    fmt::format_to(std::back_inserter(text), "{:<{}}  {:>16}  # {}\n", path, width, shown, v.meaning);
  });
  return text;
}

}  // namespace mmusim
