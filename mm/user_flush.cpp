// SPDX-License-Identifier: MIT
#include "mm/user_flush.h"

#include <algorithm>
#include <utility>

namespace mmusim::mm {

/// flush_tlb_func, on each CPU that takes part.
class UserFlush::Work final : public CpuWork {
 public:
  Work(UserFlush& flush, const Info& info) : flush_(flush), info_(info) {}
  bool has_data() const override { return true; }
  void run(unsigned cpu) override { flush_.flush_tlb_func(cpu, info_); }

 private:
  UserFlush& flush_;
  const Info& info_;
};

UserFlush::UserFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, TlbFlush& tlb)
    : pcids_(config.cpu.pcid && config.cpu.pge),
      pti_(config.pti),
      ceiling_(config.tlb_single_page_flush_ceiling),
      global_asid_period_(config.global_asid_period),
      overlapped_(profile.overlapped_calls),
      keeps_cpumask_(profile.keeps_cpumask),
      checks_loaded_mm_(profile.flush_checks_loaded_mm),
      memory_(memory),
      tlb_(tlb),
      global_asid_lock_(config.kernel_image_base),
      init_mm_{config.init_top_pgt_pa, 1, 1, 0, {}},
      cpus_(memory.cpus() == nullptr ? 1 : memory.cpus()->online()) {
  for (CpuTlbState& state : cpus_) {
    state.loaded = &init_mm_;
    state.slots[0] = {init_mm_.ctx_id, init_mm_.tlb_gen};
  }
}

/// [S-22]
UserFlush::Asid UserFlush::choose_asid(unsigned cpu, const AddressSpace& next) {
  CpuTlbState& state = cpus_[cpu];
  if (!pcids_) return {0, true};
  if (next.global_asid != 0) return {next.global_asid, false};
  if (tlb_.take_invalidates_other_asids(cpu)) {
    for (unsigned asid = 0; asid < kDynamicAsids; ++asid) {
      if (asid != state.asid) state.slots[asid].ctx_id = 0;
    }
  }
  for (unsigned asid = 0; asid < kDynamicAsids; ++asid) {
    if (state.slots[asid].ctx_id == next.ctx_id) return {asid, state.slots[asid].tlb_gen < next.tlb_gen};
  }
  const unsigned asid = state.next_asid < kDynamicAsids ? state.next_asid : 0;
  state.next_asid = asid + 1;
  return {asid, true};
}

/// The hardware's PCID is the ASID + 1; without PCIDs it is 0, and every load flushes.
void UserFlush::load_new_mm_cr3(unsigned cpu, const AddressSpace& mm, Asid asid) {
  if (asid.flush && pti_ && pcids_) tlb_.flush_user_half(cpu);
  memory_.switch_cr3(cpu, mm.pgd, pcids_ ? asid.number + 1 : 0, !asid.flush);
}

void UserFlush::switch_mm(unsigned cpu, AddressSpace& next) {
  CpuTlbState& state = cpus_[cpu];
  const bool was_lazy = std::exchange(state.lazy, false);
  if (state.loaded == &next) {
    if (needs_global_asid(next, state.asid)) {
      state.asid = next.global_asid;
      return load_new_mm_cr3(cpu, next, {state.asid, false});
    }
    if (is_global(state.asid)) return;
    // It may have been left out while it was lazy [S-20].
    Slot& slot = state.slots[state.asid];
    if (!was_lazy || slot.tlb_gen == next.tlb_gen) return;
    slot.tlb_gen = next.tlb_gen;
    return load_new_mm_cr3(cpu, next, {state.asid, true});
  }
  const Asid asid = choose_asid(cpu, next);
  if (!keeps_cpumask_ && state.loaded != &init_mm_) state.loaded->cpumask[cpu] = 0;
  if (&next != &init_mm_) next.cpumask[cpu] = 1;
  if (asid.flush) state.slots[asid.number] = {next.ctx_id, next.tlb_gen};
  state.loaded = &next;
  state.asid = asid.number;
  load_new_mm_cr3(cpu, next, asid);
}

void UserFlush::enter_lazy_tlb(unsigned cpu) {
  if (cpus_[cpu].loaded != &init_mm_) cpus_[cpu].lazy = true;
}

/// [S-19] Whether another CPU of the mask is interrupted: tlb_is_not_lazy, or should_flush_tlb, which looks at what the CPU
/// has loaded, too.
bool UserFlush::should_flush(unsigned cpu, const Info& info) {
  if (info.freed_tables) return true;
  memory_.cpus()->take_turn();
  if (cpus_[cpu].lazy) return false;
  if (!checks_loaded_mm_) return true;
  memory_.cpus()->read_line_of(cpu);
  return cpus_[cpu].loaded == info.mm;
}

void UserFlush::flush_tlb_mm_range(AddressSpace& mm, VirtAddr start, VirtAddr end, bool freed_tables,
                                   const char* cause) {
  const bool whole = (end - start) >> kPageShift > ceiling_;
  const unsigned self = tlb_.current();
  fetch_tlb_gen(mm, self);
  mm.tlb_gen_cpu = self;
  Info info{&mm, ++mm.tlb_gen, freed_tables, {}};
  info.event = {.scope = whole ? FlushScope::kProcess : FlushScope::kRange,
                .va = start,
                .end = end,
                .entry = "flush_tlb_mm_range",
                .cause = cause};
  info.event.initiator = self;
  info.event.user = true;
  if (mm.global_asid != 0) return broadcast(info);
  if (std::count(mm.cpumask.begin(), mm.cpumask.end(), 1) > mm.cpumask[self]) {
    interrupt_others(info);
    consider_global_asid(mm);
  } else if (cpus_[self].loaded == &mm) {
    flush_tlb_func(self, info);
  }
}

