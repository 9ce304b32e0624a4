// SPDX-License-Identifier: MIT
// Simulated machines, whose truth is known, are measured; what is inferred is compared with the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/base/format.h"
#include "sim/measure/simulated_subject.h"
#include "tests/sim/measure/recovery.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

/// Few points and footprints just large enough for what these tests check: not for the size of the last cache.
SurveyOptions quick(const PlatformConfig& platform) {
  SurveyOptions options;
  options.most_lines = uint64_t{4} * platform.l2.geometry.entries;
  options.most_pages = static_cast<uint64_t>(truth_of(platform).at("stlb.4K.entries") * 1.3);
  options.points_per_octave = 6;
  return options;
}

/// Cycles that a finding may be off; entries, KiB and walkers not at all.
double allowed(const Finding& f) { return f.unit == "cycles" ? 1.0 : 0.0; }

/// Compares each claim with the truth. Returns how many claims there were.
unsigned check(const Survey& found, const std::map<std::string, double>& truth, const std::string& machine) {
  unsigned claims = 0;
  for (const Finding& f : found.findings) {
    const auto expected = truth.find(f.name);
    if (!f.value) {
      EXPECT_FALSE(f.why.empty()) << f.name;
      continue;
    }
    if (expected == truth.end()) {
      EXPECT_FALSE(f.name.starts_with("structure_caches")) << machine << ": " << f.name << ": there is none";
      continue;
    }
    ++claims;
    EXPECT_NEAR(f.value->value, expected->second, allowed(f)) << machine << ": " << f.name;
    EXPECT_LE(f.value->low - 0.01, f.value->value) << machine << ": " << f.name;
    EXPECT_GE(f.value->high + 0.01, f.value->value) << machine << ": " << f.name;
  }
  return claims;
}

/// What every machine of these tests has to show, whatever else could not be told.
const std::vector<std::string> kAlwaysFound = {"l1_dtlb.4K.entries",
                                               "stlb.4K.entries",
                                               "stlb.4K.hit_penalty_cycles",
                                               "l1d.size_kib",
                                               "l1d.latency_cycles",
                                               "l2.latency_cycles",
                                               "walkers",
                                               "load.line_crossing_cycles",
                                               "load.page_crossing_cycles"};

/// Surveys a machine and compares each claim with the truth; returns those of kAlwaysFound that it could not tell, and
/// why, one line each.
std::string recover_claims(const PlatformConfig& platform, const VirtualizationConfig& guest,
                           const SurveyOptions& options) {
  return in_child([&] {
    Simulation simulation;
    SimulatedSubject subject(simulation, "subject", platform, guest);
    SurveyOptions of_machine = options;
    of_machine.guest = guest.guest();
    const Survey found = survey(subject, of_machine);
    const auto truth = truth_of(platform);
    const std::string machine = platform.name + (guest.guest() ? " as a guest" : "");
    EXPECT_GE(check(found, truth, machine), guest.guest() ? 6U : 10U) << machine;
    std::string untold;
    for (const std::string& name : kAlwaysFound) {
      const Finding* f = found.find(name);
      if (f == nullptr || !f->value)
        untold += fmt::format("{}: {}: {}\n", name, machine, f == nullptr ? "no finding" : f->why);
    }
    return untold;
  });
}

void recover(const PlatformConfig& platform, const VirtualizationConfig& guest, const SurveyOptions& options) {
  EXPECT_EQ(recover_claims(platform, guest, options), "");
}

VirtualizationConfig guest_over(PageSize host, VirtualizationMode mode) {
  VirtualizationConfig guest;
  guest.mode = mode;
  guest.pages[0].pages = host;
  return guest;
}

class Recovery : public testing::TestWithParam<std::string> {};

TEST_P(Recovery, M1_EntriesExactCyclesWithinOneWalkersExact) {
  const PlatformConfig platform = load_platform(GetParam());
  recover(platform, {}, quick(platform));
}

/// Four processors that differ most; all of them, which takes half a minute, with MMUSIM_MEASURE_ALL.
std::vector<std::string> machines() {
  if (std::getenv("MMUSIM_MEASURE_ALL") == nullptr) return {"textbook", "skylake-sp", "sapphire-rapids", "milan"};
  return {"textbook", "skylake-sp", "cascade-lake", "icelake-sp", "sapphire-rapids", "rome", "milan", "genoa", "turin"};
}

