// SPDX-License-Identifier: MIT
#include "sim/explain/kernel_view.h"

#include <utility>

#include "mm/struct_page.h"

namespace mmusim {

namespace {

std::string region_of(const mm::Layout& layout, VirtAddr va) {
  if (static_cast<int64_t>(va.raw()) >= 0) return "user half";
  if (layout.in_vmemmap(va)) return "vmemmap";
  if (layout.in_direct_map(va)) return "direct map";
  if (layout.in_image(va)) return "kernel image, modules and fixmap";
  return "kernel half";
}

}  // namespace

std::string struct_page_field(unsigned offset) {
  using namespace mm::page_field;
  static constexpr std::pair<unsigned, const char*> kFields[] = {
      {kFlags, "flags"},        {kLruNext, "lru.next / compound_head"},
      {kLruPrev, "lru.prev"},   {kMapping, "mapping"},
      {kIndex, "index"},        {kPrivate, "private"},
      {kMapcount, "_mapcount"}, {kRefcount, "_refcount"},
      {kMemcg, "memcg_data"}};
  std::string name;
  for (const auto& [start, field] : kFields) {
    if (offset >= start && offset < kMemcg + 8) name = field;
  }
  return name;
}

KernelView kernel_view(const KernelKnowledge& kernel, VirtAddr va) {
  KernelView view;
  view.region = region_of(kernel.layout, va);
  if (!kernel.layout.in_vmemmap(va)) return view;
  KernelView::StructPage page;
  page.pfn = kernel.layout.page_to_pfn(va);
  page.offset = static_cast<unsigned>(va - kernel.layout.pfn_to_page(page.pfn));
  page.field = struct_page_field(page.offset);
  page.section = page.pfn.raw / mm::kPagesPerSection;
  for (const mm::MemoryRange& range : kernel.memory) {
    if (page.pfn < range.start || page.pfn >= range.end) continue;
    page.memory = true;
    if (kernel.nodes_known) page.node = range.node;
  }
  view.struct_page = page;
  return view;
}

}  // namespace mmusim
