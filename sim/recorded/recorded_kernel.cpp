// SPDX-License-Identifier: MIT
#include "sim/recorded/recorded_kernel.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "mm/kernel.h"
#include "mm/release.h"
#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/recorded/guest_machine.h"
#include "sim/recorded/recorded_release.h"
#include "sim/recorded/recorded_stages.h"
#include "sim/recorded/resource_tree.h"

namespace mmusim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

using mm::kSectionBytes;
constexpr uint64_t kStructPageBytes = 64;
constexpr uint64_t kMemSectionBytes = 32;  // with CONFIG_PAGE_EXTENSION, as distributions build it
constexpr uint64_t kCr4Pse = uint64_t{1} << 4;
constexpr uint64_t kCr4Pge = uint64_t{1} << 7;
constexpr uint64_t kEferNxe = uint64_t{1} << 11;

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

/// Reads the dump and says, with a JSON pointer, what is missing.
class Dump {
 public:
  Dump(const json& root, std::string name) : root_(root), name_(std::move(name)) {
    if (!root.is_object() || !root.contains("stages")) {
      fail("", "expected a recorded kernel: an object with \"stages\", as in oracle/pagetables");
    }
  }

  [[noreturn]] void fail(const std::string& pointer, const std::string& what) const {
    throw InputError(fmt::format("{}: {}: {}", name_, pointer.empty() ? "/" : pointer, what));
  }
  const json& at(const std::string& pointer) const {
    const json::json_pointer p(pointer);
    if (!root_.contains(p)) fail(pointer, "missing, a scenario cannot be derived without it");
    return root_.at(p);
  }
  bool has(const std::string& pointer) const { return root_.contains(json::json_pointer(pointer)); }
  std::string text(const std::string& pointer) const {
    const json& value = at(pointer);
    if (!value.is_string()) fail(pointer, "expected a string");
    return value.get<std::string>();
  }
  uint64_t number(const std::string& pointer) const {
    const json& value = at(pointer);
    if (value.is_number_unsigned()) return value.get<uint64_t>();
    if (value.is_string()) {
      if (const auto n = parse_number(value.get_ref<const std::string&>())) return *n;
    }
    fail(pointer, "expected a non-negative integer or a hex string");
  }
  uint64_t number_or(const std::string& pointer, uint64_t otherwise) const {
    return has(pointer) ? number(pointer) : otherwise;
  }
  const json& array(const std::string& pointer) const {
    const json& value = at(pointer);
    if (!value.is_array()) fail(pointer, "expected an array");
    return value;
  }
  std::vector<std::string> texts(const std::string& pointer) const {
    std::vector<std::string> out;
    if (!has(pointer)) return out;
    for (size_t i = 0; i < array(pointer).size(); ++i) out.push_back(text(fmt::format("{}/{}", pointer, i)));
    return out;
  }

 private:
  const json& root_;
  std::string name_;
};

std::vector<BootRange> boot_ranges(const Dump& dump) {
  std::vector<BootRange> ranges;
  for (size_t i = 0; i < dump.array("/boot_memory_ranges").size(); ++i) {
    const std::string at = fmt::format("/boot_memory_ranges/{}", i);
    const uint64_t start = dump.number(at + "/pfn_start");
    const uint64_t end = dump.number(at + "/pfn_end");
    constexpr uint64_t kMaxPfn = uint64_t{1} << 40;
    if (start >= end || end > kMaxPfn) dump.fail(at, "expected pfn_start < pfn_end <= 2^40");
    ranges.push_back(
        {{address_of(Pfn(start)), address_of(Pfn(end))}, static_cast<unsigned>(dump.number(at + "/node"))});
  }
  if (ranges.empty()) dump.fail("/boot_memory_ranges", "expected at least one range");
  return ranges;
}

std::vector<MemoryBlock> blocks_of(const Dump& dump, const std::string& list) {
  std::vector<MemoryBlock> blocks;
  if (!dump.has(list)) return blocks;
  for (size_t i = 0; i < dump.array(list).size(); ++i) {
    const std::string at = fmt::format("{}/{}", list, i);
    // A block that spans nodes has several or none, and none of the zones it could be onlined to.
    const std::string node = dump.has(at + "/2") ? dump.text(at + "/2") : "";
    const std::string zones = dump.has(at + "/3") ? dump.text(at + "/3") : "";
    blocks.push_back(
        {dump.number(at + "/0"), dump.text(at + "/1"), static_cast<unsigned>(parse_number(node).value_or(0)), zones});
  }
  return blocks;
}

