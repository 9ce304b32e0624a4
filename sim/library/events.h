// SPDX-License-Identifier: MIT
#pragma once

#include "mm/observer.h"
#include "sim/library/internal.h"

namespace mmusim {
inline namespace v0 {

/// Passes what a machine reports on as public events.
class EventTranslator final : public RecordSink {
 public:
  explicit EventTranslator(EventObserver& to) : to_(to) {}
  void walk(const WalkRecord& record) override;
  void access(const AccessRecord& record) override;

 private:
  EventObserver& to_;
};

EntryWriteEvent public_event(const mm::EntryWrite& write);

}  // namespace v0
}  // namespace mmusim
