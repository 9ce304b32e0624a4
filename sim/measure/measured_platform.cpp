// SPDX-License-Identifier: MIT
#include "sim/measure/measured_platform.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "models/base/format.h"

namespace mmusim {

namespace {

using nlohmann::json;

std::string spread_of(const Interval& v) {
  if (v.high - v.low < 0.05) return fmt::format("{:.5g}", v.value);
  return fmt::format("{:.5g} ({:.5g} to {:.5g})", v.value, v.low, v.high);
}

/// Fills a platform document and remembers where each number is from.
class Filler {
 public:
  Filler(json document, const MeasuredPlatformInput& input, const Survey& survey, std::vector<std::string>& remarks)
      : document_(std::move(document)), input_(input), survey_(survey), remarks_(remarks) {}

  void tlb(const std::string& key, const std::string& prefix);
  void penalty(const std::string& key, const std::string& finding);
  void latencies();
  void sizes();
  void walkers();
  void structure_caches();
  void crossings();
  void set(const std::string& pointer, const json& value, const std::string& from);
  json take();

 private:
  const Interval* found(const std::string& name) const {
    const Finding* f = survey_.find(name);
    return f != nullptr && f->value ? &*f->value : nullptr;
  }
  void array(const std::string& pointer, const Interval& entries, const Interval* ways);
  void say_sources(json& node, const std::string& pointer);

