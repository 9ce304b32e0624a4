// SPDX-License-Identifier: MIT
#include "sim/measure/surveyor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr const char* kStopped = "Not measured: there was no more time.";
constexpr const char* kNotReached = "The curve has no knee up to its end.";
constexpr const char* kNotLevel = "The curve has no level stretch from which to tell.";

std::string size_name(PageSize size) { return size == PageSize::k4K ? "4K" : size == PageSize::k2M ? "2M" : "1G"; }

/// The level of a plateau above another, with what both may be off.
Interval step_of(const Plateau& low, const Plateau& high) {
  const double cost = high.level - low.level, off = std::hypot(low.tolerance, high.tolerance);
  return {cost, cost - off, cost + off};
}

Interval in_kib(const Interval& lines) { return {lines.value / 16, lines.low / 16, lines.high / 16}; }

std::optional<Sample> minus(const std::optional<Sample>& a, const std::optional<Sample>& b) {
  if (!a || !b) return std::nullopt;
  return difference(*a, *b);
}

std::optional<Interval> interval_of(const std::optional<Sample>& sample) {
  return sample ? std::optional(Interval{sample->median, sample->low, sample->high}) : std::nullopt;
}

}  // namespace

void Surveyor::keep(const std::string& name, const std::string& axis, const Curve& curve) {
  if (!curve.empty()) survey_.curves.push_back({name, axis, curve});
}

void Surveyor::add(const std::string& name, const std::string& unit, const std::optional<Interval>& value,
                   const std::string& why) {
  survey_.findings.push_back({name, unit, value, value ? "" : stopped() ? kStopped : why});
}

std::optional<double> Surveyor::value(const std::string& name) const {
  const Finding* f = survey_.find(name);
  if (f == nullptr || !f->value) return std::nullopt;
  return f->value->value;
}

std::optional<Sample> cost_beyond(Subject& subject, const Chase& chase, ChaseKind reference) {
  Chase lines;
  lines.kind = reference;
  lines.count = chase.count;
  return minus(subject.measure(chase), subject.measure(lines));
}

Chase walk_chase(uint64_t pages, unsigned lanes) {
  Chase chase;  // eight pages apart: the PTE of each page is in a line of its own, which the L1 cache cannot keep
  chase.stride = 8;
  chase.window = 64;
  chase.count = pages;
  chase.shared_frame = true;
  chase.lanes = lanes;
  return chase;
}

Prober::Probe Surveyor::beyond(Chase chase, ChaseKind reference) {
  return [this, chase, reference](uint64_t n) mutable {
    chase.count = n;
    return cost_beyond(subject_, chase, reference);
  };
}

/// Finds out whether the large pages that lines lie in are large for the processor: a host that backs a guest by small
/// pages splits them, and then lines in more small pages than the TLB has entries cost translation. Returns how many lines
/// can be chased without.
uint64_t Surveyor::lines_in_reach() {
  const auto entries = value("l1_dtlb.4K.entries"), penalty = value("stlb.4K.hit_penalty_cycles");
  if (!entries || !penalty) return ~uint64_t{0};
  Chase chase;
  chase.kind = ChaseKind::kLines;
  chase.apart = true;
  chase.count = static_cast<uint64_t>(*entries) * 4;
  const auto cost = cost_beyond(subject_, chase, ChaseKind::kLines);
  if (!cost || cost->median < *penalty / 2) return ~uint64_t{0};
  split_ = true;
  return static_cast<uint64_t>(*entries) * (kPageBytes / kLineBytes) * 7 / 8;
}

