// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace mmusim::mm {

/// The instruction, or pair of instructions, with which the kernel removes translations on the CPU that executes it.
enum class TlbInstruction : uint8_t {
  kInvlpg,       ///< one page: of the current PCID, global ones, and all paging-structure caches of the PCID
  kInvpcidPage,  ///< INVPCID type 0: one page of the user half's PCID, with page-table isolation
  kInvpcidAll,   ///< INVPCID type 2: everything, global entries of all PCIDs included
  kInvpcidUser,  ///< INVPCID type 3: everything of all PCIDs but global entries
  kCr4Pair,      ///< CR4.PGE off and on: the same on a processor without INVPCID
  kCr3,          ///< CR3 reload: all of the current PCID but global pages; everything on a processor without them
};

/// Vectors of the call-function interrupts [S-11].
inline constexpr unsigned kCallFunctionVector = 0xfc;
inline constexpr unsigned kCallFunctionSingleVector = 0xfb;

/// Interrupts that one CPU sends to others with one or several writes of its interrupt command register.
struct CallInterrupts {
  unsigned from;
  std::span<const unsigned> targets;  ///< ascending
  unsigned vector;
  unsigned icr_writes;
};

/// An interrupt that is being handled; times in cycles of the machine, 0 without time.
struct CallDelivery {
  unsigned from = 0;
  unsigned vector = 0;  ///< 0: none was needed, the target polled
  uint64_t sent = 0;
  uint64_t arrival = 0;  ///< at the target
  uint64_t handled = 0;  ///< the handler's first instruction
};

/// Receiver of call-function interrupts on the CPU that takes them.
class CallFunctionHandler {
 public:
  virtual ~CallFunctionHandler() = default;
  virtual void call_function_interrupt(unsigned cpu, const CallDelivery& delivery) = 0;
};

/// The CPUs of a machine with several, as kernel code on one of them reaches the others.
///
/// Timed, each call takes its time on the CPU that makes it and comes to its effect in the order of simulated time.
class Cpus {
 public:
  virtual ~Cpus() = default;

  /// CPUs online, at least 1; numbered from 0.
  virtual unsigned online() const = 0;
  /// The CPU whose code calls.
  virtual unsigned current() const = 0;
  /// Sets what interrupts run; nullptr: none may come. Outlives its use.
  virtual void set_handler(CallFunctionHandler* handler) = 0;
  /// True if `cpu` is idle in a loop that looks at its thread flags, so that a store wakes it [S-12].
  virtual bool polls(unsigned cpu) const = 0;

  /// Returns when it is the calling CPU's turn to look at or change what CPUs share.
  virtual void take_turn() = 0;
  /// Reads a line that `target` writes now and then, then take_turn().
  virtual void read_line_of(unsigned target) = 0;
  /// Prepares the call-function data of `target`, then take_turn().
  virtual void prepare_call(unsigned target) = 0;
  /// Sends interrupts; they run the handler on their targets later.
  virtual void send(const CallInterrupts& interrupts) = 0;
  /// Wakes a polling CPU without an interrupt; it runs the handler too.
  virtual void wake(unsigned cpu) = 0;
  /// Waits until `done`, which the handler on `target` makes true before it calls acknowledge(). Interrupts of the calling
  /// CPU are taken meanwhile [S-14].
  virtual void await(unsigned target, const std::function<bool()>& done) = 0;
  /// The calling CPU has seen all acknowledgements.
  virtual void round_done() {}
  /// On a CPU that runs the handler: the entry of `sender` is done.
  virtual void acknowledge(unsigned sender) = 0;
  /// Issues the INVLPGBs of one flush, which run a copy of `on_cpu` for each CPU when they reach it, for the calling one at
  /// once [S-25]. wait_for_broadcasts() must follow.
  virtual void broadcast(unsigned invlpgb, const std::function<void(unsigned cpu)>& on_cpu) = 0;
  /// Waits with so many TLBSYNCs until all that the calling CPU has broadcast is done everywhere [S-26].
  virtual void wait_for_broadcasts(unsigned tlbsync) = 0;
};

}  // namespace mmusim::mm
