// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "models/core/core.h"
#include "models/fabric/fibers.h"

namespace mmusim {

struct WindowCoreConfig {
  unsigned issue_width = 4;   ///< instructions dispatched in one cycle
  unsigned window = 224;      ///< instructions between dispatch and retirement
  unsigned load_queue = 72;   ///< loads among them
  unsigned store_queue = 56;  ///< stores among them
  unsigned outstanding = 12;  ///< accesses that are under way beyond the first level at once
};

/// Dispatches accesses in program order into a reorder window and lets several be under way at once.
///
/// Models   issue width, reorder window, load and store queues with in-order retirement; an access that depends on an
///          earlier one starts when that one is done; stores retire once they are translated.
/// Timing   each cycle dispatches issue_width instructions (an access and its gap). An access waits at dispatch while
///          the window or its queue is full, that is, until the oldest access is done. A data access that hits
///          the first level in TLB and cache, in one line, is done l1_latency after dispatch. Anything else takes one
///          of `outstanding` slots, from its start until its line is there; with none free, dispatch waits for the
///          first to finish. A store is done once it is translated, and keeps its slot until its line is there.
/// Omits    wrong paths, store-to-load forwarding, scheduler and port limits beyond the issue width.
/// Sources  docs/parameters.md#cores
class WindowCore : public Core {
 public:
  /// `slot_clock` gives slot i the requester number that follows the core's own.
  WindowCore(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock,
             const std::vector<LocalClock>& slot_clocks, const WindowCoreConfig& config);

 protected:
  void execute_all(std::span<const MemAccess> accesses) override;
  AccessResult access_one(const MemAccess& access) override;
  void drain_all() override;

 private:
  /// An access between dispatch and retirement.
  struct InFlight {
    uint64_t instruction = 0;  ///< number of its instruction
    CycleTime done;
    bool known = false;  ///< `done` is known
    AccessKind kind = AccessKind::kRead;
    AccessResult result;
  };
  struct Slot {
    explicit Slot(const LocalClock& c) : clock(c) {}
    LocalClock clock;  // of a fiber
    MemAccess access;
    uint64_t number = 0;
    CycleTime dispatched;
    bool busy = false;
    Signal go;
  };

  InFlight& in_flight(uint64_t number) { return ring_[number & ring_mask_]; }
  InFlight& dispatch(const MemAccess& access);
  void make_room(const MemAccess& access);
  void waited_until(CycleTime now);
  void retire_oldest();
  Slot& take_slot();
  void run_slot(Slot& slot);
  void perform(Slot& slot);
  /// Waits until a slot completes an access. Of the core's own thread; throws what a slot threw.
  void wait_for_completion(const char* what, uint64_t about = 0);
  void throw_failure();
  /// Returns the access whose result `number` needs, if it may still be under way, else nullptr.
  InFlight* producer(const MemAccess& access, uint64_t number);

  const WindowCoreConfig config_;
  std::vector<std::unique_ptr<Slot>> slots_;
  FiberGroup fibers_;  // the core's thread and the slots
  std::vector<InFlight> ring_;
  uint64_t ring_mask_;
  uint64_t oldest_ = 1;  // number of the oldest access not retired
  uint64_t instructions_ = 0;
  uint64_t slots_taken_ = 0;
  unsigned issued_ = 0;  // instructions dispatched in the cycle issued_at_
  CycleTime issued_at_;
  unsigned loads_ = 0, stores_ = 0, busy_ = 0;
  Signal completed_;
  std::exception_ptr failure_;  // of a slot
};

}  // namespace mmusim
