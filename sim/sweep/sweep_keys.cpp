// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep_keys.h"

#include "sim/sweep/sweep_spec.h"

namespace mmusim {

const KeyNode& sweep_keys() {
  static const KeyNode kKeys =
      record_all_keys([](ConfigReader reader) { read_sweep_spec(std::move(reader), /*folder=*/""); });
  return kKeys;
}

}  // namespace mmusim
