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
  std::vector<char> cpumask;  ///< mm_cpumask: CPUs that may hold translations of it
};

/// The address space that each CPU has loaded, and flushes of user addresses [arch/x86/mm/tlb.c; S-18 to S-23].
///
/// Models  dynamic ASIDs with their generations; lazy mode; the second half of each PCID with page-table isolation.
/// Omits   the lines of cpu_tlbstate but the one that the sender reads of each target; trim_cpumask, which once per
///         second takes CPUs out of the mask that have gone on to another address space; global ASIDs (INVLPGB).
class UserFlush {
 public:
  UserFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, TlbFlush& tlb);

  /// An address space with the root `pgd`, which no CPU has loaded.
  AddressSpace make(PhysAddr pgd) { return {pgd, ++last_ctx_id_, 1, std::vector<char>(cpus_.size(), 0)}; }

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

  Asid choose_asid(unsigned cpu, const AddressSpace& next);
  void load_new_mm_cr3(unsigned cpu, const AddressSpace& mm, Asid asid);
  bool should_flush(unsigned cpu, const Info& info);
  void flush_tlb_func(unsigned cpu, const Info& info);

  const bool pcids_;
  const bool pti_;
  const unsigned ceiling_;
  const bool overlapped_;
  const bool keeps_cpumask_;
  const bool checks_loaded_mm_;
  KernelMemory& memory_;
  TlbFlush& tlb_;
  AddressSpace init_mm_;
  uint64_t last_ctx_id_ = 1;
  std::vector<CpuTlbState> cpus_;
};

}  // namespace mmusim::mm
