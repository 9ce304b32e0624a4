// SPDX-License-Identifier: MIT
#include "sim/report/summary_schema.h"

#include <nlohmann/json.hpp>

#include "sim/report/summary.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

/// Describes values like `value`: objects with these members, arrays with elements like the first.
ordered_json like(const ordered_json& value) {
  if (value.is_object()) {
    ordered_json schema = {{"type", "object"}};
    for (const auto& [name, member] : value.items()) {
      schema["properties"][name] = like(member);
      schema["required"].push_back(name);
    }
    schema["additionalProperties"] = false;
    return schema;
  }
  if (value.is_array()) return {{"type", "array"}, {"items", value.empty() ? ordered_json::object() : like(value[0])}};
  if (value.is_string()) return {{"type", "string"}};
  if (value.is_boolean()) return {{"type", "boolean"}};
  if (value.is_number_float()) return {{"type", "number"}};
  return {{"type", "integer"}, {"minimum", 0}};
}

/// Requires no more than the members of `least`, a value with fewer of them.
void require_only(ordered_json& schema, const ordered_json& least) {
  if (least.is_array() && !least.empty()) return require_only(schema["items"], least[0]);
  if (!least.is_object()) return;
  schema["required"] = ordered_json::array();
  for (const auto& [name, member] : least.items()) {
    schema["required"].push_back(name);
    require_only(schema["properties"][name], member);
  }
}

/// A run with one of everything that has a fixed structure; `guest`: what only guests, and machines with several cores, have too.
RunSummary sample(bool guest) {
  RunSummary s;
  s.configuration = "{}";
  s.memmap_bytes.emplace();
  PhaseSummary phase;
  phase.stage = phase.name = "boot";
  phase.functions.push_back({"vmemmap_populate", 0, 0, 0, 0, 0});
  s.totals.nested_lookups = phase.machine.nested_lookups = guest ? 1 : 0;
  if (guest) {  // and what only machines with several cores have
    s.kernel.shootdowns.cpus = phase.kernel.shootdowns.cpus = 2;
    phase.cores.emplace_back();
  }
  s.phases.push_back(std::move(phase));
  s.misses_over_time.stlb_misses = s.misses_over_time.walks = {0};
  return s;
}

/// Names are those of the machine's modules, or of the processor's counters.
ordered_json any_members(ordered_json member) {
  return {{"type", "object"}, {"additionalProperties", std::move(member)}};
}

ordered_json reference(const char* name) { return {{"$ref", std::string("#/$defs/") + name}}; }

template <Statistics S>
void describe_counters(ordered_json& schema, const S& stats) {
  stats.describe([&](std::string_view name, const auto&, std::string_view meaning) {
    ordered_json& properties = schema["properties"];
    const std::string member(name);
    if (properties.contains(member)) properties[member]["description"] = meaning;
  });
}

/// Refers to the definitions of what stands in the summary itself, in each phase and in each section.
void refine(ordered_json& schema) {
  ordered_json& properties = schema["properties"];
  properties["perf"] = any_members({{"type", "integer"}, {"minimum", 0}});
  properties["machine"] = reference("machine");
  properties["kernel"] = reference("kernel");
  properties["totals"] = reference("totals");
}

ordered_json histogram() {
  ordered_json schema = like(to_json(Histogram()));
  schema["properties"]["buckets"] = {
      {"type", "array"},
      {"items",
       {{"type", "array"}, {"items", {{"type", "integer"}, {"minimum", 0}}}, {"minItems", 3}, {"maxItems", 3}}},
      {"description", "lower bound, upper bound, count; empty ones are left out"}};
  return schema;
}

}  // namespace

ordered_json summary_schema() {
  ordered_json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                         {"title", "summary.json of mmusim"},
                         {"description",
                          "Results of a run or a replay; docs/outputs.md tells more. Equal inputs give "
                          "equal summaries, \"host\" apart."}};
  const ordered_json written = to_json(sample(/*guest=*/false), HostTimes{1, 1});
  ordered_json whole = like(to_json(sample(/*guest=*/true), HostTimes{1, 1}));
  require_only(whole, written);
  ordered_json& properties = whole["properties"];
  ordered_json definitions;
  definitions["totals"] = properties["totals"];
  describe_counters(definitions["totals"], MachineTotals{});
  definitions["kernel"] = properties["kernel"];
  describe_counters(definitions["kernel"], KernelTotals{});
  definitions["machine"] = properties["machine"];
  definitions["machine"]["properties"]["walk_latency_cycles"] = reference("histogram");
  definitions["histogram"] = histogram();
  definitions["counters"] = any_members(
      {{"anyOf", {ordered_json{{"type", "integer"}, {"minimum", 0}}, reference("histogram"), reference("counters")}}});

  properties["format"] = {{"const", written["format"]}};
  properties["version"] = {{"const", written["version"]}};
  properties["command"] = {{"enum", {"run", "replay"}}};
  properties["memmap_bytes"] = {{"anyOf", {properties["memmap_bytes"], ordered_json{{"type", "null"}}}}};
  properties["counters"] = reference("counters");
  properties["counter_meanings"] = any_members({{"type", "string"}});
  properties["configuration"] = {{"type", "object"}};
  properties["host"] = {{"type", "object"}, {"description", "all that may differ between two equal runs"}};
  properties["replay"] = {{"type", "object"}, {"description", "what a replay has beyond a run"}};
  refine(whole);
  refine(properties["phases"]["items"]);
  for (const char* section : {"build", "workload"}) {
    ordered_json& one = properties["sections"]["properties"][section];
    refine(one);
    one["properties"]["stages"] = {{"type", "array"}, {"items", {{"type", "string"}}}};
  }
  for (const auto& [key, value] : whole.items()) schema[key] = value;
  schema["$defs"] = std::move(definitions);
  return schema;
}

}  // namespace mmusim