  json document_;
  const MeasuredPlatformInput& input_;
  const Survey& survey_;
  std::vector<std::string>& remarks_;
  std::map<std::string, std::string> measured_;  // by pointer
};

void Filler::set(const std::string& pointer, const json& value, const std::string& from) {
  document_[json::json_pointer(pointer)] = value;
  measured_[pointer] = from;
}

/// One array of a TLB, or one paging-structure cache. Its ways have to divide its entries; a power of two of them, for tree PLRU.
void Filler::array(const std::string& pointer, const Interval& entries, const Interval* ways) {
  json& array = document_[json::json_pointer(pointer)];
  const auto count = static_cast<uint64_t>(entries.value);
  const uint64_t before = array.value("entries", uint64_t{1});
  const bool was_full = array.value("ways", before) == before;
  set(pointer + "/entries", count, "measured " + spread_of(entries));
  if (ways != nullptr && ways->value >= 1 && count % static_cast<uint64_t>(ways->value) == 0) {
    set(pointer + "/ways", static_cast<uint64_t>(ways->value), "measured " + spread_of(*ways));
  } else if (was_full || count % array.value("ways", before) != 0) {
    set(pointer + "/ways", count, "as entries: fully associative, which was not measured");
  }
  const uint64_t now = array.value("ways", count);
  const std::string rule = array.value("replacement", "lru");
  const bool even = rule != "tree_plru" || ((now & (now - 1)) == 0 && now <= 32);
  if (!even || (rule == "skylake" && now != 12)) set(pointer + "/replacement", "lru", "");
  const std::string hash = array.value("index_hash", "linear");
  const uint64_t sets = count / std::max<uint64_t>(1, now);
  if ((hash == "xor7" && sets != 128) || (hash == "xor8" && sets != 256)) set(pointer + "/index_hash", "linear", "");
}

void Filler::tlb(const std::string& key, const std::string& prefix) {
  const std::string base = "/tlbs/" + key + "/arrays";
  if (!document_.contains(json::json_pointer(base))) return;
  const json arrays = document_[json::json_pointer(base)];
  for (const char* size : {"4K", "2M", "1G"}) {
    const Interval* entries = found(prefix + "." + size + ".entries");
    if (entries == nullptr) continue;
    std::vector<size_t> holders;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const json& pages = arrays[i].at("pages");
      if (std::find(pages.begin(), pages.end(), size) != pages.end()) holders.push_back(i);
    }
    if (holders.size() != 1) {
      remarks_.push_back(fmt::format("{}.{}.entries: {}, but {} has {} arrays for such pages, which stay as they are.",
                                     prefix, size, spread_of(*entries), input_.preset, holders.size()));
      continue;
    }
    const bool shared = std::string(size) != "4K" && arrays[holders[0]].at("pages").at(0) == "4K" &&
                        found(prefix + ".4K.entries") != nullptr;
    if (!shared) {
      array(fmt::format("{}/{}", base, holders[0]), *entries, found(prefix + "." + size + ".ways"));
    } else if (const Interval* small = found(prefix + ".4K.entries");
               entries->low > small->high || entries->high < small->low) {
      remarks_.push_back(fmt::format("{}.{}.entries: {}, but 4K pages have {} and {} keeps both in one array.", prefix,
                                     size, spread_of(*entries), spread_of(*small), input_.preset));
    }
  }
}

void Filler::penalty(const std::string& key, const std::string& finding) {
  const Interval* cycles = found(finding);
  const std::string pointer = "/tlbs/" + key;
  if (cycles == nullptr || !document_.contains(json::json_pointer(pointer))) return;
  set(pointer + "/hit_penalty_cycles", static_cast<uint64_t>(std::max(0.0, std::round(cycles->value))),
      "measured " + spread_of(*cycles));
}

/// Latencies have to grow from level to level, those that were measured and those that were not.
void Filler::latencies() {
  double above = 0;
  bool growing = true;
  for (const char* name : {"l1d", "l2", "l3"}) {
    const Interval* latency = found(std::string(name) + ".latency_cycles");
    const json& cache = document_["caches"][name];
    const double cycles = latency == nullptr ? cache.value("latency_cycles", 1e9) : std::round(latency->value);
    growing &= cycles > above;
    above = cycles;
  }
  for (const char* name : {"l1d", "l2", "l3"}) {
    const Interval* latency = found(std::string(name) + ".latency_cycles");
    if (latency == nullptr) continue;
    if (growing) {
      set(std::string("/caches/") + name + "/latency_cycles", static_cast<uint64_t>(std::round(latency->value)),
          "measured " + spread_of(*latency));
    } else {
      remarks_.push_back(fmt::format("{}.latency_cycles: {}, which does not fit the other levels; it stays as in {}.",
                                     name, spread_of(*latency), input_.preset));
    }
  }
}

void Filler::sizes() {
  for (const char* name : {"l1d", "l2", "l3"}) {
    const std::string pointer = std::string("/caches/") + name;
    const Interval* size = found(std::string(name) + ".size_kib");
    if (size == nullptr) continue;
    const uint64_t ways = document_[json::json_pointer(pointer)].value("ways", uint64_t{8});
    const auto kib = static_cast<uint64_t>(size->value);
    if (kib > 0 && kib * 16 % ways == 0) {
      set(pointer + "/size_kib", kib, "measured " + spread_of(*size));
    } else {
      remarks_.push_back(fmt::format("{}.size_kib: {}, which {} ways do not divide; it stays as in {}.", name,
                                     spread_of(*size), ways, input_.preset));
    }
  }
}

void Filler::walkers() {
  if (const Interval* n = found("walkers")) {
    set("/page_walkers/walkers", static_cast<uint64_t>(n->value), "measured " + spread_of(*n));
  }
  const Interval* lookup = found("walk.lookup_cycles");
  if (lookup == nullptr) return;
  if (input_.guest != VirtualizationMode::kNone) {
    remarks_.emplace_back(
        "walk.lookup_cycles: a guest's walk has two dimensions; what one lookup costs cannot be told from it.");
  } else if (lookup->value < 0) {
    remarks_.emplace_back(
        "walk.lookup_cycles: a walk costs less than a read of the second-level cache here; it stays as it is.");
  } else {
    set("/page_walkers/paging_structure_caches/lookup_cycles", static_cast<uint64_t>(lookup->value),
        "measured " + spread_of(*lookup));
  }
}

/// Entries of a cache that the preset has; a vendor's one cache for all upper entries is what its PDPTEs show.
void Filler::structure_caches() {
  const json::json_pointer base("/page_walkers/paging_structure_caches");
  const std::pair<const char*, std::vector<const char*>> homes[] = {{"pde", {"pde"}}, {"pdpte", {"pdpte", "upper"}}};
  for (const auto& [name, keys] : homes) {
    const std::string finding = std::string("structure_caches.") + name + ".entries";
    const Interval* entries = found(finding);
    if (entries == nullptr) continue;
    const auto home = std::find_if(keys.begin(), keys.end(), [&](const char* key) {
      return document_.contains(base) && document_[base].contains(key);
    });
    if (home == keys.end()) {
      remarks_.push_back(fmt::format("{}: {}, but {} has no such cache.", finding, spread_of(*entries), input_.preset));
    } else {
      array((base / *home).to_string(), *entries, nullptr);
    }
  }
}

void Filler::crossings() {
  for (const char* name : {"load.line_crossing_cycles", "load.page_crossing_cycles"}) {
    const Interval* cycles = found(name);
    if (cycles == nullptr) continue;
    const bool line = std::string(name).find("line") != std::string::npos;
    remarks_.push_back(fmt::format(
        "{}: {}, for which a platform file has no number: {}.", name, spread_of(*cycles),
        line ? "the simulator reads the two lines one after the other, which takes the latency of l1d once more"
             : "the simulator takes nothing more for the second page as long as the first-level TLB has it"));
  }
}

void Filler::say_sources(json& node, const std::string& pointer) {
  if (node.is_array()) {
    for (size_t i = 0; i < node.size(); ++i) say_sources(node[i], fmt::format("{}/{}", pointer, i));
    return;
  }
  if (!node.is_object()) return;
  if (pointer == "/dram/device") {  // the objects within take no other keys
    node["source"] = "all numbers: from preset " + input_.preset;
    return;
  }
  std::string text;
  for (const auto& [key, value] : node.items()) {
    if (!value.is_number()) continue;
    const auto at = measured_.find(pointer + "/" + key);
    text +=
        (text.empty() ? "" : "; ") + key + ": " + (at == measured_.end() ? "from preset " + input_.preset : at->second);
  }
  for (auto& [key, value] : node.items()) say_sources(value, pointer + "/" + key);
  if (!text.empty()) node["source"] = text;
}

json Filler::take() {
  document_["name"] = input_.name;
  document_["description"] = input_.description;
  say_sources(document_, "");
  return std::move(document_);
}

}  // namespace

