// SPDX-License-Identifier: MIT
#include "mm/deferred_init.h"

#include <algorithm>

#include "mm/section_math.h"

namespace mmusim::mm {

namespace {

constexpr uint64_t kMaxOrderPages = uint64_t{1} << kMaxPageOrder;
constexpr uint64_t kChunksOfWorker = 4;  // load_balance_factor

constexpr uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

/// Pages that are whole within a free range of memblock.
struct FreePages {
  Pfn start;
  Pfn end;
};
FreePages whole_pages(PhysAddr start, PhysAddr end) { return {pfn_of(start.align_up(kPageBytes)), pfn_of(end)}; }

}  // namespace

DeferredInit::DeferredInit(Context& context, const Memblock& memblock, MemmapInit& memmap_init, Buddy& buddy,
                           unsigned workers)
    : context_(context), memblock_(memblock), memmap_init_(memmap_init), buddy_(buddy), workers_(workers) {
  for (const ZoneSpan& span : memmap_init_.zones()) {
    const auto first = memmap_init_.first_deferred(span.node);
    if (first && span.start <= *first && *first < span.end) nodes_.push_back({span.node, *first, span.zone, 0, {}});
  }
  const auto count = static_cast<unsigned>(nodes_.size());
  for (unsigned i = 0; i < count; ++i) {
    nodes_[i].workers = workers_ < count ? 1 : workers_ / count + (i < workers_ % count ? 1 : 0);
    find_jobs(nodes_[i]);
  }
}

void DeferredInit::find_jobs(Node& node) {
  Pfn from = node.first;
  memblock_.for_each_free([&](PhysAddr start_pa, PhysAddr end_pa, unsigned owner) {
    const auto [start, end] = whole_pages(start_pa, end_pa);
    if (owner != node.node || end <= from || start >= end) return;
    const Pfn first = std::max(start, from);
    const Pfn aligned_end(round_up(end.raw, kPagesPerSection));
    const uint64_t pages = aligned_end - first;
    Job job{first, aligned_end, 0, 0, VirtAddr(uint64_t{node.node} << 32 | node.jobs.size()), 0};
    job.workers =
        static_cast<unsigned>(std::min<uint64_t>(std::max<uint64_t>(pages / kPagesPerSection, 1), node.workers));
    const uint64_t share = std::max(pages / (job.workers * kChunksOfWorker), kPagesPerSection);
    job.chunk_pages = job.workers == 1 ? pages : round_up(share, kPagesPerSection);
    node.jobs.push_back(job);
    from = aligned_end;
  });
}

void DeferredInit::work(unsigned worker) {
  const auto count = static_cast<unsigned>(nodes_.size());
  for (unsigned i = 0; i < count; ++i) {
    const bool mine = workers_ < count ? i % workers_ == worker : worker % count == i;
    if (!mine) continue;
    const unsigned rank = workers_ < count ? 0 : worker / count;
    for (Job& job : nodes_[i].jobs) run(nodes_[i], job, rank);
    memmap_init_.finish_deferred(nodes_[i].node);
  }
}

void DeferredInit::run(Node& node, Job& job, unsigned rank) {
  KernelMemory& memory = context_.memory();
  memory.lock(job.lock);
  while (rank < job.workers && job.start < job.end) {
    const Pfn start = job.start;
    const uint64_t boundary = job.workers == 1 ? job.end.raw : round_up(start.raw + 1, job.chunk_pages);
    const Pfn end(std::min(boundary, job.end.raw));
    job.start = end;
    memory.unlock(job.lock);
    init_chunk(node, start, end);
    memory.lock(job.lock);
  }
  if (++job.done == node.workers) memory.wake(job.lock);
  while (job.done != node.workers) memory.sleep(job.lock);
  memory.unlock(job.lock);
}

/// deferred_init_memmap_chunk: of each 1024 pages the free ones are first all initialised, then freed; reserved pages
/// were initialised when they were reserved.
void DeferredInit::init_chunk(const Node& node, Pfn start, Pfn end) {
  const auto for_each_free = [&](Pfn from, Pfn to, auto&& fn) {
    memblock_.for_each_free([&](PhysAddr start_pa, PhysAddr end_pa, unsigned owner) {
      const auto [first, last] = whole_pages(start_pa, end_pa);
      if (owner == node.node && std::max(first, from) < std::min(last, to))
        fn(std::max(first, from), std::min(last, to));
    });
  };
  for (Pfn block = start; block < end;) {
    const Pfn next = std::min(end, Pfn(round_up(block.raw + 1, kMaxOrderPages)));
    for_each_free(block, next, [&](Pfn first, Pfn last) {
      memmap_init_.memmap_init_range(first, last, node.node, node.zone, MemmapInit::Kind::kEarly);
    });
    for_each_free(block, next, [&](Pfn first, Pfn last) {
      for_each_aligned_block(first, last, [&](Pfn pfn, unsigned order) { buddy_.free_pages_core(pfn, order); });
    });
    block = next;
  }
}

}  // namespace mmusim::mm
