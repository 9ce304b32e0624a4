// SPDX-License-Identifier: MIT
// The part of a survey that finds out how far the paging-structure caches reach.
#include <algorithm>
#include <cmath>

#include "models/base/format.h"
#include "sim/measure/surveyor.h"

namespace mmusim {

namespace {

constexpr uint64_t kRegionPages = 480, kGibRegions = 512;
constexpr uint64_t kMostRegions = 256;  // adjacent: half a GiB of addresses
constexpr uint64_t kMostGibs = 128;

uint64_t share_of(uint64_t all, uint64_t each) { return (all + each - 1) / each; }

/// Median of the points from `n` on; nullopt if there are not three.
std::optional<double> level_beyond(const Curve& curve, uint64_t n) {
  std::vector<double> medians;
  for (const Point& p : curve) {
    if (p.n >= n) medians.push_back(p.cycles.median);
  }
  if (medians.size() < 3) return std::nullopt;
  return sample_of(medians).median;
}

}  // namespace

/// Pages of which each misses the second-level TLB in each round, and whose PTEs, eight in a line, do not stay in the
/// first-level cache. nullopt: it is not known how many that are, or some stay in the TLB whatever comes.
std::optional<uint64_t> Surveyor::pages_that_walk() const {
  const Finding* entries = survey_.find("stlb.4K.entries");
  const Finding* l1d = survey_.find("l1d.size_kib");
  const Finding* l2 = survey_.find("l2.latency_cycles");
  if (!walk_ || !value("l1d.latency_cycles") || !value("stlb.4K.hit_penalty_cycles")) return std::nullopt;
  if (l2 == nullptr || !l2->value || walk_->median + 0.01 < l2->value->low) return std::nullopt;
  const double lines = l1d != nullptr && l1d->value ? l1d->value->high * 16 : 1024;
  return static_cast<uint64_t>(std::max(entries->value->high * 2, lines * 8 * 2));
}

/// Measures a curve; of one that does not begin level, from which nothing can be told, only the first points and the last.
void Surveyor::measure_reach(Prober& prober, uint64_t first, uint64_t last) const {
  const auto few = static_cast<uint64_t>(static_cast<double>(first) * std::exp2(2.0 / options_.points_per_octave)) + 1;
  prober.grid(first, std::max(few, first + 2), options_.points_per_octave);
  const double share = subject_.foreign_share();
  if (first_level_of(prober.curve(), share * *value("l1d.latency_cycles"))) {
    prober.grid(first, last, options_.points_per_octave);
  } else {
    prober.measure(last);
  }
}

/// Entries of a structure, beyond which a walk reads one entry more. `expected`: cycles of a step while it does not. A knee
/// counts only if the step is a read at least, and if `check`, another chase over as many regions, has it at the same place:
/// a structure that others use too, or a cache that overflows, has it elsewhere.
std::optional<Interval> Surveyor::reach_of(Prober& prober, double expected, const Prober::Probe& check,
                                           std::string& why) {
  const double share = subject_.foreign_share(), read = *value("l1d.latency_cycles");
  const auto low = first_level_of(prober.curve(), share * read);
  why = prober.curve().empty() ? "There were not enough addresses for pages far apart."
                               : "The curve does not begin with a level stretch.";
  if (!low) return std::nullopt;
  why = fmt::format("Already {} are too many: each step takes {:.1f} cycles instead of {:.1f}.", low->first, low->level,
                    expected);
  if (low->level > expected + read / 2) return std::nullopt;
  prober.bisect(*low, 0, 0);
  if (share > 0) prober.bisect(*low, share * read, 0);
  const Knee knee = knee_of(prober.curve(), *low);
  why = fmt::format("The curve has no knee up to {}.", prober.curve().back().n);
  if (!knee.first_raised) return std::nullopt;
  const auto high = level_beyond(prober.curve(), knee.last_flat * 2);
  const double height = high ? *high - low->level : 0;
  const auto entries = capacity_of(prober.curve(), *low, height, share);
  why = fmt::format("The step of {:.2f} cycles at {} is less than a read of one more entry.", height, knee.last_flat);
  if (!entries || height < read * 3 / 4) return std::nullopt;
  const auto first = check(low->first), last = check(static_cast<uint64_t>(entries->low)),
             beyond = check(knee.last_flat * 2);
  why = fmt::format("Another chase does not have the knee at {:.0f}: something else uses the structure too.",
                    entries->value);
  if (!first || !last || !beyond) return std::nullopt;
  if (std::abs(last->median - first->median) > low->tolerance + share * height) return std::nullopt;
  if (beyond->median - first->median < height / 4) return std::nullopt;
  why = fmt::format(
      "A guest's walk looks for addresses of page tables too: the knee at {:.0f} ({:.0f} to {:.0f}) may be that of "
      "another "
      "structure.",
      entries->value, entries->low, entries->high);
  return options_.guest ? std::nullopt : entries;
}

/// Regions of 2 MiB, from as few as hold the pages on: beyond what the PDE cache holds each walk reads a PDE too. Returns
/// cycles of a step that does.
double Surveyor::pde_reach(uint64_t pages, double expected) {
  const auto probe = [&](uint64_t visit) {
    return [this, pages, visit](uint64_t n) { return subject_.measure(region_chase(pages, n, 0, visit)); };
  };
  Prober prober(subject_, probe(1));
  measure_reach(prober, share_of(pages, kRegionPages), kMostRegions);
  std::string why;
  // Two pages of a region in turn bring twice the pages between two uses of a PDE.
  const auto entries = reach_of(prober, expected, probe(2), why);
  add("structure_caches.pde.entries", "entries", entries, why);
  keep("regions-2M", "regions of 2 MiB, each load with a walk", prober.curve());
  const auto beyond = entries ? level_beyond(prober.curve(), static_cast<uint64_t>(entries->high) * 2) : std::nullopt;
  return beyond.value_or(expected + *value("l2.latency_cycles"));
}

/// GiB over which the regions are dealt out, so many regions that no PDE is found in a cache: beyond what the PDPTE cache
/// holds each walk reads a PDPTE too.
void Surveyor::pdpte_reach(uint64_t pages, double expected) {
  const auto pdes = value("structure_caches.pde.entries"), second = value("stlb.4K.entries");
  survey_.regions = static_cast<uint64_t>(pdes ? *pdes * 4 : *second);
  const auto probe = [&](uint64_t regions) {
    return [this, pages, regions](uint64_t n) { return subject_.measure(region_chase(pages, regions, n, 1)); };
  };
  Prober prober(subject_, probe(survey_.regions));
  measure_reach(prober, share_of(survey_.regions * 2, kGibRegions), kMostGibs);
  std::string why;
  const auto entries = reach_of(prober, expected, probe(survey_.regions * 2), why);
  add("structure_caches.pdpte.entries", "entries", entries, why);
  keep("regions-1G", fmt::format("GiB that hold {} regions, each load with a walk", survey_.regions), prober.curve());
}

void Surveyor::structure_caches() {
  const auto pages = stopped() ? std::nullopt : pages_that_walk();
  if (!pages) {
    const char* why = "It is not known how many pages miss the second-level TLB for sure.";
    for (const char* name : {"pde", "pdpte"}) {
      add(std::string("structure_caches.") + name + ".entries", "entries", std::nullopt, why);
    }
    return;
  }
  survey_.region_pages = *pages;
  pdpte_reach(*pages, pde_reach(*pages, walk_step_));
}

}  // namespace mmusim
