// SPDX-License-Identifier: MIT
#include "sim/measure/survey.h"

#include <chrono>

#include "models/base/format.h"
#include "sim/measure/surveyor.h"

namespace mmusim {

const Finding* Survey::find(const std::string& name) const {
  for (const Finding& f : findings) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

const NamedCurve* Survey::curve(const std::string& name) const {
  for (const NamedCurve& c : curves) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

namespace {

/// Reports progress at each chase.
class Watched final : public Subject {
 public:
  Watched(Subject& subject, const SurveyOptions& options) : subject_(subject), options_(options) {}

  std::optional<Sample> measure(const Chase& chase) override {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
    if (options_.progress) options_.progress(what, seconds.count());
    return subject_.measure(chase);
  }
  uint64_t most_steps(ChaseKind kind, PageSize pages) const override { return subject_.most_steps(kind, pages); }
  double foreign_share() const override { return subject_.foreign_share(); }
  bool predicts_fetches() const override { return subject_.predicts_fetches(); }
  unsigned passes() const override { return subject_.passes(); }
  bool stopped() const override { return subject_.stopped(); }

  std::string what;

 private:
  Subject& subject_;
  const SurveyOptions& options_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

Survey survey(Subject& subject, const SurveyOptions& options) {
  Watched watched(subject, options);
  Surveyor surveyor(watched, options);
  const std::vector<std::pair<const char*, std::function<void()>>> probes = {
      {"TLB, 4 KiB pages", [&] { surveyor.data_tlb(PageSize::k4K); }},
      {"caches", [&] { surveyor.caches(); }},
      {"memory", [&] { surveyor.memory(); }},
      {"loads across lines and pages", [&] { surveyor.crossings(); }},
      {"walks", [&] { surveyor.walks(); }},
      {"walkers", [&] { surveyor.walkers(); }},
      {"paging-structure caches", [&] { surveyor.structure_caches(); }},
      {"TLB, 2 MiB pages", [&] { surveyor.data_tlb(PageSize::k2M); }},
      {"TLB, 1 GiB pages", [&] { surveyor.data_tlb(PageSize::k1G); }},
      {"TLB of fetches",
       [&] {
         if (options.fetches) surveyor.fetch_tlb();
       }},
      {"sets of the TLBs",
       [&] {
         if (options.associativity) surveyor.structure_ways();
       }},
  };
  bool complete = true;
  for (const auto& [name, run] : probes) {
    watched.what = name;
    if (subject.stopped()) complete = false;
    run();  // says of each of its findings that it could not tell if there is no more time
  }
  Survey result = surveyor.take();
  result.complete = complete && !subject.stopped();
  return result;
}

std::optional<Sample> measure_point(Subject& subject, const Survey& done, const std::string& curve, uint64_t n) {
  Chase chase;
  chase.count = n;
  if (curve == "lines" || curve == "memory") {
    chase.kind = ChaseKind::kLines;
    chase.cold = curve == "memory";
    return subject.measure(chase);
  }
  if (curve == "lanes") return subject.measure(walk_chase(done.walk_pages, static_cast<unsigned>(n)));
  if (curve == "page-crossings") return subject.measure(crossing_chase(n, Crossing::kPage));
  if (curve == "regions-2M") return subject.measure(region_chase(done.region_pages, n, 0, 1));
  if (curve == "regions-1G") return subject.measure(region_chase(done.region_pages, done.regions, n, 1));
  if (curve == "fetches-4K") {
    chase.kind = ChaseKind::kFetches;
    return cost_beyond(subject, chase, ChaseKind::kFetchLines);
  }
  if (curve == "pages-2M") chase.pages = PageSize::k2M;
  if (curve == "pages-1G") chase.pages = PageSize::k1G;
  return cost_beyond(subject, chase, ChaseKind::kLines);
}

}  // namespace mmusim
