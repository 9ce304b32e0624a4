// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <deque>
#include <exception>
#include <memory>
#include <queue>
#include <vector>

#include "models/core/core.h"
#include "models/core/front_end.h"
#include "models/core/store_queue.h"
#include "models/fabric/port_schedule.h"

namespace mmusim {

struct WindowCoreConfig {
  unsigned issue_width = 4;   ///< instructions dispatched in one cycle
  unsigned window = 224;      ///< instructions between dispatch and retirement
  unsigned load_queue = 72;   ///< loads among them
  unsigned store_queue = 56;  ///< stores between dispatch and the arrival of their lines
  unsigned outstanding = 12;  ///< data accesses that are under way beyond the first level at once
  unsigned retire_width = 0;  ///< instructions retired in one cycle; 0: without limit
  unsigned load_ports = 0;    ///< loads that start in one cycle; 0: without limit
  unsigned store_ports = 0;   ///< stores that start in one cycle; 0: without limit
  Cycles first_touch{0};      ///< as SecondLevelTlbConfig::first_touch; nothing is dispatched meanwhile
  unsigned fetch_ahead = 64;  ///< instructions between the front end and dispatch
};

/// Dispatches accesses in program order into a reorder window and lets several be under way at once.
///
/// Models   issue and retire width, reorder window, load and store queues with in-order retirement; accesses that wait for
///          the results of earlier ones; store-to-load forwarding; stores that retire once they are translated; a front
///          end that fetches lines ahead of dispatch.
/// Timing   Each cycle dispatches issue_width instructions (an access and its gap). An access waits at dispatch while the
///          window or its queue is full. It starts when it is dispatched and the results that it needs are there, the
///          load and store ports permitting. An access in one line that hits the first level in TLB and cache is done
///          hit_cycles (FastPath) after a port of the cache is free. A load whose line an earlier access has asked for is
///          done when that line arrives. Anything else takes one of `outstanding` slots until its line is there; with none
///          free, the oldest waiting access gets the next. A load that reads what an earlier store writes whose line is
///          not there yet is done hit_cycles after both have started and the store is translated; if the store writes
///          only a part of it, it starts when the store's line is there. A store may retire once it is translated.
/// Fetch    The front end passes the stream in order, at most fetch_ahead instructions ahead of dispatch. Consecutive
///          fetches of one line are one. A line costs a port of the instruction cache; its instructions can be
///          dispatched hit_cycles after it was asked for, or when a missing line or translation has come, for which the
///          front end waits. Fetches take no slot and are no instructions of their own (front_end.h).
/// Kernel   While the kernel maps a page that was touched for the first time nothing is dispatched; what was dispatched goes
///          on.
/// Order    In one cycle, accesses that become ready start before the next is dispatched, older ones first, and the front
///          end comes last.
/// Omits    wrong paths; limits of schedulers and execution ports other than those for loads and stores; several
///          instruction lines on their way.
/// Sources  docs/parameters.md#cores
class WindowCore : public Core {
 public:
  /// `clocks` gives slot i, and behind them the front end, the requester numbers that follow the core's own.
  /// `company`: other processes can change this core's TLBs and caches while none of its own accesses is under way.
  WindowCore(const sc_core::sc_module_name& name, LoadStoreUnit& lsu, const LocalClock& clock, FiberGroup& fibers,
             const std::vector<LocalClock>& clocks, const WindowCoreConfig& config, bool company);

  void idle(Cycles cycles) override;

 protected:
  void execute_all(std::span<const MemAccess> accesses) override;
  AccessResult access_one(const MemAccess& access) override;
  void drain_all() override;

 private:
  static constexpr unsigned kMostNeeds = kMostProducers + 1;  // an access can need a store, too
  /// A place in a list of accesses that wait for a result: number of the access * 8 + which of its needs.
  using Link = uint64_t;
  static constexpr Link kEnd = 0;

  /// A record between dispatch and retirement.
  struct InFlight {
    uint64_t number = 0;
    uint64_t instruction = 0;  ///< number of its instruction
    MemAccess access;
    CycleTime dispatched;
    CycleTime ready;  ///< when all that it needs is there, as far as known
    CycleTime done;
    AccessResult result;
    Link waiting = kEnd;                            ///< accesses that need its result
    std::array<Link, kMostNeeds> next = {};         ///< in the lists that this access is in
    StoreQueue::Index store = StoreQueue::kNone;    ///< of a store
    StoreQueue::Index forward = StoreQueue::kNone;  ///< of a load: the store that it reads from
    uint64_t forward_number = 0;                    ///< that store's access
    unsigned instructions = 0;                      ///< retired with it
    uint8_t missing = 0;                            ///< results it needs that are not known yet
    bool known = false;                             ///< `done` is known
    bool has_port = false, has_cache_port = false;
  };
  /// An access that misses. The place of a store in the window may be gone: `store` is where it is in the store queue.
  struct Miss {
    uint64_t number;
    StoreQueue::Index store;
  };
  /// A miss under way, and the fiber that makes it.
  struct Slot {
    Slot(const LocalClock& c, unsigned n) : clock(c), number(n) {}
    LocalClock clock;
    const unsigned number;
    Miss miss{};
    MemAccess access;
    CycleTime dispatched, started;
    bool busy = false;
    Signal go;
    std::vector<Miss> for_line;  ///< accesses that wait for its line
  };
  static constexpr VirtAddr kNoLine{1};  // no line begins here
  struct Ready {
    CycleTime at;
    uint64_t number;
    bool operator>(const Ready& o) const { return at != o.at ? at > o.at : number > o.number; }
  };

