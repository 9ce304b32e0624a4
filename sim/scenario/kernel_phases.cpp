// SPDX-License-Identifier: MIT
#include "sim/scenario/kernel_phases.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace mmusim {

KernelPhases::KernelPhases(mm::Kernel& kernel, const std::vector<Phase>& phases) : kernel_(kernel) {
  for (const Phase& phase : phases) {
    if (std::holds_alternative<HugetlbInitPhase>(phase.what)) boot_does_hugetlb_init_ = false;
    const auto* hugetlb = std::get_if<HugetlbPhase>(&phase.what);
    if (hugetlb == nullptr) continue;
    named_folios_.insert(named_folios_.end(), hugetlb->optimise.begin(), hugetlb->optimise.end());
  }
}

mm::Errno KernelPhases::run(const Phase& phase) {
  if (phase.fail_allocation) kernel_.fail_allocation(*phase.fail_allocation);
  return std::visit([this](const auto& what) { return carry_out(what); }, phase.what);
}

mm::Errno KernelPhases::carry_out(const BootPhase&) {
  const mm::Errno result = kernel_.boot();
  if (!mm::ok(result)) return result;
  kernel_.hugetlb_claim(named_folios_);
  const bool gigantic = !kernel_.boot_folios().empty();
  return gigantic && boot_does_hugetlb_init_ ? kernel_.hugetlb_init() : result;
}

mm::Errno KernelPhases::one_piece(const MemoryPhase& phase, PhysAddr start, uint64_t bytes) {
  const uint64_t block = kernel_.memory_block_bytes();
  const bool whole_blocks = start.is_aligned(block) && bytes % block == 0;
  switch (phase.kind) {
    case MemoryPhase::Kind::kHotAdd:
      return whole_blocks ? kernel_.hot_add(start, bytes, phase.node, phase.memmap_on_memory)
                          : kernel_.add_pages(start, bytes, phase.node);
    case MemoryPhase::Kind::kOnline:
      return kernel_.online(start, bytes, phase.zone);
    case MemoryPhase::Kind::kOffline:
      return kernel_.offline(start, bytes);
    case MemoryPhase::Kind::kHotRemove:
      return whole_blocks ? kernel_.hot_remove(start, bytes) : kernel_.remove_pages(start, bytes);
  }
  return mm::Errno::kInvalid;
}

mm::Errno KernelPhases::carry_out(const MemoryPhase& phase) {
  const uint64_t step = phase.step == 0 ? phase.bytes : phase.step;
  for (uint64_t done = 0; done < phase.bytes; done += step) {
    const mm::Errno result = one_piece(phase, phase.start + done, step);
    if (!mm::ok(result)) return result;
  }
  return mm::Errno::kSuccess;
}

mm::Errno KernelPhases::optimise(const std::vector<mm::Folio>& folios, bool surplus) {
  if (!surplus) return kernel_.hugetlb_optimize(folios);
  mm::Errno result = mm::Errno::kSuccess;
  for (const mm::Folio& folio : folios) {
    if (const mm::Errno e = kernel_.hugetlb_optimize_one(folio); !mm::ok(e)) result = e;
  }
  return result;
}

mm::Errno KernelPhases::restore_and_free(const std::vector<mm::Folio>& folios, bool surplus) {
  if (!surplus) {
    const mm::Errno result = kernel_.hugetlb_restore(folios);
    if (mm::ok(result)) kernel_.hugetlb_free(folios);
    return result;
  }
  for (const mm::Folio& folio : folios) {
    if (const mm::Errno result = kernel_.hugetlb_restore_one(folio); !mm::ok(result)) return result;
    kernel_.hugetlb_free(std::span(&folio, 1));
  }
  return mm::Errno::kSuccess;
}