std::vector<RecordedStage> stages_of(const Dump& dump) {
  std::vector<RecordedStage> stages;
  for (size_t i = 0; i < dump.array("/stages").size(); ++i) {
    const std::string at = fmt::format("/stages/{}", i);
    RecordedStage stage;
    stage.name = dump.text(at + "/stage");
    stage.actions = dump.texts(at + "/actions");
    stage.action_output = dump.texts(at + "/action_output");
    stage.resources = parse_resources(dump.texts(at + "/iomem"), at + "/iomem");
    stage.blocks = blocks_of(dump, at + "/memory_blocks");
    if (dump.has(at + "/hugetlb_folios") && !dump.at(at + "/hugetlb_folios").is_null()) {
      stage.folios.emplace();
      for (size_t f = 0; f < dump.array(at + "/hugetlb_folios").size(); ++f) {
        const std::string folio = fmt::format("{}/hugetlb_folios/{}", at, f);
        stage.folios->insert({dump.number(folio + "/0"), dump.number(folio + "/1")});
      }
    }
    stages.push_back(std::move(stage));
  }
  if (stages.empty()) dump.fail("/stages", "expected at least one stage");
  return stages;
}

/// Gigantic pages that boot took from memblock, in order of allocation. Recordings list what the function that takes
/// them allocated, which may have been something else.
std::vector<PhysRange> boot_hugetlb_of(const Dump& dump, std::vector<std::string>& notes) {
  std::vector<PhysRange> pages;
  if (!dump.has("/boot_hugetlb") || dump.at("/boot_hugetlb").is_null()) return pages;
  const size_t count = dump.array("/boot_hugetlb").size();
  for (size_t i = 0; i < count; ++i) {
    const std::string at = fmt::format("/boot_hugetlb/{}", i);
    const PhysRange page{PhysAddr(dump.number(at + "/0")), PhysAddr(dump.number(at + "/1"))};
    const bool gigantic = page.start.is_aligned(kGiB) && page.end == page.start + kGiB;
    if (gigantic) pages.push_back(page);
  }
  if (pages.size() != count) {
    notes.push_back(fmt::format("boot_hugetlb: {} of {} entries are no page of 1 GiB and are left out",
                                count - pages.size(), count));
  }
  return pages;
}

std::vector<PhysRange> reserved_of(const Dump& dump) {
  std::vector<PhysRange> reserved;
  for (size_t i = 0; i < dump.array("/boot_reserved").size(); ++i) {
    const std::string at = fmt::format("/boot_reserved/{}", i);
    reserved.push_back({PhysAddr(dump.number(at + "/0")), PhysAddr(dump.number(at + "/1"))});
  }
  return reserved;
}

ordered_json memory_json(const Dump& dump, const std::vector<BootRange>& ranges,
                         const std::vector<PhysRange>& boot_hugetlb) {
  ordered_json memory;
  for (const BootRange& r : ranges) {
    memory["ranges"].push_back(
        {{"start", hex(r.range.start.raw())}, {"end", hex(r.range.end.raw())}, {"node", r.node}});
  }
  memory["reserved"] = ordered_json::array();
  // From 6.15 on the gigantic pages are among the reserved ranges.
  for (const PhysRange& range : without(reserved_of(dump), boot_hugetlb)) {
    memory["reserved"].push_back({{"start", hex(range.start.raw())}, {"end", hex(range.end.raw())}});
  }
  for (const PhysRange& page : boot_hugetlb) {
    memory["boot_hugetlb"].push_back({{"start", hex(page.start.raw())}, {"end", hex(page.end.raw())}});
  }
  for (const NodeData& data : node_data_of(dump.texts("/stages/0/dmesg"))) {
    memory["node_data"].push_back({{"node", data.node}, {"start", hex(data.range.start.raw())}});
  }
  memory["early_tables"] = "inside_reserved";
  return memory;
}

/// The release of "6.12.117+deb12-amd64 #1 SMP ...": its first word.
std::string release_of(const Dump& dump) {
  const std::string text = dump.text("/kernel");
  return text.substr(0, text.find(' '));
}

/// Computes phys_base, the place where KASLR put the image, from the physical and the run-time virtual address of
/// init_top_pgt. 0 if the symbol is not recorded.
uint64_t kernel_phys_base(const Dump& dump) {
  constexpr uint64_t kStartKernelMap = 0xffffffff80000000;
  const std::string symbol = "/symbols/init_top_pgt";
  if (!dump.has(symbol) || dump.at(symbol).is_null()) return 0;
  const uint64_t va = dump.number(symbol);
  if (va < kStartKernelMap) dump.fail(symbol, "expected an address of the kernel image, from 0xffffffff80000000 up");
  return dump.number("/init_top_pgt_pa") - (va - kStartKernelMap);  // modulo 2^64
}

