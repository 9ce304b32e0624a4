// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mm/kernel.h"
#include "sim/scenario/phase.h"

namespace mmusim {

/// Carries out the phases that are calls into the kernel on one core.
class KernelPhases {
 public:
  /// Folios that `phases` name are set aside right after boot: which ones a kernel used is an input, so nothing else
  /// may get their memory before their phase comes.
  KernelPhases(mm::Kernel& kernel, const std::vector<Phase>& phases);

  /// What is there before a process phase begins: the process, its heap, and `threads` of its threads, one on each of the
  /// first cores. Return code of the kernel.
  mm::Errno prepare(const ProcessPhase& phase, unsigned threads);

  /// Return code of the kernel; of several calls, the first failure. kSuccess for phases that are something else.
  mm::Errno run(const Phase& phase);

 private:
  mm::Errno carry_out(const BootPhase&);
  mm::Errno carry_out(const HugetlbInitPhase&) { return kernel_.hugetlb_init(); }
  mm::Errno carry_out(const MemoryPhase& phase);
  mm::Errno carry_out(const DevicePhase& phase) { return kernel_.add_device(phase.device); }
  mm::Errno carry_out(const DeviceRemovePhase& phase) { return kernel_.remove_device(phase.start); }
  mm::Errno carry_out(const HugetlbPhase& phase);
  mm::Errno carry_out(const SetMemoryPhase& phase);
  mm::Errno carry_out(const ProcessPhase& phase);
  mm::Errno carry_out(const DeferredInitPhase&) { return mm::Errno::kSuccess; }
  mm::Errno carry_out(const WorkloadPhase&) { return mm::Errno::kSuccess; }
  mm::Errno carry_out(const ReplayPhase&) { return mm::Errno::kSuccess; }
  mm::Errno carry_out(const MarkPhase&) { return mm::Errno::kSuccess; }

  mm::Errno one_piece(const MemoryPhase& phase, PhysAddr start, uint64_t bytes);
  mm::Errno optimise(const std::vector<mm::Folio>& folios, bool surplus);
  mm::Errno restore_and_free(const std::vector<mm::Folio>& folios, bool surplus);

  /// Pages that SetMemoryPhase has protected.
  struct Area {
    Pfn first;
    uint64_t pages;
    unsigned order;  ///< of the block they begin
    bool alias;
  };
  mm::Errno protect(const Area& area, mm::MemoryProtection protection);

  mm::Kernel& kernel_;
  bool boot_does_hugetlb_init_ = true;   // no phase of its own does
  std::vector<mm::Folio> named_folios_;  // by "optimise", of all phases
  std::vector<mm::Folio> allocated_;     // by "allocate", those taken last at the end
  std::vector<Area> areas_;              // those taken last at the end
  mm::Process* process_ = nullptr;
  uint64_t heap_ = 0;                         // bytes
  VirtAddr next_area_ = ProcessPhase::kArea;  // behind areas that stay mapped
};

}  // namespace mmusim
