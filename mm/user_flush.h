// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

#include "mm/tlb_flush.h"

namespace mmusim::mm {

/// What flushes need to know of a user address space (struct mm_struct).
struct AddressSpace {
  PhysAddr pgd;
  uint64_t ctx_id = 0;        ///< never used again, from 1; 1 is init_mm's
  uint64_t tlb_gen = 1;       ///< counts the changes that a flush makes known
  unsigned tlb_gen_cpu = 0;   ///< CPU that counted last
  std::vector<char> cpumask;  ///< mm_cpumask: CPUs that may hold translations of it
  /// The ASID that all CPUs use for it and that broadcasts keep up to date [S-27]; 0: each CPU uses one of its own.
  unsigned global_asid = 0;
  bool in_transition = false;         ///< some CPUs may still run it with an ASID of their own
  unsigned flushes_by_interrupt = 0;  ///< so far
};

/// The address space that each CPU has loaded, and flushes of user addresses [arch/x86/mm/tlb.c; S-18 to S-23].
///
/// Models  dynamic ASIDs with their generations; lazy mode; the second half of each PCID with page-table isolation;
///         global ASIDs, whose address spaces are flushed by INVLPGB.
/// Omits   lines of memory but cpu_tlbstate, which the sender reads of each target, and tlb_gen, which CPUs get side by side
///         though only one at a time can have it; trim_cpumask, which once per second takes CPUs out of the mask that
///         have gone on to another address space; ASIDs that are given back, since no process ends; the interrupts
///         that are off while a CPU has or wants the lock of the global ASIDs.
class UserFlush {
 public:
  UserFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, TlbFlush& tlb);

  /// An address space with the root `pgd`, which no CPU has loaded.
  AddressSpace make(PhysAddr pgd) { return {pgd, ++last_ctx_id_, 1, 0, std::vector<char>(cpus_.size(), 0)}; }

  /// switch_mm_irqs_off on `cpu`: a thread of `next` runs there from now on. Leaves lazy mode.
  void switch_mm(unsigned cpu, AddressSpace& next);
  /// enter_lazy_tlb on `cpu`: it has nothing to run, and keeps the address space it has.
  void enter_lazy_tlb(unsigned cpu);

  /// flush_tlb_mm_range for pages of 4 KiB, on the CPUs that need it. `freed_tables`: page-table pages go away, so that lazy
  /// CPUs are told too. Returns when all have done it.
  void flush_tlb_mm_range(AddressSpace& mm, VirtAddr start, VirtAddr end, bool freed_tables, const char* cause);

  bool lazy(unsigned cpu) const { return cpus_[cpu].lazy; }
  /// True if `cpu` has it loaded, lazily or not.
  bool loaded(unsigned cpu, const AddressSpace& mm) const { return cpus_[cpu].loaded == &mm; }

 private:
  static constexpr unsigned kDynamicAsids = 6;  // TLB_NR_DYN_ASIDS
  /// MAX_ASID_AVAILABLE - TLB_NR_DYN_ASIDS - 1, with page-table isolation compiled in.
  static constexpr unsigned kGlobalAsids = 2046 - kDynamicAsids - 1;
  static constexpr unsigned kActiveForGlobalAsid = 4;  // CPUs, as consider_global_asid has it
  class Work;

  struct Slot {
    uint64_t ctx_id = 0;
    uint64_t tlb_gen = 0;
  };
  /// cpu_tlbstate of one CPU.
  struct CpuTlbState {
    AddressSpace* loaded = nullptr;
    bool lazy = false;
    unsigned asid = 0;
    unsigned next_asid = 1;
    std::array<Slot, kDynamicAsids> slots;
  };
  struct Asid {
    unsigned number;
    bool flush;
  };
  /// flush_tlb_info.
  struct Info {
    AddressSpace* mm;
    uint64_t new_tlb_gen;
    bool freed_tables;
    FlushEvent event;
  };

  static bool is_global(unsigned asid) { return asid >= kDynamicAsids; }
  static bool needs_global_asid(const AddressSpace& mm, unsigned asid) {
    return mm.global_asid != 0 && asid != mm.global_asid;
  }
  Asid choose_asid(unsigned cpu, const AddressSpace& next);
  void consider_global_asid(AddressSpace& mm);
  void use_global_asid(AddressSpace& mm);
  void fetch_tlb_gen(const AddressSpace& mm, unsigned cpu);
  void broadcast(const Info& info);
  void finish_asid_transition(const Info& info);
  void interrupt_others(const Info& info);
  void load_new_mm_cr3(unsigned cpu, const AddressSpace& mm, Asid asid);
  bool should_flush(unsigned cpu, const Info& info);
  void flush_tlb_func(unsigned cpu, const Info& info);
  void flush_dynamic_asid(unsigned cpu, const Info& info, FlushEvent& here);

  const bool pcids_;
  const bool pti_;
  const unsigned ceiling_;
  const unsigned global_asid_period_;
  const bool overlapped_;
  const bool keeps_cpumask_;
  const bool checks_loaded_mm_;
  KernelMemory& memory_;
  TlbFlush& tlb_;
  const VirtAddr global_asid_lock_;  // somewhere in the image
  AddressSpace init_mm_;
  uint64_t last_ctx_id_ = 1;
  unsigned global_asids_ = 0;  // given away
  std::vector<CpuTlbState> cpus_;
};

}  // namespace mmusim::mm
