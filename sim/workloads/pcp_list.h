// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "sim/workloads/page_stream.h"

namespace mmusim {

/// A CPU's list of free pages of order 0, last in, first out; refilled in batches from the buddy allocator and drained
/// to it [mm/page_alloc.c]. Emits what allocation and free touch (K9).
class PcpStream : public PageStream {
 protected:
  /// `run_order`: pages of a refill lie in runs of 2^run_order ascending frames; 0: memory is fragmented.
  PcpStream(const WorkloadContext& context, unsigned run_order) : PageStream(context), run_order_(run_order) {}

  Pfn allocate() {
    if (list_.empty()) refill();
    const Pfn pfn = list_.back();
    list_.pop_back();
    read(pfn, page_field::kLruNext);
    read(pfn, page_field::kLruPrev);
    list_delete(pfn, list_.empty() ? pfn : list_.back());
    write(pfn, page_field::kPrivate);
    write(pfn, page_field::kRefcount, 4);
    modify(pfn, page_field::kFlags);
    return pfn;
  }
  void free(Pfn pfn) {
    read(pfn, page_field::kLruNext);
    read(pfn, page_field::kMapping);
    read(pfn, page_field::kMapcount, 4);
    read(pfn, page_field::kRefcount, 4);
    modify(pfn, page_field::kFlags);
    write(pfn, page_field::kPrivate);
    list_insert(pfn, list_.empty() ? pfn : list_.back());
    list_.push_back(pfn);
    if (list_.size() > kHigh) list_.erase(list_.begin(), list_.begin() + static_cast<ptrdiff_t>(kBatchPages));
  }

 private:
  static constexpr size_t kBatchPages = 63;  // pcp->batch of a zone of some GiB
  static constexpr size_t kHigh = 6 * kBatchPages;

  void refill() {
    const uint64_t run = uint64_t{1} << run_order_;
    while (list_.size() < kBatchPages) {
      const Pfn start(random_pfn().raw & ~(run - 1));
      for (uint64_t i = run; i > 0 && list_.size() < kBatchPages; --i) {
        if (space().contains(start + (i - 1))) list_.push_back(start + (i - 1));
      }
    }
  }

  unsigned run_order_;
  std::vector<Pfn> list_;
};

}  // namespace mmusim