  /// A moment of retirement: the last cycle in which records retired, and how many instructions did.
  struct Retirement {
    CycleTime at;
    unsigned count = 0;
  };
  /// The condition of a wait that only time ends.
  struct Never {
    bool operator()() const { return false; }
  };
  static constexpr CycleTime kNoLimit{~uint64_t{0}};

  InFlight& in_flight(uint64_t number) { return ring_[number & ring_mask_]; }

  // Dispatch and retirement (window_core.cpp).
  void pass_stream(bool all);
  void dispatch(const MemAccess& access, uint64_t number, unsigned instructions);
  void issue(unsigned instructions);
  void wait_for_kernel();
  void make_room(AccessKind kind);
  void retire_oldest();
  Retirement retirement_of(const InFlight& flight) const;
  void retire(InFlight& flight, const Retirement& retirement);
  AccessResult await(uint64_t number);
  void find_needs(InFlight& flight);
  void need_result(InFlight& flight, unsigned& which, unsigned distance);
  void need(InFlight& flight, unsigned& which, InFlight& producer);
  void throw_failure();
  template <class Condition = Never>
  void work_until(CycleTime limit, Condition&& done = {});
  bool acts_now();
  CycleTime next_own_action();

  // Starts and ends of accesses (window_issue.cpp).
  void start(InFlight& flight);
  bool waits_for_port(InFlight& flight);
  bool waits_for_cache_port(InFlight& flight);
  bool starts_later(const InFlight& flight, CycleTime at);
  bool forward(InFlight& flight);
  void hit(InFlight& flight, const FastPath::Hit& found);
  void end_hit(InFlight& flight, CycleTime at);
  void report_hit(const MemAccess& access, uint64_t number, CycleTime dispatched, CycleTime at, PhysAddr pa);
  void start_miss(InFlight& flight);
  const MemAccess& access_of(const Miss& miss);
  void want_slot(const Miss& miss);
  static VirtAddr line_of(const MemAccess& access);
  bool joins_line(const Miss& miss);
  void occupy(Slot& slot, const Miss& miss, CycleTime at);
  void count_misses(CycleTime until);
  void run_slot(Slot& slot);
  bool takes_next(Slot& slot);
  void end_late_hit(const Miss& miss, PhysAddr pa, CycleTime at, CycleTime end);
  void perform(Slot& slot);
  void finish(Slot& slot);
  void complete(InFlight& flight, CycleTime done);
  void give_result(InFlight& waiter, CycleTime at);
  void written(StoreQueue::Index index, CycleTime at);
  void leave_if_over(StoreQueue::Index index);
  void report_completion(const LocalClock& by) {
    if (listens_) by.notify(completed_);
  }

  // The front end (window_issue.cpp).
  bool fetches_now();
  void fetch_next();
  bool fetches_line(FrontEnd::Entry& entry, VirtAddr last);
  void note_line(FrontEnd::Entry& entry, VirtAddr line, CycleTime available, PhysAddr pa);
  void run_front_end();

  const WindowCoreConfig config_;
  const bool company_;
  std::vector<std::unique_ptr<Slot>> slots_;
  /// By slot, the line that its access lies in; kNoLine: in two lines, or nothing is fetched. perf: apart from the slots,
  /// because each miss searches them.
  std::vector<VirtAddr> lines_;
  LocalClock front_clock_;
  std::vector<InFlight> ring_;
  uint64_t ring_mask_;
  StoreQueue store_queue_;
  FrontEnd front_end_;
  PortSchedule load_ports_, store_ports_;
  uint64_t oldest_ = 1;      // number of the oldest record not retired
  uint64_t dispatched_ = 0;  // number of the youngest record dispatched
  uint64_t instructions_ = 0;
  unsigned issued_ = 0;  // instructions dispatched in the cycle issued_at_
  CycleTime issued_at_;
  Retirement retired_;
  unsigned loads_ = 0;       // in the window
  unsigned busy_ = 0;        // slots
  CycleTime counted_until_;  // by count_misses()
  uint64_t unfinished_ = 0;  // data accesses dispatched whose line is not there
  uint64_t unready_ = 0;     // accesses that wait for results
  uint64_t slow_ = 0;        // accesses that took a slot
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;  // to be started
  std::deque<Miss> wanting_;                                              // a slot; oldest first
  bool listens_ = false;                                                  // the core's thread waits for completions
  Signal completed_;
  Signal fetch_;                // for the front end's fiber
  std::exception_ptr failure_;  // of a fiber
};

}  // namespace mmusim
