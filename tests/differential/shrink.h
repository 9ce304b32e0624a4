// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "tests/differential/random_case.h"

namespace mmusim::differential {

/// Makes a case smaller while `still_fails` says true: members, elements and halves of lists go, numbers become
/// smaller. `still_fails` is asked at most `tries` times, and only about valid cases.
Case shrink(Case one, const std::function<bool(const Case&)>& still_fails, unsigned tries);

}  // namespace mmusim::differential
