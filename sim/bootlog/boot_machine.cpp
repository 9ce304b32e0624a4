// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "mm/layout.h"
#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/bootlog/evidence.h"
#include "sim/bootlog/kernel_image.h"
#include "sim/bootlog/log_text.h"
#include "sim/bootlog/processors.h"
#include "sim/recorded/recorded_release.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

constexpr PhysAddr kLinkedAt{16 * kMiB};  // where the image lies if kernel_phys_base is 0
constexpr uint64_t kFourLevelBytes = uint64_t{1} << 46;
constexpr unsigned kUsualStructPage = 64;

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

/// The platform, or the next generation of its vendor if it cannot walk that many levels.
std::string platform_with_levels(const std::string& platform, unsigned levels, std::vector<std::string>& notes) {
  const bool amd = platform == "rome" || platform == "milan";
  if (levels < 5 || !(amd || platform == "skylake-sp" || platform == "cascade-lake")) return platform;
  const std::string next = amd ? "genoa" : "icelake-sp";
  notes.push_back(fmt::format("{} has 4 levels of page tables, the kernel uses 5: simulated as {}", platform, next));
  return next;
}

std::string platform_of(const ProcessorFact& processor, unsigned levels, std::vector<std::string>& notes) {
  const PlatformChoice choice = choose_platform(processor);
  if (processor.name.empty() && !processor.family && processor.events.empty()) {
    notes.push_back("no \"CPU0:\" line in the log: the processor is simulated as milan");
  } else if (!choice.own) {
    notes.push_back(fmt::format("processor \"{}\"{} has no platform of its own: simulated as its relative {} ({})",
                                processor.name, choice.core.empty() ? "" : ", " + choice.core + ",", choice.platform,
                                choice.reason));
  }
  return platform_with_levels(choice.platform, levels, notes);
}

/// Bytes of a struct page, by the zone that tells its pages and those of its memmap; 0 if none tells.
unsigned struct_page_bytes(const BootFacts& facts) {
  constexpr uint64_t kFewestPages = 32768;
  constexpr unsigned kLargest = 256;
  std::vector<ZoneFact> zones = facts.zones;
  std::sort(zones.begin(), zones.end(), [](const ZoneFact& a, const ZoneFact& b) { return a.pages > b.pages; });
  for (const ZoneFact& z : zones) {
    if (z.pages < kFewestPages || z.memmap == 0) continue;
    for (const uint64_t pages : {z.pages, z.pages + z.memmap + z.reserved}) {
      for (unsigned bytes = 32; bytes <= kLargest; bytes += 8) {
        const uint64_t memmap = (pages * bytes + kPageBytes - 1) / kPageBytes;
        if (memmap <= z.memmap + 1 && z.memmap <= memmap + 1) return bytes;
      }
    }
  }
  return 0;
}

/// HugeTLB pages of 1 GiB that boot sets aside; without room for them none are.
void gigantic_pages(const BootFacts& facts, const std::vector<BootRange>& memory, ordered_json& kernel,
                    std::vector<std::string>& notes) {
  const uint64_t asked = huge_pages_asked(facts.cmdline, kGiB);
  const uint64_t pages = facts.gigantic_pages.value_or(asked);
  if (facts.gigantic_pages && asked != pages && asked != 0) {
    notes.push_back(fmt::format("{} pages of 1 GiB were asked for and {} allocated: these are taken", asked, pages));
  }
  uint64_t room = 0;
  for (const BootRange& r : memory) room += r.range.bytes() / kGiB;
  if (pages > room) {
    notes.push_back(fmt::format("{} pages of 1 GiB do not fit the memory: none are simulated", pages));
  } else if (pages != 0) {
    kernel["boot_gigantic_pages"] = pages;
  }
}

void versions(const BootFacts& facts, ordered_json& kernel, std::vector<std::string>& notes) {
  if (put_release(facts.release, kernel, notes)) return;
  kernel["version"] = "6.12";
  notes.push_back("no \"Linux version\" in the log: kernel 6.12 assumed");
}

void struct_pages(const BootFacts& facts, ordered_json& kernel, std::vector<std::string>& notes) {
  const unsigned bytes = struct_page_bytes(facts);
  if (bytes == 0 || bytes == kUsualStructPage) return;
  constexpr unsigned kFewest = 56, kMost = 96;  // what mm_zero_struct_page can zero
  if (bytes < kFewest || bytes > kMost) {
    notes.push_back(
        fmt::format("by the pages of its zones used for memmap a struct page has {} bytes, which no kernel "
                    "has: {} are taken",
                    bytes, kUsualStructPage));
    return;
  }
  kernel["struct_page_bytes"] = bytes;
  notes.push_back(
      fmt::format("this kernel's struct page has {} bytes, by the pages of its zones used for memmap", bytes));
}

