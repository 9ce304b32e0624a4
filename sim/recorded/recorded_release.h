// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Sets "version" and, for a release that is known to differ from its profile, "overrides" of the scenario section
/// `kernel`. Adds a note that says which profile stands for the release, on which releases that was recorded, and what
/// is known to differ (mm/release.h). False, and nothing changed, if the text does not begin with a release number.
bool put_release(const std::string& release, nlohmann::ordered_json& kernel, std::vector<std::string>& notes);

}  // namespace mmusim
