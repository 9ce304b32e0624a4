// SPDX-License-Identifier: MIT
// Arbitrary bytes as the recording of a kernel: a scenario that reads, or a message.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <systemc>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/recorded/recorded_kernel.h"
#include "sim/scenario/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  DerivedScenario derived;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    derived = scenario_from_dump(parse_json_text(text, "fuzz.json"), "fuzz.json");
  } catch (const InputError&) {
    return 0;
  }
  try {
    (void)scenario_from_json(nlohmann::json::parse(derived.json), "fuzz.json");
  } catch (const InputError&) {  // a recording may contradict itself in what only the scenario checks
  }
  return 0;
}

/// SystemC's library wants it; the fuzzer's main runs instead.
int sc_main(int, char**) { return 0; }
