// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/bootlog/boot_facts.h"

namespace mmusim {

/// The shipped platform that stands for a processor.
struct PlatformChoice {
  std::string platform;
  std::string core;    ///< what the processor is called: "Ice Lake-SP"
  bool own = false;    ///< the platform is that of this processor; false: of its nearest relative
  std::string reason;  ///< why this one: "the same core", ...
};

/// Chooses by family, model and stepping; by name, or by the name of the performance events, only where the log has no
/// numbers. An unknown processor gets its vendor's newest platform, and milan if the vendor is not known either.
PlatformChoice choose_platform(const ProcessorFact& processor);

}  // namespace mmusim
