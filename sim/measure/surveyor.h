// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/measure/prober.h"
#include "sim/measure/survey.h"

namespace mmusim {

/// Returns what `chase` costs beyond a chase of kind `reference`, which touches the same lines without the TLB.
std::optional<Sample> cost_beyond(Subject& subject, const Chase& chase, ChaseKind reference);
/// Returns the chase of walks in so many lanes.
Chase walk_chase(uint64_t pages, unsigned lanes);

/// Carries out one survey. Each function measures one group of curves and adds what they say to the result.
class Surveyor {
 public:
  Surveyor(Subject& subject, const SurveyOptions& options) : subject_(subject), options_(options) {}

  void caches();
  void memory();
  /// A TLB of data for pages of one size; `prefix` of the findings' names.
  void data_tlb(PageSize pages);
  void fetch_tlb();
  /// Loads across lines and pages, while the TLB has all pages.
  void crossings();
  void walks();
  void walkers();
  void structure_caches();
  void structure_ways();

  Survey take() { return std::move(survey_); }
  bool stopped() const { return subject_.stopped(); }

 private:
  uint64_t lines_in_reach();
  /// cost_beyond() for any count.
  Prober::Probe beyond(Chase chase, ChaseKind reference);
  void keep(const std::string& name, const std::string& axis, const Curve& curve);
  void add(const std::string& name, const std::string& unit, const std::optional<Interval>& value,
           const std::string& why = "");
  void tlb_findings(const std::string& first, const std::string& second, const std::string& size, const Prober& prober);
  std::optional<double> value(const std::string& name) const;
  std::optional<uint64_t> pages_beyond_second_level() const;
  std::optional<uint64_t> pages_that_walk() const;
  void measure_reach(Prober& prober, uint64_t first, uint64_t last) const;
  std::optional<Interval> reach_of(Prober& prober, double expected, const Prober::Probe& check, std::string& why);
  double pde_reach(uint64_t pages, double expected);
  void pdpte_reach(uint64_t pages, double expected);
  std::optional<Interval> ways_of(std::vector<uint64_t> most_held, uint64_t entries) const;
  std::optional<uint64_t> first_raised(const Chase& shape, uint64_t group, double bound, uint64_t most);

  Subject& subject_;
  const SurveyOptions& options_;
  Survey survey_;
  bool split_ = false;          ///< 2 MiB pages are small ones for the processor
  bool refused_ = false;        ///< some chase over strides could not be measured
  double walk_step_ = 0;        ///< cycles of a load with such a walk
  std::optional<Sample> walk_;  ///< cycles of a walk whose PTE is in the second-level cache
};

}  // namespace mmusim
