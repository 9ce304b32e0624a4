// SPDX-License-Identifier: MIT
#include "models/x86/sub_walk.h"

namespace mmusim {

namespace {

/// Guest PAT type with host PAT type. WB with any type gives that type. The rest of APM vol. 2 table 15-19 is not at
/// hand: equal types stay, any UC gives UC, else any WC gives WC, UC- counts as UC, WT with WP gives UC.
MemoryType combine_npt(MemoryType guest, MemoryType host) {
  using enum MemoryType;
  if (guest == kWriteBack) return host == kUncacheableMinus ? kUncacheable : host;
  if (host == kWriteBack || guest == host) return guest == kUncacheableMinus ? kUncacheable : guest;
  const auto either = [&](MemoryType type) { return guest == type || host == type; };
  if (either(kUncacheable) || either(kUncacheableMinus)) return kUncacheable;
  return either(kWriteCombining) ? kWriteCombining : kUncacheable;
}

}  // namespace

MemoryType nested_memory_type(const NestedControl& control, const NestedTranslation& page, MemoryType guest) {
  if (control.is_ept()) {
    const auto type = static_cast<MemoryType>(page.leaf >> ept::kTypeShift & 7);
    return (page.leaf & ept::kIgnorePat) != 0 ? type : combine(type, guest);
  }
  const unsigned pat_shift = page.size == PageSize::k4K ? 7 : 12;
  const auto index = static_cast<unsigned>((page.leaf >> 3 & 3) | (page.leaf >> pat_shift & 1) << 2);
  return combine_npt(guest, pat_type(control.registers().host_pat, index));
}

}  // namespace mmusim