void Surveyor::caches() {
  Chase chase;
  chase.kind = ChaseKind::kLines;
  Prober prober(subject_, [&](uint64_t n) {
    chase.count = n;
    return subject_.measure(chase);
  });
  const uint64_t reach = stopped() ? ~uint64_t{0} : lines_in_reach();
  const uint64_t last = std::min(options_.most_lines, subject_.most_steps(ChaseKind::kLines, PageSize::k2M));
  prober.grid(32, last, std::max(2U, options_.points_per_octave / 2));
  prober.refine(0, 0);
  prober.refine(1, 0);
  prober.refine(2, 0.02);
  const auto levels = prober.levels(3);
  const std::string split = fmt::format(
      "2 MiB pages are split into small ones here: from {} KiB on the curve mixes caches and TLB.", reach / 16);
  for (unsigned i = 0; i < 3; ++i) {
    const std::string name = i == 0 ? "l1d" : i == 1 ? "l2" : "l3";
    std::string why = i < levels.size() ? kNotReached : kNotLevel;
    std::optional<Interval> size, latency;
    if (i < levels.size()) {
      const Plateau& p = levels[i].plateau;
      if (p.first <= reach) latency = Interval{p.level, p.level - p.tolerance, p.level + p.tolerance};
      if (levels[i].capacity && levels[i].capacity->high <= static_cast<double>(reach))
        size = in_kib(*levels[i].capacity);
      if (levels[i].knee.first_raised.value_or(0) > reach || p.first > reach) why = split;
    }
    add(name + ".size_kib", "KiB", size, why);
    add(name + ".latency_cycles", "cycles", latency, why);
  }
  keep("lines", "lines of 64 bytes", prober.curve());
}

void Surveyor::memory() {
  Chase chase;
  chase.kind = ChaseKind::kLines;
  chase.cold = true;
  chase.count = 512;
  std::optional<Interval> latency;
  const auto sample = subject_.stopped() ? std::nullopt : subject_.measure(chase);
  latency = interval_of(sample);
  add("memory.latency_cycles", "cycles", latency, "Lines could not be removed from the caches.");
  if (sample) keep("memory", "lines that no cache holds", {{chase.count, *sample}});
}

void Surveyor::tlb_findings(const std::string& first, const std::string& second, const std::string& size,
                            const Prober& prober) {
  const auto levels = prober.levels(2);
  std::optional<Interval> entries, more_entries, penalty;
  if (!levels.empty()) entries = levels[0].capacity;
  if (levels.size() > 1) {
    more_entries = levels[1].capacity;
    penalty = step_of(levels[0].plateau, levels[1].plateau);
  }
  // A level that costs more than the second level does for small pages is not the second level, but a walk.
  const Finding* small = survey_.find(second + ".4K.hit_penalty_cycles");
  if (penalty && small != nullptr && small->value && penalty->low > small->value->high + 1) {
    penalty = more_entries = std::nullopt;
    add(first + "." + size + ".entries", "entries", entries, kNotReached);
    for (const char* what : {".entries", ".hit_penalty_cycles"}) {
      add(second + "." + size + what, what[1] == 'e' ? "entries" : "cycles", std::nullopt,
          "Beyond the first level these pages cost more than the second level does: each takes a walk.");
    }
    return;
  }
  add(first + "." + size + ".entries", "entries", entries, levels.empty() ? kNotLevel : kNotReached);
  add(second + "." + size + ".entries", "entries", more_entries, levels.size() < 2 ? kNotLevel : kNotReached);
  add(second + "." + size + ".hit_penalty_cycles", "cycles", penalty, kNotLevel);
}

void Surveyor::data_tlb(PageSize pages) {
  const std::string size = size_name(pages);
  Chase chase;
  chase.pages = pages;
  Prober prober(subject_, beyond(chase, ChaseKind::kLines));
  const uint64_t most = std::min(options_.most_pages, subject_.most_steps(ChaseKind::kPages, pages));
  prober.grid(2, most, options_.points_per_octave);
  prober.refine(0, 0);
  prober.refine(1, 0);
  if (most == 0) {
    for (const char* what : {"l1_dtlb.", "stlb."}) {
      add(what + size + ".entries", "entries", std::nullopt, "There are no such pages here.");
    }
    return;
  }
  if (split_ && pages != PageSize::k4K) {
    for (const char* what : {"l1_dtlb.", "stlb."}) {
      add(what + size + ".entries", "entries", std::nullopt,
          "Large pages are split into small ones here, by a host that backs this guest with small ones.");
    }
  } else {
    tlb_findings("l1_dtlb", "stlb", size, prober);
  }
  keep("pages-" + size, "pages of " + size, prober.curve());
}

void Surveyor::fetch_tlb() {
  Chase chase;
  chase.kind = ChaseKind::kFetches;
  Prober prober(subject_, beyond(chase, ChaseKind::kFetchLines));
  prober.grid(2, std::min<uint64_t>(4096, subject_.most_steps(ChaseKind::kFetches, PageSize::k4K)),
              options_.points_per_octave);
  prober.refine(0, 0);
  prober.refine(1, 0);
  tlb_findings("l1_itlb", "l2_itlb", "4K", prober);
  if (subject_.predicts_fetches()) {
    for (Finding& f : survey_.findings) {
      if (!f.name.starts_with("l2_itlb") || !f.value) continue;
      f.value = std::nullopt;
      f.why = "Branch prediction runs ahead of fetches: the curve mixes its reach with the TLB's.";
    }
  }
  keep("fetches-4K", "pages of 4K with one instruction", prober.curve());
}