/// Region bases that the lines of the vmemmap show: the first run is that of the first section, and the memory behind a
/// run lies in the direct map.
void region_bases(const BootFacts& facts, const std::vector<BootRange>& memory, ordered_json& kernel) {
  constexpr uint64_t kUsualVmemmap = 0xffffea0000000000;
  constexpr uint64_t kOldDirectMap = 0xffff880000000000;  // before 4.20
  if (facts.vmemmap_runs.empty()) return;
  const auto first = std::min_element(facts.vmemmap_runs.begin(), facts.vmemmap_runs.end(),
                                      [](const VmemmapRun& a, const VmemmapRun& b) { return a.start < b.start; });
  const bool from_start = memory.front().range.start.raw() < mm::kSectionBytes && first->start % kGiB == 0;
  if (from_start && first->start != kUsualVmemmap) kernel["vmemmap_base"] = hex(first->start);
  const bool old = std::all_of(facts.vmemmap_runs.begin(), facts.vmemmap_runs.end(), [&](const VmemmapRun& run) {
    if (run.direct_start < kOldDirectMap) return false;
    const PhysAddr start(run.direct_start - kOldDirectMap);
    return std::any_of(memory.begin(), memory.end(), [&](const BootRange& r) {
      return r.range.contains({start, start + (run.direct_end - run.direct_start)});
    });
  });
  if (old) kernel["page_offset_base"] = hex(kOldDirectMap);
}

void dumped_addresses(const KernelAddresses& addresses, ordered_json& kernel) {
  kernel["vmemmap_base"] = hex(addresses.vmemmap_base.raw());
  kernel["page_offset_base"] = hex(addresses.page_offset_base.raw());
  kernel["kernel_phys_base"] = hex(addresses.phys_base);
  kernel["struct_page_bytes"] = addresses.struct_page_bytes;
  kernel["mem_section_bytes"] = addresses.mem_section_bytes;
}

ordered_json kernel_of(const Evidence& evidence, const std::vector<BootRange>& memory, unsigned levels,
                       const KernelImage& image, std::vector<std::string>& notes) {
  const BootFacts& facts = evidence.facts;
  ordered_json kernel;
  versions(facts, kernel, notes);
  kernel["levels"] = levels;
  if (levels == 4 && !facts.levels && !evidence.addresses) {
    notes.push_back("4 levels of page tables assumed: set /kernel/levels to 5 if the kernel uses five");
  }
  if (facts.cmdline.find("nokaslr") == std::string::npos && !evidence.addresses) {
    notes.push_back("the log does not show where KASLR put the regions: the bases without KASLR are taken");
  }
  // Xen gives its paravirtualised guests neither large pages nor global ones.
  const bool large = !facts.xen_pv;
  if (facts.xen_pv) notes.push_back("a paravirtualised guest of Xen: without 2 MiB pages, 1 GiB pages, global bits");
  kernel["cpu"] = {{"pse", large}, {"pge", large}, {"gbpages", large && facts.gb_pages}, {"nx", facts.nx}};
  kernel["pti"] = facts.pti;
  kernel["hypervisor"] = facts.hypervisor;
  kernel["memmap_on_memory"] = switched_on(facts.cmdline, "memory_hotplug.memmap_on_memory");
  kernel["hvo"] = switched_on(facts.cmdline, "hugetlb_free_vmemmap");
  gigantic_pages(facts, memory, kernel, notes);
  if (facts.deferred_init) kernel["deferred_struct_page_init"] = true;
  kernel["init_top_pgt_pa"] = hex(root_of(evidence, image).raw());
  if (evidence.addresses) {
    dumped_addresses(*evidence.addresses, kernel);
  } else {
    struct_pages(facts, kernel, notes);
    region_bases(facts, memory, kernel);
  }
  if (!evidence.addresses && image.start != kLinkedAt) {
    if (image.start < kLinkedAt) {
      notes.push_back(fmt::format("the image at {} lies below 16 MiB: its virtual address is that of its physical one",
                                  image.start));
    } else {
      kernel["kernel_phys_base"] = hex(image.start - kLinkedAt);
    }
  }
  const uint64_t block = facts.block_mib.value_or(0);
  constexpr uint64_t kLargestBlock = 64 * 1024;
  if (block >= 128 && block <= kLargestBlock && (block & (block - 1)) == 0) {
    kernel["memory_block_size"] = fmt::format("{}MiB", block);
  }
  if (!evidence.distances.empty()) kernel["numa_distance"] = evidence.distances;
  return kernel;
}

ordered_json memory_of(const Evidence& evidence, const std::vector<BootRange>& ranges, const KernelImage& image,
                       std::vector<std::string>& notes) {
  ordered_json memory;
  for (const BootRange& r : ranges) {
    memory["ranges"].push_back(
        {{"start", hex(r.range.start.raw())}, {"end", hex(r.range.end.raw())}, {"node", r.node}});
  }
  bool complete = false;
  memory["reserved"] = ordered_json::array();
  for (const PhysRange& r : reserved_of(evidence, image, ranges, complete, notes)) {
    memory["reserved"].push_back({{"start", hex(r.start.raw())}, {"end", hex(r.end.raw())}});
  }
  for (const NodeData& data : evidence.facts.node_data) {
    const bool has_memory =
        std::any_of(ranges.begin(), ranges.end(), [&](const BootRange& r) { return r.node == data.node; });
    const bool in_memory =
        std::any_of(ranges.begin(), ranges.end(), [&](const BootRange& r) { return r.range.contains(data.range); });
    if (has_memory && in_memory)
      memory["node_data"].push_back({{"node", data.node}, {"start", hex(data.range.start.raw())}});
  }
  memory["early_tables"] = complete ? "inside_reserved" : "from_memblock";
  return memory;
}

