// SPDX-License-Identifier: MIT
#include "sim/machine/memory_cost.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "sim/host/memory.h"
#include "sim/machine/machine.h"
#include "sim/scenario/machine_host.h"
#include "sim/scenario/runner.h"
#include "sim/scenario/scenario_cost.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

PlatformConfig with_l3(unsigned lines) {
  PlatformConfig p = load_platform("textbook");
  p.l3.geometry.entries = lines;
  p.l3.geometry.ways = 16;
  return p;
}

std::string thrown(uint64_t cost, uint64_t limit) {
  HostMemoryCost c;
  c.add("the program", kMiB);
  c.add("page tables of the vmemmap", cost);
  try {
    check_host_memory("s.json", c, limit, "with larger pages it takes less");
  } catch (const EnvironmentError& e) {
    return e.what();
  }
  return "";
}

TEST(HostMemoryCost, RefusesWhatIsBeyondTheLimitAndSaysWhereItGoes) {
  EXPECT_EQ(
      thrown(37 * kGiB, 8 * kGiB),
      "s.json: needs about 37 GiB of host memory, 37 GiB of it for page tables of the vmemmap; the limit is 8 GiB "
      "(--max-memory, else what this host has left): with larger pages it takes less");
  EXPECT_EQ(thrown(7 * kGiB, 8 * kGiB), "");
  EXPECT_EQ(thrown(0, 512 * kKiB).substr(0, 7), "s.json:");
}

TEST(HostMemoryCost, SumsDoNotWrapAround) {
  HostMemoryCost c;
  c.add("a", ~uint64_t{0} - 1);
  c.add("b", 100);
  EXPECT_EQ(c.total(), ~uint64_t{0});
  EXPECT_EQ(c.largest().what, "a");
}

/// What building a machine takes, beside what it was said to take.
TEST(HostMemoryCost, OfAMachineIsWhatItTakes) {
  constexpr unsigned kLines = 1U << 23;
  const uint64_t said = cost_of(with_l3(kLines)).total() - cost_of(with_l3(kLines / 512)).total();
  const std::string taken = in_child([&] {
    const uint64_t before = host_memory_in_use();
    const Machine machine("machine", with_l3(kLines));
    return std::to_string(host_memory_in_use() - before);
  });
  EXPECT_GT(std::stod(taken), 0.8 * static_cast<double>(said));
  EXPECT_LT(std::stod(taken), 1.2 * static_cast<double>(said));
}

Scenario scenario(const std::string& kernel, const std::string& end = "0x1000000000") {
  return scenario_from_json(nlohmann::json::parse(R"({"name":"s","platform":"textbook","kernel":{"version":"6.1")" +
                                                  kernel + R"(},"memory":{"ranges":[{"start":"0x1000","end":")" + end +
                                                  R"("}]},"phases":[{"phase":"boot","timed":false}]})"),
                            "s.json");
}
uint64_t cost(const std::string& kernel) {
  const Scenario s = scenario(kernel);
  return cost_of(s, PlatformConfig(), false).total();
}

TEST(HostMemoryCost, OfAScenarioCountsTablesAndStoredStructPages) {
  const uint64_t base = cost(R"(,"vmemmap_pages":"base")");
  EXPECT_NEAR(static_cast<double>(base - cost("")), 2.0 * kMiB, 0.1 * kMiB);  // 64 GiB / 4 KiB * 64 B / 4 KiB * 8 B
  EXPECT_EQ(cost(R"(,"memmap_init":true)") - cost(""), (64 * kGiB - 4 * kKiB) / 4096 * 64);
  const Scenario s = scenario(R"(,"memmap_init":true)");
  EXPECT_NE(cheaper(s, cost_of(s, PlatformConfig(), false)).find("/kernel/memmap_init"), std::string::npos);
}

/// What a boot of 4 TiB takes beyond one of 64 GiB, beside what it was said to take.
TEST(HostMemoryCost, OfABootIsWhatItTakes) {
  const auto said = [](const Scenario& s) { return cost_of(s, scenario_platform(s), false).total(); };
  const auto taken = [](const Scenario& s) {  // at the most: the kernel is gone when the run ends
    return std::stod(in_child([&] {
      Simulation simulation;
      MachineHost host(simulation, s, scenario_platform(s), {});
      EXPECT_EQ(run_scenario(s, host, {}).failure, "");
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return std::to_string(usage.ru_maxrss * int64_t{kKiB});
    }));
  };
  const Scenario small = scenario(""), large = scenario("", "0x40000000000");
  const auto expected = static_cast<double>(said(large) - said(small));
  const double difference = taken(large) - taken(small);
  EXPECT_GT(difference, expected / 1.5);
  EXPECT_LT(difference, expected * 1.5);
}

TEST(HostMemoryCost, LimitIsASize) {
  EXPECT_EQ(host_memory_limit("8GiB"), 8 * kGiB);
  EXPECT_THROW(host_memory_limit("many"), InputError);
  EXPECT_THROW(host_memory_limit("0"), InputError);
  EXPECT_GT(host_memory_limit(""), 0U);
  EXPECT_GT(host_memory_in_use(), kMiB);
}

}  // namespace
}  // namespace mmusim
