// SPDX-License-Identifier: MIT
#include "models/x86/guest_spaces.h"

#include <algorithm>

namespace mmusim {

std::optional<SpaceTag> GuestSpaces::tag(const GuestTag& guest, uint16_t pcid) {
  const auto known = std::find(guests_.begin(), guests_.end(), guest);
  const auto index = static_cast<uint16_t>(known - guests_.begin());
  const auto space =
      std::find_if(spaces_.begin(), spaces_.end(), [&](const Space& s) { return s.guest == index && s.pcid == pcid; });
  const auto number = static_cast<uint16_t>(space - spaces_.begin());
  if (space == spaces_.end()) {
    if (spaces_.size() == SpaceTag::kFirstGlobal) return std::nullopt;
    if (known == guests_.end()) guests_.push_back(guest);
    spaces_.push_back({index, pcid});
  }
  return SpaceTag(number, static_cast<uint16_t>(SpaceTag::kFirstGlobal + index));
}

void GuestSpaces::forget() {
  guests_.clear();
  spaces_.clear();
}

Invalidation GuestSpaces::confine(Invalidation operation, const GuestScope& scope) {
  chosen_.reset();
  for (size_t i = 0; i < guests_.size(); ++i) {
    if (scope.covers(guests_[i])) chosen_.set(SpaceTag::kFirstGlobal + i);
  }
  const bool one_pcid = names_pcid(operation.tlb) || names_pcid(operation.structures);
  for (size_t number = 0; number < spaces_.size(); ++number) {
    const Space& space = spaces_[number];
    if (one_pcid && space.pcid != operation.pcid) continue;
    if (scope.covers(guests_[space.guest])) chosen_.set(number);
  }
  operation.spaces = &chosen_;
  return operation;
}

}  // namespace mmusim
