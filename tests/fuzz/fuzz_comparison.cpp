// SPDX-License-Identifier: MIT
// Arbitrary bytes as a compare.json: its sides, or a message.
#include <cstddef>
#include <cstdint>
#include <string>

#include "models/base/errors.h"
#include "sim/report/comparison.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  try {
    (void)comparison_from_text(std::string(reinterpret_cast<const char*>(data), size), "fuzz.json");
  } catch (const InputError&) {
  }
  return 0;
}

/// The libraries may ask for it; nothing is simulated here.
extern "C" int sc_main(int, char**) { return 0; }