mm::Errno KernelPhases::carry_out(const HugetlbPhase& phase) {
  if (!phase.restore.empty()) {
    if (const mm::Errno result = restore_and_free(phase.restore, phase.surplus); !mm::ok(result)) return result;
  }
  if (phase.free != 0) {
    const size_t count = std::min<size_t>(phase.free, allocated_.size());
    const std::vector<mm::Folio> last(allocated_.end() - static_cast<ptrdiff_t>(count), allocated_.end());
    if (const mm::Errno result = restore_and_free(last, phase.surplus); !mm::ok(result)) return result;
    allocated_.resize(allocated_.size() - count);
  }
  if (!phase.optimise.empty()) {
    kernel_.hugetlb_claim(phase.optimise);
    if (const mm::Errno result = optimise(phase.optimise, phase.surplus); !mm::ok(result)) return result;
  }
  for (const mm::Folio& folio : phase.demote) {
    kernel_.hugetlb_claim(std::span(&folio, 1));
    std::vector<mm::Folio> small;
    if (const mm::Errno result = kernel_.hugetlb_demote(folio, small); !mm::ok(result)) return result;
    std::erase_if(allocated_, [&](const mm::Folio& f) { return f.head == folio.head; });
    allocated_.insert(allocated_.end(), small.begin(), small.end());
  }
  if (phase.allocate != 0) {
    const std::vector<mm::Folio> folios = phase.scattered
                                              ? kernel_.hugetlb_alloc_scattered(phase.order, phase.allocate, phase.node)
                                              : kernel_.hugetlb_alloc(phase.order, phase.allocate, phase.node);
    allocated_.insert(allocated_.end(), folios.begin(), folios.end());
    if (const mm::Errno result = optimise(folios, phase.surplus); !mm::ok(result)) return result;
  }
  return mm::Errno::kSuccess;
}

mm::Errno KernelPhases::protect(const Area& area, mm::MemoryProtection protection) {
  return kernel_.set_memory(address_of(area.first), area.pages, protection, area.alias);
}

mm::Errno KernelPhases::prepare(const ProcessPhase& phase, unsigned threads) {
  if (process_ == nullptr) process_ = kernel_.start_process();
  if (process_ == nullptr) return mm::Errno::kNoMemory;
  kernel_.run_threads(*process_, threads);
  if (phase.asleep) kernel_.run_threads(*process_, 1);
  if (phase.heap <= heap_) return mm::Errno::kSuccess;
  const VirtAddr first = ProcessPhase::kHeap + std::exchange(heap_, phase.heap);
  return kernel_.touch_user_memory(*process_, first, (ProcessPhase::kHeap + phase.heap - first) >> kPageShift);
}

mm::Errno KernelPhases::carry_out(const ProcessPhase& phase) {
  const uint64_t bytes = phase.pages * kPageBytes;
  next_area_ = next_area_.align_up(mm::kPmdBytes);
  for (uint64_t i = 0; i < phase.repeat; ++i) {
    if (ProcessPhase::kHeap - next_area_ < bytes) return mm::Errno::kNoMemory;
    if (const mm::Errno e = kernel_.touch_user_memory(*process_, next_area_, phase.pages); !mm::ok(e)) return e;
    if (const mm::Errno e = kernel_.change_user_memory(*process_, phase.operation, next_area_, phase.pages); !mm::ok(e))
      return e;
    if (phase.operation == mm::UserOperation::kProtect) next_area_ += bytes;
  }
  if (phase.operation == mm::UserOperation::kDontNeed) next_area_ += bytes;
  return mm::Errno::kSuccess;
}

mm::Errno KernelPhases::carry_out(const SetMemoryPhase& phase) {
  for (uint64_t i = 0; i < phase.free && !areas_.empty(); ++i) {
    const Area area = areas_.back();
    if (const mm::Errno result = protect(area, mm::MemoryProtection::kWritable); !mm::ok(result)) return result;
    kernel_.free_pages(area.first, area.order);
    areas_.pop_back();
  }
  const auto order = static_cast<unsigned>(std::bit_width(phase.pages - 1));
  std::vector<Pfn> taken;
  if (phase.scattered) taken = kernel_.alloc_pages_scattered(order, phase.allocate, phase.node);
  for (uint64_t i = 0; !phase.scattered && i < phase.allocate; ++i) {
    const auto pfn = kernel_.alloc_pages(order, phase.node);
    if (!pfn) break;
    taken.push_back(*pfn);
  }
  for (const Pfn first : taken) {
    areas_.push_back({first, phase.pages, order, phase.alias});
    if (const mm::Errno result = protect(areas_.back(), mm::MemoryProtection::kReadOnly); !mm::ok(result))
      return result;
  }
  return taken.size() == phase.allocate ? mm::Errno::kSuccess : mm::Errno::kNoMemory;
}

}  // namespace mmusim
