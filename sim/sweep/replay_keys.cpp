// SPDX-License-Identifier: MIT
#include "sim/sweep/replay_keys.h"

#include <string_view>

namespace mmusim {

using nlohmann::json;

namespace {

constexpr const char* kModel = "model";
constexpr const char* kFetches = "fetches";
constexpr const char* kPcids = "pcids";
constexpr const char* kSalvage = "salvage";

/// A length of a trace as the command line takes it, or a number.
void read_length(ConfigReader& r, const ConfigKey& key, std::string& text) {
  const json* value = r.raw(key);
  if (value == nullptr) return;
  if (value->is_string()) {
    text = value->get<std::string>();
  } else if (value->is_number_unsigned()) {
    text = value->dump();
  } else {
    r.error(key.name, "expected a number of accesses, or a text such as \"100Mi\" for instructions");
  }
}

}  // namespace

void read_sweep_replay(ConfigReader r, ReplayOptions& o) {
  r.read_enum<ReplayModel>({kModel, "Cycles, or the same hits, misses and walks without time."}, o.model,
                           {{"cycle", ReplayModel::kCycle}, {"functional", ReplayModel::kFunctional}});
  o.spaces_given = r.has("pages") || r.has("levels") || r.has("frames") || r.has("page_map");
  r.read({"pages", "Pages of a trace with virtual addresses only: 4K, 2M, 1G, thp or thp:PROBABILITY."}, o.pages);
  r.read({"page_map", "File with page sizes of ranges of addresses.", "", "none"}, o.page_map);
  r.read({"levels", "Levels of the page tables.", "levels"}, o.levels, 4, 5);
  r.read({"frames", "Order of physical frames: sequential, random, fragmented or fragmented:INDEX."}, o.frames);
  r.read({"map", "Scenario or image whose page tables are used.", "", "none"}, o.map);
  r.read({"form", "Form of the trace.", "", "found by content"}, o.form);
  read_length(r, {"skip", "Left out at first: accesses, or a text such as \"100Mi\" for instructions."}, o.window.skip);
  read_length(r, {"warmup", "Run but not counted, as skip."}, o.window.warmup);
  read_length(r, {"limit", "Counted at most, as skip.", "", "all"}, o.window.limit);
  r.read({"sample", "N:M takes the first N of each M accesses.", "", "all"}, o.window.sample);
  r.read({"roi", "Phase that is replayed: number or name of its marker.", "", "all"}, o.window.roi);
  r.read_enum<FlushPolicy>({"flushes", "Recorded TLB invalidations that are carried out."}, o.flushes,
                           {{"auto", FlushPolicy::kAuto}, {"all", FlushPolicy::kAll}, {"none", FlushPolicy::kNone}});
  bool fetches = !o.no_fetches;
  bool pcids = !o.no_pcids;
  r.read({kFetches, "Instruction fetches take part in translation."}, fetches);
  r.read({kPcids, "A change of process keeps the other processes' translations."}, pcids);
  r.read({kSalvage, "What is whole of a damaged trace is taken."}, o.salvage);
  o.no_fetches = !fetches;
  o.no_pcids = !pcids;
  r.finish();
}

void take_replay_sets(std::vector<std::string>& sets, json& document) {
  std::erase_if(sets, [&document](const std::string& set) {
    if (!set.starts_with(kReplayPrefix)) return false;
    const std::string_view rest = std::string_view(set).substr(std::string_view(kReplayPrefix).size());
    const size_t equals = rest.find('=');
    const std::string key(rest.substr(0, equals));
    const std::string text(equals == std::string_view::npos ? "" : rest.substr(equals + 1));
    const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
    document[key] = value.is_discarded() || key == "roi" ? json(text) : value;
    return true;
  });
}

std::vector<std::string> replay_arguments(const json& document) {
  std::vector<std::string> arguments;
  for (const auto& [key, value] : document.items()) {
    const bool off = value.is_boolean() && !value.get<bool>();
    if (key == kFetches || key == kPcids) {
      if (off) arguments.push_back("--no-" + key);
    } else if (key == kSalvage) {
      if (!off) arguments.emplace_back("--salvage");
    } else {
      arguments.push_back(key == "page_map" ? "--page-map" : "--" + key);
      arguments.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return arguments;
}

}  // namespace mmusim
