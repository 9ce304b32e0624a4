// SPDX-License-Identifier: MIT
#include "tests/differential/random_case.h"

#include "models/base/errors.h"
#include "sim/machine/platform.h"
#include "sim/scenario/machine_host.h"
#include "tests/differential/random_platform.h"

namespace mmusim::differential {

namespace {

Case draw(Dice& dice, uint64_t seed) {
  Case one;
  one["seed"] = seed;
  nlohmann::ordered_json platform = random_platform(dice);
  const unsigned levels = platform["processor"]["paging_levels"].get<unsigned>();
  const bool gib_pages = platform["processor"].value("gib_pages", true);
  if (dice.chance(0.5)) {
    one["scenario"] = random_scenario(dice, levels, gib_pages, platform["cores"].get<unsigned>());
    one["scenario"]["platform"] = std::move(platform);
  } else {
    one["platform"] = std::move(platform);
    random_trace(dice, levels, gib_pages, one);
  }
  return one;
}

}  // namespace

bool is_valid(const Case& one) {
  try {
    if (one.contains("scenario")) {
      scenario_platform(scenario_from_json(nlohmann::json(one["scenario"]), "case"));
    } else {
      if (!one.contains("platform") || !one.contains("trace") || !one.contains("options")) return false;
      read_platform_document(nlohmann::json(one["platform"]), "case");
    }
    return true;
  } catch (const InputError&) {
    return false;
  }
}

Case random_case(uint64_t seed) {
  Dice dice(seed);
  Case one = draw(dice, seed);
  while (!is_valid(one)) one = draw(dice, seed);
  return one;
}

}  // namespace mmusim::differential