/// Memory that gets struct pages later, or never.
void later_memory(const BootFacts& facts, std::vector<std::string>& notes) {
  struct Kind {
    MemoryKind kind;
    const char* text;
  };
  for (const Kind& k :
       {Kind{MemoryKind::kPersistent, "persistent memory (pmem: phases \"pmem\" or \"dax\" add it)"},
        Kind{MemoryKind::kSoftReserved, "soft reserved memory (a phase \"dax\" or \"hot_add\" adds it)"}}) {
    for (const MapEntry& e : facts.map) {
      if (e.kind != k.kind) continue;
      notes.push_back(fmt::format("{:.2f} GiB at {} are {}: no struct pages at boot, left out",
                                  static_cast<double>(e.range.bytes()) / static_cast<double>(kGiB), e.range.start,
                                  k.text));
    }
  }
}

/// "server" of "logs/server.txt.xz", as the name of a folder: results are written to one of that name.
std::string scenario_name(const std::string& path) {
  constexpr size_t kMostBytes = 100;
  std::filesystem::path p(path);
  if (!p.has_filename()) p = p.parent_path();
  const std::string file = decode_log(p.filename().string()).text;
  std::string name = file.substr(0, std::min(file.find('.', 1), kMostBytes));
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '_');
  return path == "-" || name.empty() || name == "." ? "stdin" : name;
}

std::string description_of(const BootFacts& facts) {
  return fmt::format("From the boot log of a real machine: kernel {}, {}",
                     facts.release.empty() ? "unknown" : facts.release,
                     facts.processor.name.empty() ? "processor unknown" : facts.processor.name);
}

}  // namespace

uint64_t huge_pages_asked(const std::string& cmdline, uint64_t bytes) {
  const std::string own = bytes == kGiB ? "1G" : "2M";
  const auto names = [&](std::string size) {
    if (!size.empty() && size.back() >= 'a') size.back() = static_cast<char>(size.back() - 'a' + 'A');
    return size == own;
  };
  constexpr uint64_t kMost = uint64_t{1} << 30;
  uint64_t pages = 0;
  const std::string standard = option_value(cmdline, "default_hugepagesz", ' ');
  bool of_this_size = standard.empty() ? bytes != kGiB : names(standard);
  for (size_t start = 0; start < cmdline.size();) {
    const size_t end = std::min(cmdline.find(' ', start), cmdline.size());
    const std::string word = cmdline.substr(start, end - start);
    if (word.starts_with("hugepagesz=")) of_this_size = names(word.substr(word.find('=') + 1));
    for (size_t at = word.find('='); word.starts_with("hugepages=") && of_this_size && at != std::string::npos;
         at = word.find(',', at + 1)) {
      std::string count = word.substr(at + 1, word.find(',', at + 1) - at - 1);
      if (const size_t colon = count.find(':'); colon != std::string::npos) count = count.substr(colon + 1);
      pages = std::min(pages + std::min(parse_number(count).value_or(0), kMost), kMost);
    }
    start = end + 1;
  }
  return pages;
}

DerivedScenario scenario_from_evidence(const Evidence& evidence, const std::string& name) {
  const BootFacts& facts = evidence.facts;
  std::vector<MemoryAccount> others = evidence.accounts;
  for (MemoryAccount& account : others) {
    if (account.knows_nodes) continue;
    std::vector<PhysRange> pages;
    for (const BootRange& r : account.ranges) pages.push_back(r.range);
    account.ranges = cut_by_nodes(pages, facts, account.knows_nodes);
  }
  const AgreedMemory memory = agree_on_memory(facts, others, name);
  DerivedScenario out;
  out.notes.push_back(memory.summary);
  out.notes.insert(out.notes.end(), memory.notes.begin(), memory.notes.end());
  out.notes.insert(out.notes.end(), evidence.notes.begin(), evidence.notes.end());
  const bool five = facts.levels.value_or(4) == 5 || memory.ranges.back().range.end > PhysAddr(kFourLevelBytes);
  const unsigned levels = evidence.addresses ? evidence.addresses->levels : five ? 5 : 4;
  const KernelImage image = place_image(evidence, memory.ranges, name, out.notes);
  ordered_json scenario;
  scenario["name"] = scenario_name(name);
  scenario["description"] = description_of(facts);
  scenario["platform"] = platform_of(facts.processor, levels, out.notes);
  scenario["kernel"] = kernel_of(evidence, memory.ranges, levels, image, out.notes);
  scenario["memory"] = memory_of(evidence, memory.ranges, image, out.notes);
  scenario["phases"] = ordered_json::array({{{"phase", "boot"}, {"stage", "boot"}}});
  later_memory(facts, out.notes);
  out.json = scenario.dump(2) + "\n";
  return out;
}

}  // namespace mmusim
