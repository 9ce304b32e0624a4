// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "models/x86/fault.h"
#include "models/x86/translation.h"

namespace mmusim {

/// Outcome of a page walk.
struct WalkOutcome {
  Translation translation;  ///< valid without a fault
  std::optional<FaultReason> fault;
  uint8_t start_level = 0;               ///< of the first entry read
  std::optional<Translation> next_page;  ///< of the 4 KiB page after this one, if its PTE came with the same line
  bool coalescible = false;              ///< the four 4 KiB pages of this 16 KiB piece could share one TLB entry
};

}  // namespace mmusim
