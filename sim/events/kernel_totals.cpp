// SPDX-License-Identifier: MIT
#include "sim/events/kernel_totals.h"

#include "models/base/stats.h"

namespace mmusim {

void KernelTotals::merge(const KernelTotals& o) {
  ShootdownTotals both = shootdowns;
  both.merge(o.shootdowns);
  *this = sum(*this, o);
  shootdowns = both;
}

}  // namespace mmusim
