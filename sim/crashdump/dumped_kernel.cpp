// SPDX-License-Identifier: MIT
#include "sim/crashdump/dumped_kernel.h"

#include <algorithm>

#include "sim/crashdump/virtual_reader.h"

namespace mmusim {

namespace {

constexpr uint64_t kSectionShift = 27;  // SECTION_SIZE_BITS of x86-64
constexpr uint64_t kMostSections = uint64_t{1} << (52 - kSectionShift);
constexpr uint64_t kMostNodes = 1024;

uint64_t needed(const CrashDump& dump, std::optional<uint64_t> value, const char* what) {
  if (!value) throw InputError(fmt::format("{}: VMCOREINFO lacks {}", dump.path(), what));
  return *value;
}

VirtAddr needed(const CrashDump& dump, std::optional<VirtAddr> value, const char* what) {
  return VirtAddr(needed(dump, value ? std::optional(value->raw()) : std::nullopt, what));
}

/// mem_section: an array of pointers to pages of section structures (CONFIG_SPARSEMEM_EXTREME).
void read_sections(const VirtualReader& reader, DumpedKernel& kernel) {
  constexpr uint64_t kPresent = 1, kHasMemMap = 2, kEarly = 8, kDevice = 16;  // from 5.3 on
  constexpr uint64_t kFlags = kPageBytes - 1;
  const CrashDump& dump = reader.dump();
  const VirtAddr roots = needed(dump, dump.symbol("mem_section"), "SYMBOL(mem_section)");
  const uint64_t count = needed(dump, dump.length("mem_section"), "LENGTH(mem_section)");
  const uint64_t bytes = needed(dump, dump.size("mem_section"), "SIZE(mem_section)");
  const uint64_t at = needed(dump, dump.offset("mem_section.section_mem_map"), "OFFSET(mem_section.section_mem_map)");
  if (dump.number("SECTION_SIZE_BITS").value_or(kSectionShift) != kSectionShift || bytes == 0 || bytes > kPageBytes ||
      count * (kPageBytes / bytes) > kMostSections) {
    throw InputError(dump.path() + ": VMCOREINFO: impossible sections");
  }
  kernel.mem_section_bytes = static_cast<unsigned>(bytes);
  const uint64_t per_root = kPageBytes / bytes;
  for (uint64_t i = 0; i < count; ++i) {
    const auto root = reader.value<uint64_t>(roots + 8 * i, "mem_section");
    if (root == 0) continue;
    for (uint64_t j = 0; j < per_root; ++j) {
      const auto map = reader.value<uint64_t>(VirtAddr(root) + (j * bytes + at), "a section");
      if ((map & kPresent) == 0 || (map & kHasMemMap) == 0) continue;
      // The map is coded as the address that the struct page of page frame 0 would have: the start of the vmemmap.
      const VirtAddr base(map & ~kFlags);
      if (!kernel.sections.empty() && base != kernel.vmemmap_base) {
        throw InputError(fmt::format("{}: section {} has its struct pages elsewhere than the others: no vmemmap",
                                     dump.path(), i * per_root + j));
      }
      kernel.vmemmap_base = base;
      kernel.sections.push_back({i * per_root + j, (map & kEarly) != 0, (map & kDevice) != 0});
    }
  }
  if (kernel.sections.empty()) throw InputError(dump.path() + ": no section of memory in the dump");
  // The structures lie in the direct map.
  const auto place = reader.translate(roots);
  constexpr uint64_t kBaseAlign = uint64_t{1} << 30;
  if (place && (roots.raw() - place->raw()) % kBaseAlign == 0)
    kernel.page_offset_base = VirtAddr(roots.raw() - place->raw());
}

void read_nodes(const VirtualReader& reader, DumpedKernel& kernel) {
  const CrashDump& dump = reader.dump();
  const auto table = dump.symbol("node_data");
  const auto length = dump.length("node_data");
  if (!table || !length) return;  // a kernel without NUMA
  const uint64_t id = needed(dump, dump.offset("pglist_data.node_id"), "OFFSET(pglist_data.node_id)");
  const uint64_t start = needed(dump, dump.offset("pglist_data.node_start_pfn"), "OFFSET(pglist_data.node_start_pfn)");
  const uint64_t pages =
      needed(dump, dump.offset("pglist_data.node_spanned_pages"), "OFFSET(pglist_data.node_spanned_pages)");
  for (uint64_t i = 0; i < std::min(*length, kMostNodes); ++i) {
    const auto data = reader.value<uint64_t>(*table + 8 * i, "node_data");
    if (data == 0) continue;
    DumpedNode node;
    node.node = static_cast<unsigned>(reader.value<int32_t>(VirtAddr(data) + id, "a node's number"));
    node.start = Pfn(reader.value<uint64_t>(VirtAddr(data) + start, "a node's first page"));
    node.pages = reader.value<uint64_t>(VirtAddr(data) + pages, "a node's pages");
    if (const auto place = reader.translate(VirtAddr(data))) node.data = *place;
    kernel.nodes.push_back(node);
  }
}

}  // namespace

bool VirtualReader::read(VirtAddr at, std::span<std::byte> to) const {
  while (!to.empty()) {
    const size_t part = std::min<size_t>(to.size(), kPageBytes - (at.raw() & (kPageBytes - 1)));
    const auto place = translate_(at);
    if (!place) return false;
    if (!dump_.read(*place, to.first(part))) {
      std::fill_n(to.begin(), part, std::byte{0});
      ++missing_;
    }
    to = to.subspan(part);
    at += part;
  }
  return true;
}

DumpedKernel read_dumped_kernel(const CrashDump& dump, PhysMem& memory) {
  DumpedKernel kernel;
  kernel.root = kernel_root(dump);
  TableCopier(dump, memory).copy(kernel.root.root, kernel.root.levels);
  PageTableImage own;
  ControlRegisters registers;
  registers.cr3 = kernel.root.root.raw();
  if (kernel.root.levels == 5) registers.cr4 |= kCr4La57;
  ProcessorTraits traits;
  traits.phys_bits = kMaxPhysBits;
  own.control = ControlState(registers, traits);
  const VirtualReader reader(dump, pure_translation(own, memory));
  if (const auto text = dump.symbol("_stext")) kernel.image_text = *text;
  kernel.struct_page_bytes = static_cast<unsigned>(dump.size("page").value_or(kernel.struct_page_bytes));
  read_sections(reader, kernel);
  read_nodes(reader, kernel);
  kernel.log = dumped_log(reader);
  kernel.missing_pages = reader.missing();
  return kernel;
}

}  // namespace mmusim