/// One load again and again: several pages of one frame would be several names of one line, which predictors of a cache's ways
/// mistake.
void Surveyor::crossings() {
  const auto at = [&](Crossing c) { return stopped() ? std::nullopt : subject_.measure(crossing_chase(1, c)); };
  const auto none = at(Crossing::kNone), line = at(Crossing::kLine), page = at(Crossing::kPage);
  if (page) keep("page-crossings", "loads that cross into another page", {{1, *page}});
  const auto add_cost = [&](const char* name, const std::optional<Interval>& cost) {
    // Nothing takes less than no time: whatever made the other loads slower does not belong to the crossing.
    const bool below_nothing = cost && cost->high < 0;
    add(name, "cycles", below_nothing ? std::nullopt : cost,
        below_nothing ? "Loads that cross less took longer here: something else decided."
                      : "Such loads could not be measured.");
  };
  add_cost("load.line_crossing_cycles", interval_of(minus(line, none)));
  add_cost("load.page_crossing_cycles", interval_of(minus(page, line)));
}

/// Enough pages, eight apart, that each of them misses the second-level TLB in each round, and that their PTEs, a line each,
/// do not stay in the first-level cache: twice what either holds.
std::optional<uint64_t> Surveyor::pages_beyond_second_level() const {
  const Finding* entries = survey_.find("stlb.4K.entries");
  const Finding* l1d = survey_.find("l1d.size_kib");
  if (entries == nullptr || !entries->value) return std::nullopt;
  const double lines = l1d != nullptr && l1d->value ? l1d->value->high * 16 : 1024;
  const auto pages = static_cast<uint64_t>(std::max(entries->value->high, lines)) * 2 / 64 * 64;
  return pages <= 16384 ? std::optional(pages) : std::nullopt;
}

void Surveyor::walks() {
  const auto pages = pages_beyond_second_level();
  const auto first_level = value("l1_dtlb.4K.entries");
  std::optional<Interval> cost, lookup;
  if (pages && first_level && !stopped()) {
    survey_.walk_pages = *pages;
    Chase hits;  // in the second level
    hits.count = static_cast<uint64_t>(*first_level) * 3;
    hits.shared_frame = true;
    const auto step = subject_.measure(walk_chase(*pages, 1));
    walk_ = minus(step, subject_.measure(hits));
    if (step) walk_step_ = step->median;
    cost = interval_of(walk_);
    const Finding* l2 = survey_.find("l2.latency_cycles");
    if (walk_ && l2 != nullptr && l2->value) {
      lookup = Interval{std::round(walk_->median - l2->value->value), std::floor(walk_->low - l2->value->high),
                        std::ceil(walk_->high - l2->value->low)};
      // Less than a read of the second-level cache is no walk: some pages were still in the second-level TLB.
      if (walk_->median + 0.01 < l2->value->low) lookup = std::nullopt;
    }
  }
  add("walk.cycles", "cycles", cost, "It is not known how many pages the second-level TLB holds.");
  std::string why = "It is not known what a walk or the second-level cache costs.";
  if (options_.guest) {
    lookup = std::nullopt;
    why = "A guest's walk has two dimensions: what one lookup costs cannot be told from it.";
  }
  add("walk.lookup_cycles", "cycles", lookup, why);
}

void Surveyor::walkers() {
  const auto pages = pages_beyond_second_level();
  std::optional<Interval> walkers;
  std::string why = "It is not known what a walk costs.";
  if (walk_ && pages && !stopped()) {
    Prober prober(subject_,
                  [&](uint64_t lanes) { return subject_.measure(walk_chase(*pages, static_cast<unsigned>(lanes))); });
    for (const uint64_t lanes : std::initializer_list<uint64_t>{2, 3, 4, 6, 8, 10, 12, 24}) prober.measure(lanes);
    const Curve& curve = prober.curve();
    keep("lanes", "chains of loads at the same time, each load with a walk", curve);
    if (curve.size() == 8) {
      walkers = units_of(*walk_, curve.back().cycles);
      why = fmt::format("{:.2f} cycles a walk, one done every {:.2f} cycles: no whole number of walkers.",
                        walk_->median, curve.back().cycles.median);
      const Sample& before = curve[curve.size() - 2].cycles;
      if (curve.back().cycles.median < before.median * 0.93) {
        walkers = std::nullopt;
        why = "More chains still make it faster: there are more walkers than chains could show.";
      }
    }
  }
  add("walkers", "walks", walkers, why);
}