INSTANTIATE_TEST_SUITE_P(Platforms, Recovery, testing::ValuesIn(machines()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// How many random platforms to recover, where a long campaign was asked for.
const char* campaign() { return std::getenv("MMUSIM_MEASURE_PLATFORMS"); }

/// A platform with structures drawn at random from what a platform file may say.
nlohmann::json random_platform(unsigned seed) {
  std::mt19937 random(seed);
  const auto one_of = [&](std::initializer_list<unsigned> list) { return *(list.begin() + random() % list.size()); };
  nlohmann::json p = platform_document("textbook");
  p["name"] = fmt::format("random-{}", seed);
  const unsigned ways = one_of({2, 4, 8}), sets = one_of({4, 8, 16});
  const std::vector<const char*> policies = {"lru", "tree_plru", "random"};
  const char* policy = policies[random() % 2];
  nlohmann::json& first = p["tlbs"]["l1_dtlb"]["arrays"][0];
  first["entries"] = ways * sets;
  first["ways"] = ways;
  first["replacement"] = policy;
  const unsigned second_ways = one_of({4, 8, 16}), second_sets = one_of({64, 128});
  nlohmann::json& second = p["tlbs"]["stlb"]["arrays"][0];
  second["entries"] = second_ways * second_sets;
  second["ways"] = second_ways;
  // Structures that replace at random take many rounds to fill: only the long campaign has them.
  second["replacement"] = policies[random() % (campaign() == nullptr ? 2 : 3)];
  if (second_sets == 128 && random() % 2 == 0) second["index_hash"] = "xor7";
  p["tlbs"]["stlb"]["hit_penalty_cycles"] = 5 + random() % 10;
  p["page_walkers"]["walkers"] = one_of({1, 2, 3, 4, 6});
  p["page_walkers"]["paging_structure_caches"]["lookup_cycles"] = random() % 4;
  p["core"]["outstanding_misses"] = 24U;
  p["core"]["issue_width"] = 6U;
  const unsigned latency = one_of({3, 4, 5});
  p["caches"]["l1d"]["ways"] = 8U;
  p["caches"]["l1d"]["size_kib"] = one_of({32, 64});
  p["caches"]["l1d"]["latency_cycles"] = latency;
  p["caches"]["l1d"]["miss_registers"] = 24U;
  p["caches"]["l2"]["size_kib"] = one_of({512, 1024});
  p["caches"]["l2"]["latency_cycles"] = latency + 8 + random() % 12;
  p["caches"]["l3"]["latency_cycles"] = 45 + random() % 40;
  p["caches"]["l3"]["policy"] = random() % 2 == 0 ? "victim" : "fill";
  p["tlbs"]["next_page_prefetch"] = random() % 2 == 0;
  nlohmann::json& structures = p["page_walkers"]["paging_structure_caches"];
  const unsigned pde_ways = one_of({2, 4, 8, 16}), pde_sets = one_of({2, 4, 8});
  structures["pde"] = {{"entries", pde_ways * pde_sets}, {"ways", pde_ways}, {"replacement", policies[random() % 2]}};
  structures["pdpte"]["entries"] = one_of({2, 4, 8, 16});
  return p;
}

/// Surveys textbook with other paging-structure caches; returns what it says of a finding: the value, or why not.
std::string structure_finding(const std::string& name, const nlohmann::json& caches, bool guest = false) {
  return in_child([&] {
    nlohmann::json p = platform_document("textbook");
    p["page_walkers"]["paging_structure_caches"] = caches;
    const PlatformConfig platform = read_platform_document(p, "textbook");
    Simulation simulation;
    SimulatedSubject subject(simulation, "subject", platform);
    SurveyOptions options = quick(platform);
    options.associativity = options.fetches = false;
    options.guest = guest;
    const Survey found = survey(subject, options);
    const Finding* f = found.find("structure_caches." + name + ".entries");
    return f == nullptr ? "no finding" : f->value ? fmt::format("{}", f->value->value) : f->why;
  });
}

TEST(StructureReach, M5_EntriesExactOfAnyShape) {
  const nlohmann::json pdpte = {{"entries", 8U}}, pml4e = {{"entries", 2U}};
  const nlohmann::json four_ways = {{"entries", 64U}, {"ways", 4U}, {"replacement", "tree_plru"}};
  EXPECT_EQ(structure_finding("pde", {{"pde", four_ways}, {"pdpte", pdpte}, {"pml4e", pml4e}}), "64");
  const nlohmann::json full = {{"pde", {{"entries", 24U}}}, {"pdpte", pdpte}, {"pml4e", pml4e}};
  EXPECT_EQ(structure_finding("pde", full), "24");
  EXPECT_EQ(structure_finding("pdpte", full), "8");
}

TEST(StructureReach, M5_OutOfReachIsSaid) {
  using testing::HasSubstr;
  EXPECT_THAT(structure_finding("pde", {{"pde", {{"entries", 8U}}}, {"pdpte", {{"entries", 4U}}}}),
              HasSubstr("too many"));
  EXPECT_THAT(structure_finding("pde", {{"pdpte", {{"entries", 4U}}}}), HasSubstr("no knee"))
      << "there is no PDE cache";
  EXPECT_THAT(structure_finding("pde", {{"pde", {{"entries", 512U}}}, {"pdpte", {{"entries", 4U}}}}),
              HasSubstr("no knee"));
  EXPECT_THAT(structure_finding("pde", {{"pde", {{"entries", 32U}}}, {"pdpte", {{"entries", 4U}}}}, /*guest=*/true),
              HasSubstr("the knee at 32 (32 to 32) may be that of another structure"));
}

TEST(NestedRecovery, M1_AGuestOverLargeHostPagesShowsTheSameEntries) {
  const auto recover_guest = [](const PlatformConfig& platform, PageSize host, VirtualizationMode mode) {
    SurveyOptions options = quick(platform);
    options.associativity = options.fetches = false;
    recover(platform, guest_over(host, mode), options);
  };
  if (std::getenv("MMUSIM_MEASURE_ALL") != nullptr) {
    recover_guest(load_platform("skylake-sp"), PageSize::k1G, VirtualizationMode::kEpt);
    recover_guest(load_platform("milan"), PageSize::k1G, VirtualizationMode::kNpt);
  }
  const PlatformConfig small = read_platform_document(random_platform(1), "random");
  recover_guest(small, PageSize::k1G, VirtualizationMode::kEpt);
  recover_guest(small, PageSize::k2M, VirtualizationMode::kEpt);
}

TEST(NestedRecovery, M2_AGuestOverSmallHostPagesClaimsNothingThatSplitPagesHide) {
  const PlatformConfig platform = load_platform("textbook");
  SurveyOptions options = quick(platform);
  options.associativity = options.fetches = false;
  recover(platform, guest_over(PageSize::k4K, VirtualizationMode::kEpt), options);
}

TEST(RandomRecovery, M1_RandomValidPlatformsAreRecovered) {
  const char* count = campaign();
  const char* from = std::getenv("MMUSIM_MEASURE_FIRST");
  const unsigned long first = from == nullptr ? 1 : std::stoul(from);
  const unsigned long platforms = count == nullptr ? 4 : std::stoul(count);
  std::map<std::string, unsigned> untold;  // by what could not be told, on how many platforms
  for (unsigned long i = 0; i < platforms; ++i) {
    const auto seed = static_cast<unsigned>(first + i);
    const PlatformConfig platform = read_platform_document(random_platform(seed), "random");
    SurveyOptions options = quick(platform);
    options.fetches = false;
    std::istringstream lines(recover_claims(platform, {}, options));
    for (std::string line; std::getline(lines, line); std::cout << "could not tell " << line << '\n')
      ++untold[line.substr(0, line.find(':'))];
  }
  // "Could not tell" is an answer, but not the usual one.
  for (const auto& [name, times] : untold) EXPECT_LE(times, platforms / 10) << name;
}

/// Adds what a shared machine adds: jitter of each repetition, and now and then a repetition that somebody disturbed.
class NoisySubject final : public Subject {
 public:
  NoisySubject(Subject& quiet, double jitter) : quiet_(quiet), jitter_(jitter) {}

  std::optional<Sample> measure(const Chase& chase) override {
    const auto exact = quiet_.measure(chase);
    if (!exact) return exact;
    std::normal_distribution<double> small(0, jitter_);
    std::vector<double> repetitions;
    for (unsigned i = 0; i < 11; ++i) {
      const double disturbed = random_() % 12 == 0 ? 1.5 : 1.0;
      repetitions.push_back(exact->median * (1 + std::abs(small(random_))) * disturbed);
    }
    return sample_of(repetitions);
  }
  uint64_t most_steps(ChaseKind kind, PageSize pages) const override { return quiet_.most_steps(kind, pages); }
  double foreign_share() const override { return 0.1; }

 private:
  Subject& quiet_;
  double jitter_;
  std::mt19937 random_{1};
};

TEST(Noise, M2_IntervalsWidenAndStillHoldTheTruth) {
  in_child([] {
    const PlatformConfig platform = load_platform("milan");
    Simulation simulation;
    SimulatedSubject subject(simulation, "subject", platform);
    NoisySubject noisy(subject, 0.01);
    SurveyOptions options = quick(platform);
    options.fetches = options.associativity = false;
    const Survey exact = survey(subject, options), found = survey(noisy, options);
    const auto truth = truth_of(platform);
    unsigned claims = 0, wider = 0;
    for (const Finding& f : found.findings) {
      const auto expected = truth.find(f.name);
      if (!f.value || expected == truth.end()) continue;
      ++claims;
      const double slack = f.unit == "cycles" ? 1.0 : 0.0;
      EXPECT_LE(f.value->low - slack, expected->second) << f.name;
      EXPECT_GE(f.value->high + slack, expected->second) << f.name;
      const Finding* other = exact.find(f.name);
      if (other != nullptr && other->value) {
        wider += f.value->high - f.value->low > other->value->high - other->value->low;
      }
    }
    EXPECT_GE(claims, 8U);
    EXPECT_GE(wider, 6U);
    return std::string("done");
  });
}

}  // namespace
}  // namespace mmusim
