// SPDX-License-Identifier: MIT
#pragma once

#include "sim/explain/explanation.h"
#include "sim/machine/machine.h"

namespace mmusim {

/// Tells the nested dimension of an explained page: a sub-walk for each guest entry and one for the data, as cold walks.
/// `first` says where the machine's own walk read each entry and for how long. Stores nothing that the guest could see.
void add_nested(Machine& machine, const Explanation& e, PageExplanation& page);

}  // namespace mmusim
