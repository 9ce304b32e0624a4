// SPDX-License-Identifier: MIT
#include "sim/measure/platform_fit.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/host/interrupts.h"
#include "sim/machine/platform.h"

namespace mmusim {

namespace {

using nlohmann::json;

const json::json_pointer kNestedLookup("/page_walkers/nested/lookup_cycles");
constexpr const char* kHostPages[] = {"4K", "2M", "1G"};

VirtualizationConfig guest_over(const std::string& host, VirtualizationMode mode) {
  VirtualizationConfig guest;
  guest.mode = mode;
  guest.pages[0].pages = host == "4K" ? PageSize::k4K : host == "2M" ? PageSize::k2M : PageSize::k1G;
  return guest;
}

/// Cycles of one point of one curve on a simulated machine.
std::optional<double> simulated_point(const json& document, const Survey& survey, const NamedCurve& point,
                                      const VirtualizationConfig& guest) {
  Survey one = survey;
  one.curves = {point};
  CounterpartOptions options;
  options.guest = guest;
  const Counterpart model = simulate_counterpart(document, one, options);
  if (model.curves.empty()) return std::nullopt;
  return model.curves.front().points.front().cycles.median;
}

/// The way to memory that makes the simulated latency of memory the measured one; 0 if that cannot be.
double way_to_memory(const json& document, const Survey& survey, double core_mhz, const VirtualizationConfig& guest) {
  const NamedCurve* memory = survey.curve("memory");
  if (memory == nullptr || memory->points.empty() || core_mhz <= 0) return 0;
  NamedCurve first{memory->name, memory->axis, {memory->points.front()}};
  const auto model = simulated_point(document, survey, first, guest);
  if (!model) return 0;
  const double now = document.at("dram").value("to_memory_ns", 0.0) + document.at("dram").value("from_memory_ns", 0.0);
  return std::max(0.0, now + (first.points.front().cycles.median - *model) * 1000 / core_mhz);
}

/// The largest chase over pages of 4 KiB of which each access walks.
std::optional<NamedCurve> walking_chase(const Survey& survey) {
  constexpr uint64_t kMostPages = 16384;
  const NamedCurve* pages = survey.curve("pages-4K");
  const Finding* entries = survey.find("stlb.4K.entries");
  if (pages == nullptr || entries == nullptr || !entries->value) return std::nullopt;
  std::optional<NamedCurve> chase;
  for (const Point& p : pages->points) {
    if (static_cast<double>(p.n) < entries->value->high * 1.25 || p.n > kMostPages) continue;
    chase = NamedCurve{pages->name, pages->axis, {p}};
  }
  return chase;
}

/// The cycles of a lookup of the nested structures with which a simulated walk takes what the measured one does, by
/// bisection. nullopt: no number does it.
std::optional<uint64_t> nested_lookup(json document, const Survey& survey, const VirtualizationConfig& guest) {
  constexpr uint64_t kMost = 1024;
  const auto chase = walking_chase(survey);
  if (!chase) return std::nullopt;
  const double goal = chase->points.front().cycles.median;
  const auto beyond_goal = [&](uint64_t lookup) {
    document[kNestedLookup] = lookup;
    return simulated_point(document, survey, *chase, guest).value_or(goal) - goal;
  };
  if (beyond_goal(0) > 0.15 * goal) return std::nullopt;
  uint64_t low = 0, high = 1;  // at low the goal is not reached
  while (beyond_goal(high) < 0) {
    low = high;
    high *= 4;
    if (high > kMost) return std::nullopt;
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (beyond_goal(middle) < 0 ? low : high) = middle;
  }
  return std::abs(beyond_goal(low)) < std::abs(beyond_goal(high)) ? low : high;
}

/// Mean distance of the curves, as a share; nullopt if they have too few points in common to tell machines apart.
std::optional<double> distance(const Survey& measured, const Counterpart& simulated) {
  constexpr unsigned kTold = 5;
  double sum = 0;
  unsigned points = 0;
  for (const NamedCurve& model : simulated.curves) {
    const NamedCurve* real = measured.curve(model.name);
    for (const Point& p : model.points) {
      for (const Point& r : real->points) {
        if (r.n != p.n) continue;
        sum += std::abs(std::log((p.cycles.median + 4) / (std::max(0.0, r.cycles.median) + 4)));
        ++points;
      }
    }
  }
  return points < kTold ? std::nullopt : std::optional(sum / points);
}

/// The host of a guest whose curves come nearest, with what a lookup takes there. None if all come equally near.
void fit_host(const json& preset, const Survey& survey, MeasuredPlatformInput& input) {
  std::vector<std::string> ignored;
  constexpr double kTellsApart = 0.01;
  double least = 0, most = 0;
  MeasuredPlatformInput best = input;
  for (const std::string host : kHostPages) {
    MeasuredPlatformInput with = input;
    with.host_pages = host;
    const VirtualizationConfig guest = guest_over(host, input.guest);
    with.nested_lookup_cycles = nested_lookup(measured_platform(preset, with, survey, ignored), survey, guest);
    CounterpartOptions some;
    some.guest = guest;
    some.only = {"pages-4K", "pages-2M", "lanes"};
    some.ratio = 1.6;
    const json document = measured_platform(preset, with, survey, ignored);
    const auto off = distance(survey, simulate_counterpart(document, survey, some));
    if (!off || interrupt_pending()) return;
    most = std::max(most, *off);
    if (best.host_pages.empty() || *off < least) {
      least = *off;
      best = with;
    }
  }
  if (most - least >= kTellsApart) input = best;
}

}  // namespace

PlatformFit fit_platform(const json& preset, MeasuredPlatformInput input, const Survey& survey,
                         std::vector<std::string>& remarks) {
  std::vector<std::string> ignored;
  PlatformFit fit;
  input.host_pages.clear();
  input.nested_lookup_cycles.reset();
  input.way_to_memory_ns = 0;
  VirtualizationConfig guest;
  if (input.guest != VirtualizationMode::kNone && !interrupt_pending()) {
    fit_host(preset, survey, input);
    fit.host_pages = input.host_pages;
    if (!input.host_pages.empty()) guest = guest_over(input.host_pages, input.guest);
    if (!input.host_pages.empty() && !input.nested_lookup_cycles && walking_chase(survey)) {
      remarks.emplace_back(
          "nested.lookup_cycles: no number makes a simulated walk of a guest cost what was measured; it stays as it "
          "is.");
    }
  }
  if (!interrupt_pending()) {
    const json document = measured_platform(preset, input, survey, ignored);
    input.way_to_memory_ns = way_to_memory(document, survey, input.core_mhz, guest);
  }
  fit.document = measured_platform(preset, input, survey, remarks);
  if (interrupt_pending()) return fit;
  CounterpartOptions options;
  options.guest = guest;
  fit.simulated = simulate_counterpart(fit.document, survey, options);
  return fit;
}

}  // namespace mmusim
