// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "models/core/core.h"

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
///          the window or its queue is full, that is, until the oldest access is done. A first-level hit is done
///          l1_latency after dispatch. Anything else takes one of `outstanding` slots, from its start until its line is
///          there; with none free, dispatch waits for the first to finish.
/// Omits    wrong paths, store-to-load forwarding, scheduler and port limits beyond the issue width.
/// Sources  docs/parameters.md#cores
class WindowCore : public Core {
 public:
  /// `slot_clock` gives slot i the requester number that follows the core's own.
  WindowCore(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock,
             const std::vector<LocalClock>& slot_clocks, const WindowCoreConfig& config);

  void execute(std::span<const MemAccess> accesses) override;
  AccessResult access(const MemAccess& access) override;
  void drain() override;

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
    LocalClock clock;
    MemAccess access;
    uint64_t number = 0;
    CycleTime dispatched;
    bool busy = false;
    sc_core::sc_event go;
  };

  InFlight& in_flight(uint64_t number) { return ring_[number & ring_mask_]; }
  InFlight& dispatch(const MemAccess& access);
  void make_room(const MemAccess& access);
  void retire_oldest();
  Slot& take_slot();
  void run_slot(Slot& slot);
  /// The access whose result `number` needs, if it may still be under way.
  InFlight* producer(const MemAccess& access, uint64_t number);

  const WindowCoreConfig config_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<InFlight> ring_;
  uint64_t ring_mask_;
  uint64_t oldest_ = 1;  // number of the oldest access not retired
  uint64_t instructions_ = 0;
  unsigned issued_ = 0;  // instructions dispatched in this cycle
  unsigned loads_ = 0, stores_ = 0, busy_ = 0;
  sc_core::sc_event completed_;
};

}  // namespace mmusim
