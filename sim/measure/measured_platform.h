// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/machine/virtualization.h"
#include "sim/measure/survey.h"

namespace mmusim {

/// Results of a survey as a platform file holds them.
struct MeasuredPlatformInput {
  std::string preset;  ///< name of the platform that gives what was not measured
  std::string name, description;
  double core_mhz = 0;  ///< 0: not measured
  /// Of a guest, in which the cost of a walk says nothing of one lookup; kNone: no guest.
  VirtualizationMode guest = VirtualizationMode::kNone;
  double way_to_memory_ns = 0;                   ///< there and back; 0: not fitted
  std::string host_pages;                        ///< of a guest: page size of the host that was fitted; empty: none was
  std::optional<uint64_t> nested_lookup_cycles;  ///< of a guest; nullopt: not fitted
};

/// Returns the preset's document with measured numbers in place of its own. The "source" of each object says of each of
/// its numbers that it was measured, with the interval, or from which preset it is. `remarks` gets a sentence for each
/// finding that the file cannot express.
nlohmann::json measured_platform(const nlohmann::json& preset, const MeasuredPlatformInput& input, const Survey& survey,
                                 std::vector<std::string>& remarks);

/// "64 entries", "7 cycles (6.9 to 7.1)" or "could not tell".
std::string text_of(const Finding& finding);

}  // namespace mmusim
