// SPDX-License-Identifier: MIT
// Arbitrary bytes as a scenario: read, or refused with a message. Nothing else may happen.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <systemc>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/scenario/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Scenario scenario = scenario_from_json(parse_json_text(text, "fuzz.json"), "fuzz.json");
    MMUSIM_INVARIANT(!scenario.phases.empty() && !scenario.effective.empty(), "what is accepted can run");
  } catch (const InputError&) {
  } catch (const EnvironmentError&) {  // it names a file that is not there
  }
  return 0;
}

/// SystemC's library wants it; the fuzzer's main runs instead.
int sc_main(int, char**) { return 0; }