json measured_platform(const json& preset, const MeasuredPlatformInput& input, const Survey& survey,
                       std::vector<std::string>& remarks) {
  Filler filler(preset, input, survey, remarks);
  filler.tlb("l1_dtlb", "l1_dtlb");
  filler.tlb("stlb", "stlb");
  filler.tlb("l1_itlb", "l1_itlb");
  filler.tlb("l2_itlb", "l2_itlb");
  filler.penalty("stlb", "stlb.4K.hit_penalty_cycles");
  filler.penalty("l2_itlb", "l2_itlb.4K.hit_penalty_cycles");
  filler.latencies();
  filler.sizes();
  filler.walkers();
  filler.structure_caches();
  filler.crossings();
  if (input.core_mhz > 0) {
    filler.set("/core/frequency_mhz", std::round(input.core_mhz), fmt::format("measured {:.0f}", input.core_mhz));
  }
  if (input.way_to_memory_ns > 0) {
    const std::string from = "fitted so that the simulated memory latency is the measured one; half each way";
    const double half = std::round(input.way_to_memory_ns * 5) / 10;
    filler.set("/dram/to_memory_ns", half, from);
    filler.set("/dram/from_memory_ns", half, from);
  }
  if (input.nested_lookup_cycles) {
    filler.set("/page_walkers/nested/lookup_cycles", *input.nested_lookup_cycles,
               fmt::format("fitted so that a simulated walk of a guest over {} pages of the host takes what the "
                           "measured one does",
                           input.host_pages));
  }
  return filler.take();
}

std::string text_of(const Finding& f) { return f.value ? spread_of(*f.value) + " " + f.unit : "could not tell"; }

}  // namespace mmusim
