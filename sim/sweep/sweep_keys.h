// SPDX-License-Identifier: MIT
#pragma once

#include "models/base/config_keys.h"

namespace mmusim {

/// Returns every key of a SWEEP.json, as read_sweep_spec() reads them.
const KeyNode& sweep_keys();

}  // namespace mmusim
