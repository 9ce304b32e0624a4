// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "models/x86/nested_translate.h"
#include "sim/translate/walk_case.h"

namespace mmusim {

/// Outcome of one case of a guest, and what the hypervisor or the guest is told.
struct NestedCaseResult {
  std::optional<Exception> exception;  ///< the guest's own
  std::optional<NestedExit> exit;
  NestedAccessOutcome outcome;
  MemoryType type = MemoryType::kWriteBack;  ///< of the access to the first page, before MTRRs; without fault and exit
};

/// Runs a case with `is_nested` against its memory: guest entries at their host addresses, and nested entries.
NestedCaseResult run_nested_case(const WalkCase& c, ListedMemory& memory);

/// Appends `{"id":...,"out":...,"aft":[...],"naft":[...]}` and a newline.
void append_result(const WalkCase& c, const NestedCaseResult& result, const ListedMemory& memory, std::string& out);

}  // namespace mmusim
