// SPDX-License-Identifier: MIT
// Arbitrary bytes as a platform: read, or refused with a message; what is accepted has a cost.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/machine/memory_cost.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  try {
    const nlohmann::json json =
        parse_json_text(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.json");
    ConfigErrors errors("fuzz.json");
    const PlatformConfig platform = read_platform(ConfigReader(json, "", errors));
    errors.throw_if_any();
    MMUSIM_INVARIANT(cost_of(platform).total() > 0, "what is accepted has a cost");
  } catch (const InputError&) {
  } catch (const EnvironmentError&) {  // it names a file that is not there
  }
  return 0;
}

/// The libraries of the simulation ask for it; nothing is simulated here.
int sc_main(int, char**) { return 0; }
