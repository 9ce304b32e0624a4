// SPDX-License-Identifier: MIT
#include "mm/tlb_flush.h"

namespace mmusim::mm {

namespace {

unsigned cpus_of(KernelMemory& memory) { return memory.cpus() == nullptr ? 1 : memory.cpus()->online(); }

}  // namespace

/// do_flush_tlb_all or do_kernel_range_flush, on each CPU.
class TlbFlush::Work final : public CpuWork {
 public:
  Work(TlbFlush& tlb, const FlushEvent& flush) : tlb_(tlb), flush_(flush) {}
  bool has_data() const override { return flush_.scope == FlushScope::kRange; }
  void run(unsigned cpu) override {
    FlushEvent here = flush_;
    here.cpu = cpu;
    tlb_.carry_out(here);
    tlb_.report(here);
  }

 private:
  TlbFlush& tlb_;
  const FlushEvent& flush_;
};

TlbFlush::TlbFlush(const KernelConfig& config, const Profile& profile, KernelMemory& memory, Observer* observer)
    : ceiling_(config.tlb_single_page_flush_ceiling),
      ceiling_in_pages_(profile.flush_ceiling_in_pages),
      pti_(config.pti),
      cpu_(config.cpu),
      broadcasts_(profile.broadcast_flush && config.cpu.invlpgb_pages != 0 && config.cpu.pcid && !config.pti),
      memory_(memory),
      observer_(observer != nullptr && (observer->mask() & kFlushes) != 0 ? observer : nullptr),
      calls_(config, profile, memory, observer),
      invalidate_other_(cpus_of(memory), 0),
      user_pcid_flush_(cpus_of(memory), 0) {}

/// [S-2] From 6.15 on whole pages are compared, before that bytes.
bool TlbFlush::above_ceiling(VirtAddr start, VirtAddr end) const {
  return ceiling_in_pages_ ? (end - start) >> kPageShift > ceiling_ : end - start > uint64_t{ceiling_} << kPageShift;
}

void TlbFlush::flush_tlb_all(const char* cause) {
  round({.scope = FlushScope::kAll, .entry = "flush_tlb_all", .cause = cause});
}

void TlbFlush::flush_tlb_kernel_range(VirtAddr start, VirtAddr end, const char* cause) {
  round({.scope = above_ceiling(start, end) ? FlushScope::kAll : FlushScope::kRange,
         .va = start,
         .end = end,
         .entry = "flush_tlb_kernel_range",
         .cause = cause});
}

void TlbFlush::cpa_flush(VirtAddr start, uint64_t pages) {
  if (pages > ceiling_) return flush_tlb_all("cpa_flush");
  FlushEvent flush{.scope = FlushScope::kRange,
                   .va = start,
                   .end = start + pages * kPageBytes,
                   .entry = "cpa_flush",
                   .cause = "cpa_flush"};
  flush.round = begin_round();
  flush.initiator = current();
  interrupt_all(flush);
}

void TlbFlush::flush_tlb_local(const char* cause) {
  FlushEvent flush{.scope = FlushScope::kAll, .entry = "__flush_tlb_all", .cause = cause};
  flush.initiator = flush.cpu = current();
  carry_out(flush);
  report(flush);
}

void TlbFlush::flush_all_nonglobals(const char* cause) {
  FlushEvent flush{.scope = FlushScope::kProcess, .entry = "invlpgb_flush_all_nonglobals", .cause = cause};
  flush.round = begin_round();
  flush.initiator = current();
  flush.user = true;
  broadcast(flush, [this] { memory_.invalidate(TlbInstruction::kInvpcidUser, VirtAddr(0)); });
  wait_for_broadcasts();
}

void TlbFlush::do_sync_core() {
  struct Serialise final : CpuWork {
    bool has_data() const override { return false; }
    void run(unsigned) override {}
  } work;
  calls_.on_each_cpu(work);
}

void TlbFlush::round(FlushEvent flush) {
  flush.round = begin_round();
  flush.initiator = current();
  if (broadcasts()) return broadcast_kernel(flush);
  interrupt_all(flush);
}

void TlbFlush::interrupt_all(FlushEvent& flush) {
  Work work(*this, flush);
  calls_.on_each_cpu(work);
}

/// [S-25] The broadcast reaches the calling CPU too: it executes no INVLPG of its own.
void TlbFlush::broadcast(FlushEvent flush, std::function<void()> remove) {
  flush.broadcast = true;
  const uint64_t most = cpu_.invlpgb_pages;
  const auto issued = static_cast<unsigned>(flush.scope == FlushScope::kRange ? (flush.pages() + most - 1) / most : 1);
  memory_.cpus()->broadcast(issued, [this, flush, issued, remove = std::move(remove)](unsigned cpu) {
    FlushEvent here = flush;
    here.cpu = cpu;
    if (cpu == flush.initiator) {
      here.invlpgb = issued;
      here.tlbsync = tlbsyncs();
    }
    remove();
    report(here);
  });
}

void TlbFlush::broadcast_kernel(const FlushEvent& flush) {
  broadcast(flush, [this, flush] {
    if (flush.scope == FlushScope::kAll) return memory_.invalidate(TlbInstruction::kInvpcidAll, VirtAddr(0));
    for (VirtAddr va = flush.va; va < flush.end; va += kPageBytes) memory_.invalidate(TlbInstruction::kInvlpg, va);
  });
  wait_for_broadcasts();
}

/// On the calling CPU; counts the instructions in `flush`.
void TlbFlush::carry_out(FlushEvent& flush) {
  if (flush.scope == FlushScope::kRange) {
    for (VirtAddr va = flush.va; va < flush.end; va += kPageBytes) flush_tlb_one_kernel(va, flush);
    return;
  }
  // native_flush_tlb_global [S-3]
  if (!cpu_.pge) {
    flush.cr3 = 1;
    memory_.invalidate(TlbInstruction::kCr3, VirtAddr(0));
  } else if (cpu_.invpcid) {
    flush.invpcid = 1;
    memory_.invalidate(TlbInstruction::kInvpcidAll, VirtAddr(0));
  } else {
    flush.cr4 = 2;
    memory_.invalidate(TlbInstruction::kCr4Pair, VirtAddr(0));
  }
}

void TlbFlush::flush_tlb_one_user(VirtAddr va, FlushEvent& flush) {
  ++flush.invlpg;
  memory_.invalidate(TlbInstruction::kInvlpg, va);
  if (!pti_ || !cpu_.pcid || !cpu_.pge) return;
  if (cpu_.invpcid) {
    ++flush.invpcid;
    memory_.invalidate(TlbInstruction::kInvpcidPage, va);
  } else {
    flush_user_half(flush.cpu);
  }
}

/// [S-4]
void TlbFlush::flush_tlb_one_kernel(VirtAddr va, FlushEvent& flush) {
  flush_tlb_one_user(va, flush);
  if (pti_) invalidate_other_[flush.cpu] = 1;
}

void TlbFlush::report(const FlushEvent& flush) {
  if (observer_ != nullptr) observer_->flush(flush);
}

}  // namespace mmusim::mm
