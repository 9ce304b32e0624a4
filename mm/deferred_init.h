// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mm/buddy.h"
#include "mm/context.h"
#include "mm/kernel.h"
#include "mm/memblock.h"
#include "mm/memmap_init.h"

namespace mmusim::mm {

/// The struct-page initialisation that boot left [M-3], done by several cores at once.
///
/// One thread for each node, helped by padata workers: for each free range of memory a job, whose chunks (whole
/// sections, a quarter of a worker's share) the workers take in ascending order until none is left; the next range
/// begins when all are done [mm/mm_init.c: deferred_init_memmap; kernel/padata.c: padata_do_multithreaded].
/// Cores are dealt to the nodes in turns; if there are more nodes than cores, a core does its nodes one after the
/// other.
class DeferredInit final : public DeferredWork {
 public:
  DeferredInit(Context& context, const Memblock& memblock, MemmapInit& memmap_init, Buddy& buddy, unsigned workers);

  void work(unsigned worker) override;

  /// A free range, rounded up to sections at its end.
  struct Job {
    Pfn start;
    Pfn end;
    uint64_t chunk_pages;  ///< what a worker takes at a time; chunks end at multiples of it
    unsigned workers;      ///< so many of the node's share the work
    VirtAddr lock;         ///< its name; unlike that of any other lock
    unsigned done = 0;     ///< workers of the node that found nothing more to take
  };
  struct Node {
    unsigned node;
    Pfn first;             ///< where boot stopped
    Zone zone;             ///< all of it lies in the node's last zone
    unsigned workers = 0;  ///< cores that serve the node
    std::vector<Job> jobs;
  };
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  void find_jobs(Node& node);
  void run(Node& node, Job& job, unsigned rank);
  void init_chunk(const Node& node, Pfn start, Pfn end);
  Context& context_;
  const Memblock& memblock_;
  MemmapInit& memmap_init_;
  Buddy& buddy_;
  unsigned workers_;
  std::vector<Node> nodes_;
};

}  // namespace mmusim::mm
