// SPDX-License-Identifier: MIT
#include "models/x86/nested_walk.h"

#include <algorithm>

namespace mmusim {

Translation combined(const ControlState& guest, const NestedControl& nested, const NestedOutcome& outcome) {
  const Translation& own = outcome.guest;
  const NestedTranslation& page = outcome.nested;
  const PageSize size = std::min(own.size(), page.size);
  Rights rights = own.rights();
  const auto fetch = rights.user() ? NestedUse::kFinalUserFetch : NestedUse::kFinalSupervisorFetch;
  if (missing_right(nested, page.rights, NestedUse::kFinalRead)) rights.deny_nested(AccessKind::kRead);
  if (missing_right(nested, page.rights, NestedUse::kFinalWrite)) rights.deny_nested(AccessKind::kWrite);
  if (missing_right(nested, page.rights, fetch)) rights.deny_nested(AccessKind::kFetch);
  const bool clean = (page.leaf & nested.dirty_bit()) != nested.dirty_bit();
  const bool fragment = size < own.size();
  return Translation({.frame = outcome.pa().align_down(bytes_of(size)),
                      .size = size,
                      .rights = rights,
                      .key = own.key(),
                      .pat_index = type_index_of(guest, nested, page, own.pat_index()),
                      .dirty = own.dirty() && !clean,
                      .global = own.global(),
                      .guest_shift = static_cast<uint8_t>(fragment ? shift_of(own.size()) : 0U)});
}

}  // namespace mmusim
