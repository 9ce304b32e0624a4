// SPDX-License-Identifier: MIT
#pragma once

#include "mm/observer.h"
#include "sim/library/internal.h"

namespace mmusim {
inline namespace v0 {

/// Passes what a machine reports on as public events.
class EventTranslator final : public Observer {
 public:
  /// `accesses`: passes accesses on too, not only walks.
  EventTranslator(EventObserver& to, bool accesses) : to_(to), accesses_(accesses) {}
  uint32_t mask() const override { return accesses_ ? kAccessNotices | kWalkNotices : uint32_t{kWalkNotices}; }
  void walk(const WalkRecord& record) override;
  void access(const AccessRecord& record) override;

 private:
  EventObserver& to_;
  bool accesses_;
};

EntryWriteEvent public_event(const mm::EntryWrite& write);

}  // namespace v0
}  // namespace mmusim
