// SPDX-License-Identifier: MIT
#include "mm/user_flush.h"

#include <algorithm>
#include <utility>

namespace mmusim::mm {

/// flush_tlb_func, on each CPU that takes part.
class UserFlush::Work final : public CpuWork {
 public:
  Work(UserFlush& flush, const Info& info) : flush_(flush), info_(info) {}
  void run(unsigned cpu) override { flush_.flush_tlb_func(cpu, info_); }

 private:
  UserFlush& flush_;
  const Info& info_;
};

UserFlush::UserFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, TlbFlush& tlb)
    : pcids_(config.cpu.pcid && config.cpu.pge),
      pti_(config.pti),
      ceiling_(config.tlb_single_page_flush_ceiling),
      overlapped_(profile.overlapped_calls),
      keeps_cpumask_(profile.keeps_cpumask),
      checks_loaded_mm_(profile.flush_checks_loaded_mm),
      memory_(memory),
      tlb_(tlb),
      init_mm_{config.init_top_pgt_pa, 1, 1, {}},
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
  if (memory_.cpus() != nullptr) memory_.cpus()->take_turn();
  Info info{&mm, ++mm.tlb_gen, freed_tables, {}};
  info.event = {.scope = whole ? FlushScope::kProcess : FlushScope::kRange,
                .va = start,
                .end = end,
                .entry = "flush_tlb_mm_range",
                .cause = cause};
  info.event.initiator = self;
  info.event.user = true;
  const std::vector<char> mask = mm.cpumask;
  const bool here = cpus_[self].loaded == &mm;
  const bool others = std::count(mask.begin(), mask.end(), 1) > mask[self];
  if (others) info.event.round = tlb_.begin_round();
  if (here && (!others || !overlapped_)) flush_tlb_func(self, info);
  if (!others) return;
  Work work(*this, info);
  tlb_.calls().on_cpus(work, [&](unsigned cpu) {
    return cpu == self ? overlapped_ && here : mask[cpu] != 0 && should_flush(cpu, info);
  });
}

/// [S-21]
void UserFlush::flush_tlb_func(unsigned cpu, const Info& info) {
  CpuTlbState& state = cpus_[cpu];
  FlushEvent here = info.event;
  here.cpu = cpu;
  Slot& slot = state.slots[state.asid];
  if (state.loaded != info.mm) {
    if (keeps_cpumask_) info.mm->cpumask[cpu] = 0;
  } else if (state.lazy) {
    switch_mm(cpu, init_mm_);
    here.cr3 = 1;
  } else if (info.new_tlb_gen > slot.tlb_gen && slot.tlb_gen != info.mm->tlb_gen) {
    const bool only_this = info.new_tlb_gen == slot.tlb_gen + 1 && info.new_tlb_gen == info.mm->tlb_gen;
    if (here.scope == FlushScope::kRange && only_this) {
      for (VirtAddr va = here.va; va < here.end; va += kPageBytes) tlb_.flush_tlb_one_user(va, here);
    } else {
      if (pti_ && pcids_) tlb_.flush_user_half(cpu);
      memory_.invalidate(TlbInstruction::kCr3, VirtAddr(0));
      here.cr3 = 1;
    }
    slot.tlb_gen = info.mm->tlb_gen;
  }
  tlb_.report(here);
}

}  // namespace mmusim::mm
