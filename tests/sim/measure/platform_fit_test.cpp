// SPDX-License-Identifier: MIT
// Numbers that are fitted by simulation, on machines whose truth is known.
#include "sim/measure/platform_fit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "sim/machine/platform.h"

namespace mmusim {
namespace {

using nlohmann::json;

Finding exact(const std::string& name, double value) { return {name, "", Interval{value, value, value}, ""}; }

/// Chases of such lengths, which cost nothing yet.
NamedCurve chases(const std::string& name, std::initializer_list<uint64_t> lengths) {
  NamedCurve curve{name, "pages", {}};
  for (const uint64_t n : lengths) insert(curve.points, {n, {0, 0, 0}});
  return curve;
}

/// What a survey of a machine like `truth` brings, of the curves that the fit looks at.
Survey measured(const json& truth, const VirtualizationConfig& guest, double second_level) {
  Survey survey;
  survey.walk_pages = 4096;
  survey.findings = {exact("stlb.4K.entries", second_level)};
  survey.curves = {chases("pages-4K", {6000}), chases("pages-2M", {16, 64, 256}), chases("lanes", {2, 4, 8}),
                   chases("memory", {4096})};
  CounterpartOptions all;
  all.guest = guest;
  survey.curves = simulate_counterpart(truth, survey, all).curves;
  return survey;
}

VirtualizationConfig guest(VirtualizationMode mode, PageSize host) {
  VirtualizationConfig config;
  config.mode = mode;
  config.pages[0].pages = host;
  return config;
}

TEST(PlatformFit, M4_AGuestsHostAndItsNestedLookupAreFound) {
  const std::tuple<const char*, VirtualizationMode, double> machines[] = {
      {"skylake-sp", VirtualizationMode::kEpt, 1536}, {"milan", VirtualizationMode::kNpt, 2048}};
  const std::pair<const char*, PageSize> hosts[] = {
      {"4K", PageSize::k4K}, {"2M", PageSize::k2M}, {"1G", PageSize::k1G}};
  for (const auto& [name, mode, second_level] : machines) {
    for (const auto& [pages, size] : hosts) {
      const json preset = platform_document(name);
      json truth = preset;
      truth["page_walkers"]["nested"]["lookup_cycles"] = 7U;
      const Survey survey = measured(truth, guest(mode, size), second_level);
      MeasuredPlatformInput input;
      input.preset = input.name = name;
      input.guest = mode;
      input.core_mhz = 3000;
      std::vector<std::string> remarks;
      const PlatformFit fit = fit_platform(preset, input, survey, remarks);
      EXPECT_EQ(fit.host_pages, pages) << name;
      EXPECT_EQ(fit.document["page_walkers"]["nested"]["lookup_cycles"], 7) << name << " over " << pages;
      for (const Agreement& a : agreement(survey, fit.simulated)) EXPECT_EQ(a.within, a.compared) << name << a.curve;
    }
  }
}

TEST(PlatformFit, M4_TheWayToMemoryIsFoundAndANativeMachineHasNoHost) {
  const json preset = platform_document("skylake-sp");
  json truth = preset;
  truth["dram"]["to_memory_ns"] = 40;
  truth["dram"]["from_memory_ns"] = 40;
  const Survey survey = measured(truth, {}, 1536);
  MeasuredPlatformInput input;
  input.preset = input.name = "skylake-sp";
  input.core_mhz = 1e6 / read_platform_document(preset, "preset").period_ps;
  std::vector<std::string> remarks;
  const PlatformFit fit = fit_platform(preset, input, survey, remarks);
  EXPECT_EQ(fit.host_pages, "");
  EXPECT_NEAR(fit.document["dram"]["to_memory_ns"].get<double>(), 40, 1);
  EXPECT_FALSE(fit.document["page_walkers"]["nested"].contains("source") &&
               fit.document["page_walkers"]["nested"]["source"].get<std::string>().find("fitted") != std::string::npos);
}

TEST(PlatformFit, M4_WithoutWalksNoHostIsTold) {
  const json preset = platform_document("skylake-sp");
  Survey survey;
  survey.curves = {chases("pages-4K", {8, 16, 24, 32, 40, 48, 56})};
  MeasuredPlatformInput input;
  input.preset = input.name = "skylake-sp";
  input.guest = VirtualizationMode::kEpt;
  std::vector<std::string> remarks;
  const PlatformFit fit = fit_platform(preset, input, survey, remarks);
  EXPECT_EQ(fit.host_pages, "");
  EXPECT_TRUE(remarks.empty());
  EXPECT_EQ(fit.simulated.curves.size(), 1U);
}

TEST(PlatformFit, M4_AWalkThatNoLookupExplainsIsSaid) {
  const json preset = platform_document("skylake-sp");
  Survey survey = measured(preset, guest(VirtualizationMode::kEpt, PageSize::k2M), 1536);
  for (NamedCurve& curve : survey.curves) {
    if (curve.name != "pages-4K") continue;
    for (Point& p : curve.points) p.cycles.median /= 4;
  }
  MeasuredPlatformInput input;
  input.preset = input.name = "skylake-sp";
  input.guest = VirtualizationMode::kEpt;
  std::vector<std::string> remarks;
  const PlatformFit fit = fit_platform(preset, input, survey, remarks);
  EXPECT_EQ(fit.document["page_walkers"]["nested"]["lookup_cycles"], preset["page_walkers"]["nested"]["lookup_cycles"]);
  ASSERT_FALSE(remarks.empty());
  EXPECT_NE(remarks.front().find("nested.lookup_cycles"), std::string::npos) << remarks.front();
}

}  // namespace
}  // namespace mmusim