/// The calling CPU gets the line with tlb_gen from the one that wrote it last.
void UserFlush::fetch_tlb_gen(const AddressSpace& mm, unsigned cpu) {
  if (memory_.cpus() == nullptr) return;
  memory_.cpus()->take_turn();
  if (mm.tlb_gen_cpu != cpu) memory_.cpus()->read_line_of(mm.tlb_gen_cpu);
}

/// flush_tlb_multi: the calling CPU and those of the mask that should_flush().
void UserFlush::interrupt_others(const Info& asked) {
  const unsigned self = asked.event.initiator;
  Info info = asked;
  info.event.round = tlb_.begin_round();
  const std::vector<char> mask = info.mm->cpumask;
  const bool here = cpus_[self].loaded == info.mm;
  if (here && !overlapped_) flush_tlb_func(self, info);
  Work work(*this, info);
  tlb_.calls().on_cpus(work, [&](unsigned cpu) {
    return cpu == self ? overlapped_ && here : mask[cpu] != 0 && should_flush(cpu, info);
  });
}

/// [S-27] The kernel looks in one of 32 ticks of its clock; here it looks after every so many flushes.
void UserFlush::consider_global_asid(AddressSpace& mm) {
  if (!tlb_.broadcasts() || ++mm.flushes_by_interrupt % global_asid_period_ != 0) return;
  if (std::count(mm.cpumask.begin(), mm.cpumask.end(), 1) < kActiveForGlobalAsid) return;
  unsigned active = 0;
  for (unsigned cpu = 0; cpu < cpus_.size(); ++cpu) {
    if (mm.cpumask[cpu] == 0) continue;
    if (cpu != tlb_.current()) memory_.cpus()->read_line_of(cpu);
    if (cpus_[cpu].loaded == &mm && !cpus_[cpu].lazy) ++active;
    if (active == kActiveForGlobalAsid) return use_global_asid(mm);
  }
}

/// The first of all comes after a flush of what processes have, which makes every number free [reset_global_asid_space].
/// Other CPUs that want a global ASID wait for the lock.
void UserFlush::use_global_asid(AddressSpace& mm) {
  memory_.lock(global_asid_lock_);
  if (mm.global_asid == 0 && global_asids_ < kGlobalAsids) {
    const unsigned asid = kDynamicAsids + global_asids_++;
    if (asid == kDynamicAsids) tlb_.flush_all_nonglobals("reset_global_asid_space");
    mm.global_asid = asid;
    mm.in_transition = true;
  }
  memory_.unlock(global_asid_lock_);
}

/// broadcast_tlb_flush [S-25].
void UserFlush::broadcast(const Info& info) {
  FlushEvent flush = info.event;
  flush.round = tlb_.begin_round();
  const unsigned pcid = info.mm->global_asid + 1;
  tlb_.broadcast(flush, [this, flush, pcid] {
    if (flush.scope == FlushScope::kProcess) return memory_.invalidate_pcid(pcid, std::nullopt);
    for (VirtAddr va = flush.va; va < flush.end; va += kPageBytes) memory_.invalidate_pcid(pcid, va);
  });
  finish_asid_transition(info);
  tlb_.wait_for_broadcasts();
}

/// CPUs that run the process with an ASID of their own are interrupted, which makes them take the global one.
void UserFlush::finish_asid_transition(const Info& info) {
  AddressSpace& mm = *info.mm;
  if (!mm.in_transition) return;
  for (unsigned cpu = 0; cpu < cpus_.size(); ++cpu) {
    if (mm.cpumask[cpu] == 0) continue;
    if (cpu != info.event.initiator) memory_.cpus()->read_line_of(cpu);
    if (cpus_[cpu].loaded == &mm && cpus_[cpu].asid != mm.global_asid) return interrupt_others(info);
  }
  mm.in_transition = false;
}

/// [S-21]
void UserFlush::flush_tlb_func(unsigned cpu, const Info& info) {
  CpuTlbState& state = cpus_[cpu];
  FlushEvent here = info.event;
  here.cpu = cpu;
  if (state.loaded != info.mm) {
    if (keeps_cpumask_) info.mm->cpumask[cpu] = 0;
  } else if (needs_global_asid(*info.mm, state.asid)) {
    switch_mm(cpu, *info.mm);
    here.cr3 = 1;
  } else if (!is_global(state.asid)) {
    flush_dynamic_asid(cpu, info, here);
  }
  tlb_.report(here);
}

/// The same with an ASID of this CPU's own.
void UserFlush::flush_dynamic_asid(unsigned cpu, const Info& info, FlushEvent& here) {
  CpuTlbState& state = cpus_[cpu];
  Slot& slot = state.slots[state.asid];
  if (state.lazy) {
    switch_mm(cpu, init_mm_);
    here.cr3 = 1;
    return;
  }
  if (info.new_tlb_gen <= slot.tlb_gen) return;
  fetch_tlb_gen(*info.mm, cpu);
  const bool only_this = info.new_tlb_gen == slot.tlb_gen + 1 && info.new_tlb_gen == info.mm->tlb_gen;
  slot.tlb_gen = info.mm->tlb_gen;
  if (here.scope == FlushScope::kRange && only_this) {
    for (VirtAddr va = here.va; va < here.end; va += kPageBytes) tlb_.flush_tlb_one_user(va, here);
    return;
  }
  if (pti_ && pcids_) tlb_.flush_user_half(cpu);
  memory_.invalidate(TlbInstruction::kCr3, VirtAddr(0));
  here.cr3 = 1;
}

}  // namespace mmusim::mm
