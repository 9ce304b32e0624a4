// SPDX-License-Identifier: MIT
// Arbitrary bytes as a boot log, or as one of the files beside it: a scenario that reads, or a message. Nothing else may
// happen.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <systemc>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/bootlog/questions.h"
#include "sim/scenario/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  DerivedScenario derived;
  try {
    Evidence evidence;
    add_file(evidence, std::string_view(reinterpret_cast<const char*>(data), size), "fuzz", {});
    derived = scenario_from_evidence(evidence, "fuzz");
    MMUSIM_INVARIANT(!derived.notes.empty(), "the memory is summed up");
    if (size % 2 == 0) ask(derived, Question::kHvo, evidence, "fuzz");
  } catch (const InputError&) {
    return 0;
  }
  try {
    (void)scenario_from_json(nlohmann::json::parse(derived.json), "fuzz.json");
  } catch (const InputError& e) {
    MMUSIM_INVARIANT(false, std::string("a scenario that is written can be read: ") + e.what());
  }
  return 0;
}

/// SystemC's library wants it; the fuzzer's main runs instead.
int sc_main(int, char**) { return 0; }
