// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mm/config.h"

namespace mmusim::mm {

/// Knowledge of a kernel release: the profile it takes and its known differences from that.
struct ReleaseProfile {
  KernelVersion version;
  ProfileOverrides overrides;            ///< differences the model can follow
  std::vector<std::string> differences;  ///< all known differences, one clause each, the overrides' included
};

/// version_of_release() and what is known beyond it. Differences within a series are from kernel sources and change
/// logs: only the releases in Profile::recorded were compared with recordings.
std::optional<ReleaseProfile> profile_of_release(std::string_view release);

/// One or two sentences for readers: which profile stands for the release, which releases it was recorded on, what is
/// known to differ. Empty if the text does not begin with a release number.
std::string describe_release(std::string_view release);

}  // namespace mmusim::mm
