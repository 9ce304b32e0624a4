// SPDX-License-Identifier: MIT
// Arbitrary bytes as a DRAM request trace of any form: requests up to the end, or a message.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/base/errors.h"
#include "sim/experiment/dram_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  try {
    RequestReader reader(open_bytes(std::vector<uint8_t>(data, data + size), "fuzz.txt"));
    while (reader.next()) {
    }
  } catch (const InputError&) {
  }
  return 0;
}

/// The libraries may ask for it; nothing is simulated here.
int sc_main(int, char**) { return 0; }
