// SPDX-License-Identifier: MIT
#include "sim/recorded/resource_tree.h"

#include <algorithm>
#include <charconv>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

/// Hex digits without prefix; false if there are none or too many.
bool parse_hex(std::string_view text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::vector<Resource> parse_resources(const std::vector<std::string>& lines, const std::string& where) {
  std::vector<Resource> resources;
  for (const std::string& line : lines) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    const std::string_view text = std::string_view(line).substr(indent);
    const size_t dash = text.find('-');
    const size_t colon = text.find(" : ");
    uint64_t first = 0;
    uint64_t last = 0;
    if (dash == std::string_view::npos || colon == std::string_view::npos || dash > colon ||
        !parse_hex(text.substr(0, dash), first) || !parse_hex(text.substr(dash + 1, colon - dash - 1), last) ||
        last < first) {
      throw InputError(fmt::format("{}: \"{}\" is no line of /proc/iomem, expected \"START-END : NAME\"", where, line));
    }
    resources.push_back({{PhysAddr(first), PhysAddr(last + 1)},
                         static_cast<unsigned>(indent / 2),
                         std::string(text.substr(colon + 3))});
  }
  return resources;
}

std::vector<PhysRange> without(const std::vector<PhysRange>& from, const std::vector<PhysRange>& taken) {
  std::vector<PhysRange> cuts = taken;
  std::sort(cuts.begin(), cuts.end());
  std::vector<PhysRange> left;
  for (PhysRange range : from) {
    for (const PhysRange& cut : cuts) {
      if (!cut.overlaps(range)) continue;
      if (range.start < cut.start) left.push_back({range.start, cut.start});
      range.start = std::min(cut.end, range.end);
    }
    if (range.start < range.end) left.push_back(range);
  }
  std::sort(left.begin(), left.end());
  return left;
}

std::vector<PhysRange> added_ram(const std::vector<Resource>& resources, const std::vector<PhysRange>& boot) {
  std::vector<PhysRange> added;
  for (const Resource& resource : resources) {
    if (!resource.name.starts_with("System RAM")) continue;
    const bool at_boot =
        std::any_of(boot.begin(), boot.end(), [&](const PhysRange& range) { return range.overlaps(resource.range); });
    if (!at_boot) added.push_back(resource.range);
  }
  return added;
}

std::vector<PersistentRegion> persistent_regions(const std::vector<Resource>& resources) {
  std::vector<PersistentRegion> regions;
  for (const Resource& resource : resources) {
    if (resource.depth == 0) {
      if (!resource.name.starts_with("Persistent Memory")) continue;
      regions.push_back({.range = resource.range,
                         .legacy = resource.name.ends_with("(legacy)"),
                         .name_space = {},
                         .dax_device = {},
                         .dax_start = {}});
    } else if (!regions.empty() && regions.back().range.contains(resource.range)) {
      if (resource.name.starts_with("namespace")) regions.back().name_space = resource.name;
      if (resource.name.starts_with("dax") && regions.back().dax_device.empty()) {
        regions.back().dax_device = resource.name;
        regions.back().dax_start = resource.range.start;
      }
    }
  }
  return regions;
}

}  // namespace mmusim
