// SPDX-License-Identifier: MIT
#include "mm/kernel.h"

#include "mm/parts.h"

namespace mmusim::mm {

Kernel::Kernel(const KernelConfig& config, const MemoryMap& map, KernelMemory& memory, Observer* observer)
    : parts_(std::make_unique<Parts>(config, map, memory, observer)) {}

Kernel::~Kernel() = default;

Errno Kernel::boot() {
  const Errno result = parts_->boot();
  for (unsigned i = 0; i < parts_->context.config.processes; ++i) {
    if (!create_process()) return Errno::kNoMemory;
  }
  return result;
}

std::optional<PhysAddr> Kernel::create_process() {
  Parts& p = *parts_;
  // With PTI the top-level table is two pages, kernel and user [P-13].
  const unsigned order = p.context.config.pti ? 1 : 0;
  const auto page = p.buddy.alloc_pages(order, 0, "pgd_alloc");
  if (!page) return std::nullopt;
  const PhysAddr pgd = address_of(*page);
  p.context.fill(p.context.layout.direct_map(pgd), 0, kPageBytes << order, "pgd_alloc");
  p.sync.add_process(pgd);
  return pgd;
}

std::optional<Pfn> Kernel::alloc_pages(unsigned order, unsigned node) {
  return parts_->buddy.alloc_pages(order, node, "alloc_pages_node");
}

void Kernel::free_pages(Pfn pfn, unsigned order) { parts_->buddy.free_pages(pfn, order, "__free_pages"); }

void Kernel::fail_allocation(const FailAllocation& fail) { parts_->context.fail_allocation(fail); }

const KernelConfig& Kernel::config() const { return parts_->context.config; }
const Layout& Kernel::layout() const { return parts_->context.layout; }
PhysAddr Kernel::root() const { return parts_->context.config.init_top_pgt_pa; }
bool Kernel::pfn_valid(Pfn pfn) { return parts_->sparse.pfn_valid(pfn); }
std::optional<VirtAddr> Kernel::section_entry(uint64_t section) const { return parts_->sparse.known_entry(section); }
std::optional<VirtAddr> Kernel::subsection_map_address(uint64_t section) {
  return parts_->sparse.subsection_map_address(section);
}
uint64_t Kernel::section_mem_map(uint64_t section) { return parts_->sparse.section_mem_map(section); }
uint64_t Kernel::subsection_map(uint64_t section) { return parts_->sparse.subsection_map(section); }

MemoryCounts Kernel::counts() const {
  const Parts& p = *parts_;
  MemoryCounts c;
  c.total_pages = p.buddy.managed_pages();
  c.free_pages = p.buddy.free_page_count();
  c.vmemmap_table_pages = p.allocator.table_pages();
  c.vmemmap_blocks_pages = p.allocator.block_pages();
  c.leaked_pages = p.allocator.leaked_pages();
  return c;
}

std::vector<TableEntry> Kernel::vmemmap_tables(const PhysMem& memory) const {
  const Layout& layout = parts_->context.layout;
  return dump_tables(memory, root(), layout.levels(), layout.vmemmap_base(), layout.vmemmap_bytes());
}

}  // namespace mmusim::mm