/// The largest m such that groups of `group` pages, m of them, cost no more than `bound`; nullopt: none up to `most`.
std::optional<uint64_t> Surveyor::first_raised(const Chase& shape, uint64_t group, double bound, uint64_t most) {
  const auto raised = [&](uint64_t m) {
    Chase chase = shape;
    chase.group = group;
    chase.count = group * m;
    for (unsigned pass = 0; pass < subject_.passes(); ++pass) {  // whatever disturbs looks like a miss
      const auto cost = beyond(chase, ChaseKind::kLines)(chase.count);
      if (!cost) refused_ = true;
      if (!cost || cost->median <= bound) return false;
    }
    return true;
  };
  uint64_t low = 1, high = most + 1;
  if (stopped() || !raised(high)) return std::nullopt;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (raised(middle) ? high : low) = middle;
  }
  return stopped() ? std::nullopt : std::optional(low);
}

/// The ways of a structure are the least number of pages in one set that misses. On a noisy machine two strides have to agree,
/// on a number that divides the entries, or all of them that there are no sets: one alone may have been disturbed.
std::optional<Interval> Surveyor::ways_of(std::vector<uint64_t> most_held, uint64_t entries) const {
  if (most_held.empty() || stopped()) return std::nullopt;
  std::sort(most_held.begin(), most_held.end());
  const auto least = static_cast<double>(most_held.front());
  if (subject_.foreign_share() == 0) return Interval{least, least, least};
  const auto all = static_cast<double>(entries);
  if (least >= 0.85 * all) return Interval{all, least, all};
  if (most_held.size() < 2 || most_held[1] != most_held[0] || least < 2) return std::nullopt;
  if (entries % most_held[0] != 0) return std::nullopt;
  return Interval{least, least, least};
}

void Surveyor::structure_ways() {
  const auto entries = value("l1_dtlb.4K.entries"), second = value("stlb.4K.entries");
  const auto penalty = value("stlb.4K.hit_penalty_cycles");
  const double share = std::max(0.02, subject_.foreign_share());
  std::optional<Interval> ways, second_ways;
  if (entries && penalty) {
    std::vector<uint64_t> held;
    for (uint64_t stride = 2; stride <= 1024 && !stopped(); stride *= 2) {
      Chase shape;
      shape.stride = stride;
      // One miss in a round is enough.
      const auto m = first_raised(shape, 1, share * *penalty, static_cast<uint64_t>(*entries));
      if (m) held.push_back(*m);
    }
    if (held.empty() && !refused_) held.push_back(static_cast<uint64_t>(*entries));
    ways = ways_of(held, static_cast<uint64_t>(*entries));
  }
  if (entries && second && penalty) {
    constexpr uint64_t kMostWays = 33;
    // Groups of as many pages as the first level has: with two of them in its sets it misses always.
    const auto group = static_cast<uint64_t>(*entries);
    double bound = *penalty + share * *penalty + 0.1;
    if (subject_.foreign_share() > 0 && walk_) bound = std::max(bound, *penalty + walk_->median / 4);
    std::vector<uint64_t> held;
    for (uint64_t stride = std::bit_ceil(group); stride <= 32768 && !stopped(); stride *= 2) {
      Chase shape;
      shape.stride = stride;
      const auto m = first_raised(shape, group, bound, kMostWays);
      if (m) held.push_back(*m);
    }
    second_ways = ways_of(held, static_cast<uint64_t>(*second));
    // As many pages as there are entries fit anyhow: then the groups may have had several pages in each set.
    if (second_ways && second_ways->value * static_cast<double>(group) >= *second) second_ways = std::nullopt;
  }
  const char* why = refused_ ? "There were not enough addresses for pages far apart." : "No two strides agree.";
  add("l1_dtlb.4K.ways", "entries", ways, why);
  add("stlb.4K.ways", "entries", second_ways, why);
}

}  // namespace mmusim
