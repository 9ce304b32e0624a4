// SPDX-License-Identifier: MIT
#include "sim/events/kernel_totals.h"

#include "models/base/stats.h"

namespace mmusim {

void KernelTotals::merge(const KernelTotals& o) { *this = sum(*this, o); }

}  // namespace mmusim