ordered_json kernel_json(const Dump& dump, const GuestMachine& machine, const std::vector<RecordedStage>& stages,
                         std::vector<std::string>& notes) {
  ordered_json kernel;
  if (!put_release(release_of(dump), kernel, notes)) {
    dump.fail("/kernel", "expected a kernel release such as \"6.1.0-56-amd64\"");
  }
  if (dump.number_or("/section_size", kSectionBytes) != kSectionBytes) {
    dump.fail("/section_size", "expected 134217728 (128 MiB)");
  }
  const bool nx = (dump.number_or("/stages/0/regs/efer", kEferNxe) & kEferNxe) != 0;
  const uint64_t cr4 = dump.number_or("/stages/0/regs/cr4", kCr4Pse | kCr4Pge);
  kernel["levels"] = dump.number("/stages/0/levels");
  for (const char* base : {"vmemmap_base", "page_offset_base"}) {
    const std::string at = std::string("/stages/0/") + base;
    if (dump.has(at)) kernel[base] = hex(dump.number(at));
  }
  kernel["init_top_pgt_pa"] = hex(dump.number("/init_top_pgt_pa"));
  if (const uint64_t base = kernel_phys_base(dump); base != 0) kernel["kernel_phys_base"] = hex(base);
  kernel["struct_page_bytes"] = dump.number_or("/struct_page_size", kStructPageBytes);
  kernel["mem_section_bytes"] = dump.number_or("/mem_section_bytes", kMemSectionBytes);
  // The kernel asks CPUID; its start-up code sets the bits in CR4 without asking, which ones depends on the version.
  kernel["cpu"] = {{"pse", machine.pse && (cr4 & kCr4Pse) != 0},
                   {"pge", machine.pge && (cr4 & kCr4Pge) != 0},
                   {"gbpages", machine.gbpages},
                   {"nx", machine.nx && nx}};
  kernel["pti"] = machine.pti;
  kernel["memmap_on_memory"] = machine.memmap_on_memory;
  kernel["hvo"] = machine.hvo || std::any_of(stages.begin(), stages.end(), [](const RecordedStage& stage) {
                    return stage.folios && !stage.folios->empty();
                  });
  kernel["numa_distance"] = machine.distances;
  return kernel;
}

FolioOrder folio_order(const Dump& dump) {
  const auto profile = mm::profile_of_release(release_of(dump));
  mm::KernelConfig kernel;
  kernel.version = profile->version;
  kernel.overrides = profile->overrides;
  return mm::effective_profile(kernel).hvo_batches ? FolioOrder::kLastFirst : FolioOrder::kAsAllocated;
}

}  // namespace

DerivedScenario scenario_from_dump(const json& root, const std::string& name) {
  const Dump dump(root, name);
  DerivedScenario out;
  const std::vector<BootRange> ranges = boot_ranges(dump);
  const std::string cpu = dump.has("/cpu") ? dump.text("/cpu") : "max";
  GuestMachine machine = read_guest_machine(dump.texts("/qemu_args"), cpu, dump.text("/cmdline"),
                                            dump.texts("/stages/0/dmesg"), ranges, out.notes);
  const std::vector<RecordedStage> stages = stages_of(dump);
  ordered_json scenario;
  scenario["name"] = dump.has("/name") ? dump.text("/name") : std::filesystem::path(name).stem().string();
  scenario["description"] = fmt::format("As recorded: kernel {}, {}", dump.text("/kernel"), machine.description);
  // The processor of a recording is an emulated one; Zen 3 stands for it, Zen 4 where five levels are needed.
  scenario["platform"] = dump.number("/stages/0/levels") == 5 ? "genoa" : "milan";
  scenario["kernel"] = kernel_json(dump, machine, stages, out.notes);
  const std::vector<PhysRange> boot_hugetlb = boot_hugetlb_of(dump, out.notes);
  scenario["memory"] = memory_json(dump, ranges, boot_hugetlb);
  scenario["phases"] =
      phases_of(stages, ranges, boot_hugetlb, mm::probe_memory_block_size(ranges.back().range.end, /*hypervisor=*/true),
                folio_order(dump));
  out.json = scenario.dump(2) + "\n";
  return out;
}

}  // namespace mmusim
