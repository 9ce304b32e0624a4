// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "mm/call_function.h"

namespace mmusim::mm {

/// Flushes of kernel addresses on all CPUs [arch/x86/mm/tlb.c; S-1 to S-7, S-25].
class TlbFlush {
 public:
  TlbFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, Observer* observer);

  /// flush_tlb_all: everything, on every CPU online.
  void flush_tlb_all(const char* cause);
  /// flush_tlb_kernel_range: page by page up to tlb_single_page_flush_ceiling, else everything.
  void flush_tlb_kernel_range(VirtAddr start, VirtAddr end, const char* cause);
  /// cpa_flush: page by page up to the ceiling, else flush_tlb_all(). By interrupts, whatever the processor can broadcast [S-41].
  void cpa_flush(VirtAddr start, uint64_t pages);
  /// on_each_cpu(do_sync_core): every CPU online serialises, nothing is flushed [S-40].
  void do_sync_core();
  /// __flush_tlb_all: everything, on the calling CPU alone [S-7].
  void flush_tlb_local(const char* cause);
  /// invlpgb_flush_all_nonglobals: what is not global, on all CPUs, by a broadcast; only where broadcasts().
  void flush_all_nonglobals(const char* cause);

  /// True if a switch to another address space has to flush the other ASIDs of this CPU first [S-4].
  bool invalidates_other_asids(unsigned cpu) const { return invalidate_other_[cpu] != 0; }
  /// The same, by a switch that does it.
  bool take_invalidates_other_asids(unsigned cpu) { return std::exchange(invalidate_other_[cpu], 0) != 0; }
  /// True if the next return to user mode loads CR3 without NOFLUSH.
  bool flushes_user_half(unsigned cpu) const { return user_pcid_flush_[cpu] != 0; }
  void flush_user_half(unsigned cpu) { user_pcid_flush_[cpu] = 1; }

  // For flushes of user addresses (mm/user_flush.h), which share rounds and interrupts.
  uint64_t begin_round() { return ++rounds_; }
  CallFunctions& calls() { return calls_; }
  void report(const FlushEvent& flush);
  unsigned current() const { return memory_.cpus() == nullptr ? 0 : memory_.cpus()->current(); }
  /// One page of user memory on the calling CPU, with page-table isolation twice [S-23]; counts the instructions.
  void flush_tlb_one_user(VirtAddr va, FlushEvent& flush);
  /// True if flushes of several CPUs are broadcast: processor and kernel have INVLPGB. Linux uses it neither with page-table
  /// isolation (94a17f2dc90b) nor without PCIDs (44126343d58c).
  bool broadcasts() const { return broadcasts_ && several_cpus(); }
  /// Issues the INVLPGBs of `flush`, which run `remove` on each CPU when they reach it; wait_for_broadcasts() must follow.
  void broadcast(FlushEvent flush, std::function<void()> remove);
  /// Returns when they are done on all CPUs: a TLBSYNC, or two.
  void wait_for_broadcasts() { memory_.cpus()->wait_for_broadcasts(tlbsyncs()); }

 private:
  class Work;

  bool above_ceiling(VirtAddr start, VirtAddr end) const;
  void round(FlushEvent flush);
  void interrupt_all(FlushEvent& flush);
  void broadcast_kernel(const FlushEvent& flush);
  unsigned tlbsyncs() const { return cpu_.tlbsync_twice ? 2 : 1; }
  void carry_out(FlushEvent& flush);
  void flush_tlb_one_kernel(VirtAddr va, FlushEvent& flush);
  bool several_cpus() const { return memory_.cpus() != nullptr && memory_.cpus()->online() > 1; }

  const unsigned ceiling_;
  const bool ceiling_in_pages_;
  const bool pti_;
  const CpuFeatures cpu_;
  const bool broadcasts_;
  KernelMemory& memory_;
  Observer* observer_;  // nullptr where nobody wants flushes
  CallFunctions calls_;
  uint64_t rounds_ = 0;
  std::vector<char> invalidate_other_;  // by CPU
  std::vector<char> user_pcid_flush_;   // by CPU
};

}  // namespace mmusim::mm
