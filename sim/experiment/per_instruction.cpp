// SPDX-License-Identifier: MIT
#include "sim/experiment/per_instruction.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/report/units.h"

namespace mmusim {

namespace {

/// Misses of a cache by whose request they are: demand and page-walk misses, prefetches left out.
constexpr const char* kCacheMisses[] = {"load_misses", "store_misses", "fetch_misses", "entry_misses"};

/// Adds up the counters of these names in the modules `module` of all cores and of the machine; nullopt if there is no
/// such module.
std::optional<uint64_t> sum(const StatNode& node, std::string_view module, std::span<const char* const> names) {
  std::optional<uint64_t> total;
  for (const StatNode& child : node.children) {
    if (child.name != module) {
      if (const auto of_child = sum(child, module, names)) total = total.value_or(0) + *of_child;
      continue;
    }
    total = total.value_or(0);
    for (const StatValue& value : child.values) {
      if (std::find(names.begin(), names.end(), value.name) != names.end()) *total += value.value;
    }
  }
  return total;
}

/// Walks by the level of the entry that they read first: the paging-structure caches of all lower levels have missed.
constexpr const char* kStartLevels[] = {"start_level_1", "start_level_2", "start_level_3", "start_level_4",
                                        "start_level_5"};
constexpr const char* kStructureCaches[] = {"pde", "pdpte", "pml4e"};

double ratio(uint64_t part, uint64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

}  // namespace

PerInstruction::PerInstruction(const Measured& run)
    : instructions_(run.instructions),
      accesses_alone_(run.instructions == run.measured),
      cycles_(run.totals.cycles),
      walk_cycles_(run.totals.walk_cycles) {
  misses_ = {{"l1_dtlb", run.totals.l1_dtlb_misses}, {"stlb", run.totals.stlb_misses}, {"walks", run.totals.walks}};
  if (cycles_ == 0) return;
  static constexpr const char* kFetchMisses[] = {"fetch_tlb_misses"};
  misses_.insert(misses_.begin() + 1, {"l1_itlb", sum(run.stats, "lsu", kFetchMisses).value_or(0)});
  for (const char* cache : {"l1d", "l1i", "l2", "l3"}) {
    if (const auto misses = sum(run.stats, cache, kCacheMisses)) misses_.push_back({cache, *misses});
  }
  for (size_t i = 0; i < std::size(kStructureCaches); ++i) {
    const auto misses = sum(run.stats, "page_walkers", std::span(kStartLevels).subspan(i + 1));
    misses_.push_back({kStructureCaches[i], misses.value_or(0)});
  }
  const auto counter = [&run](std::string_view module, const char* name) {
    return sum(run.stats, module, std::span(&name, 1)).value_or(0);
  };
  walk_pending_cycles_ = counter("page_walkers", "pending_cycles");
  walk_active_cycles_ = counter("page_walkers", "active_cycles");
  miss_cycles_ = counter("core", "miss_cycles");
  miss_active_cycles_ = counter("core", "miss_active_cycles");
  memory_read_cycles_ = counter("dram", "read_cycles");
}

nlohmann::ordered_json PerInstruction::json() const {
  nlohmann::ordered_json j = {{"instructions", instructions_}};
  if (instructions_ == 0) return j;
  if (cycles_ != 0) {
    j["ipc"] = ratio(instructions_, cycles_);
    j["walk_cycles_per_instruction"] = ratio(walk_cycles_, instructions_);
    if (miss_active_cycles_ != 0) j["memory_level_parallelism"] = ratio(miss_cycles_, miss_active_cycles_);
    if (memory_read_cycles_ != 0) j["memory_reads_under_way"] = ratio(memory_read_cycles_, cycles_);
    if (walk_active_cycles_ != 0) j["walks_in_parallel"] = ratio(walk_pending_cycles_, walk_active_cycles_);
  }
  nlohmann::ordered_json& misses = j["misses_per_1000_instructions"];
  for (const Misses& m : misses_) misses[m.structure] = 1000 * ratio(m.count, instructions_);
  return j;
}

std::string PerInstruction::text() const {
  std::string text = fmt::format("instructions: {}", grouped(instructions_));
  if (instructions_ == 0) return text + "\n";
  if (accesses_alone_) text += " (the trace tells of none without a data access)";
  if (cycles_ != 0) {
    text += fmt::format(", {:.3f} a cycle, {:.3f} walk cycles each", ratio(instructions_, cycles_),
                        ratio(walk_cycles_, instructions_));
  }
  if (miss_active_cycles_ != 0) {
    text += fmt::format("\nmemory-level parallelism (misses under way, while there are any): {:.3f}",
                        ratio(miss_cycles_, miss_active_cycles_));
  }
  if (memory_read_cycles_ != 0) {
    text += fmt::format("\nmemory reads under way, on average: {:.3f}", ratio(memory_read_cycles_, cycles_));
  }
  if (walk_active_cycles_ != 0) {
    text += fmt::format("\nwalks in parallel, while there are any: {:.3f}",
                        ratio(walk_pending_cycles_, walk_active_cycles_));
  }
  text += "\nmisses per 1000 instructions:";
  for (const Misses& m : misses_) {
    text += fmt::format("{} {} {:.3f}", &m == &misses_.front() ? "" : ",", m.structure,
                        1000 * ratio(m.count, instructions_));
  }
  return text + "\n";
}

}  // namespace mmusim
