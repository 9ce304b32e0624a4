// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <regex>

#include <nlohmann/json.hpp>

#include "mm/profile.h"
#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/recorded/guest_machine.h"
#include "sim/recorded/recorded_kernel.h"
#include "sim/recorded/resource_tree.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

constexpr size_t kMaxLine = 1024;
constexpr size_t kMaxRanges = 100'000;
constexpr uint64_t kMaxPfn4Levels = uint64_t{1} << 34;
constexpr uint64_t kImageStart = 16 * kMiB;  // CONFIG_PHYSICAL_START without KASLR

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

/// The first "0xA-0xB" or "[0xA-0xB]" of a line from `from` on, B inclusive as the kernel prints it.
std::optional<PhysRange> range_in(std::string_view line, size_t from = 0) {
  const size_t at = line.find("0x", from);
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t first = 0;
  uint64_t last = 0;
  const char* end = line.data() + line.size();
  auto result = std::from_chars(line.data() + at + 2, end, first, 16);
  if (result.ec != std::errc{} || end - result.ptr < 4 || std::string_view(result.ptr, 3) != "-0x") return std::nullopt;
  result = std::from_chars(result.ptr + 3, end, last, 16);
  constexpr uint64_t kLimit = uint64_t{1} << 52;
  if (result.ec != std::errc{} || last < first || first >= kLimit) return std::nullopt;
  return PhysRange{PhysAddr(first), PhysAddr(std::min(last, kLimit - 1) + 1)};  // "mem=" removes up to the very end
}

/// The number that follows `key` in `line`.
std::optional<uint64_t> number_after(std::string_view line, std::string_view key) {
  size_t at = line.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  at += key.size();
  while (at < line.size() && line[at] == ' ') ++at;
  uint64_t value = 0;
  const auto result = std::from_chars(line.data() + at, line.data() + line.size(), value);
  return result.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

bool contains(std::string_view line, std::string_view what) { return line.find(what) != std::string_view::npos; }

/// What a boot log tells, line by line.
class BootLog {
 public:
  explicit BootLog(std::string_view text) {
    size_t start = 0;
    while (start < text.size()) {
      const size_t end = std::min(text.find('\n', start), text.size());
      std::string_view l = text.substr(start, end - start);
      while (!l.empty() && (l.back() == '\r' || l.back() == ' ')) l.remove_suffix(1);
      if (l.size() <= kMaxLine) line(l);
      start = end + 1;
    }
  }

  std::string release;
  std::string cmdline;
  std::string cpu;
  std::vector<PhysRange> e820;         // usable, after the kernel's own changes
  std::vector<BootRange> node_ranges;  // "Early memory node ranges"
  std::vector<BootRange> srat;         // memory affinity
  std::vector<PhysRange> reserved;     // from memblock lines before sparse_init
  std::vector<PhysRange> ramdisk;
  std::vector<PhysRange> crash_kernel;
  std::vector<NodeData> node_data;
  bool memblock_lines = false;
  bool pti = false;
  bool gb_pages = false;
  bool nx = true;
  std::optional<unsigned> levels;
  bool hypervisor = false;
  std::vector<uint64_t> image_kib;  // code, rwdata, rodata, init, bss
  std::optional<uint64_t> block_mib;

 private:
  void line(std::string_view l) {
    if (contains(l, "sparse_init")) past_sparse_init_ = true;
    version(l);
    map(l);
    nodes(l);
    memblock(l);
    crash(l);
    features(l);
  }
  void version(std::string_view l) {
    if (const size_t at = l.find("Linux version "); at != std::string_view::npos && release.empty()) {
      const std::string_view rest = l.substr(at + 14);
      release = std::string(rest.substr(0, rest.find(' ')));
    }
    if (const size_t at = l.find("Command line: "); at != std::string_view::npos && cmdline.empty()) {
      cmdline = std::string(l.substr(at + 14));
    }
  }
  void map(std::string_view l) {
    if (contains(l, "user-defined physical RAM map")) e820.clear();
    const bool firmware = contains(l, "BIOS-e820: [mem ") || contains(l, "user: [mem ");
    const auto range = range_in(l);
    if (!range || e820.size() > kMaxRanges) return;
    if (firmware && l.ends_with("] usable")) e820.push_back(*range);
    const bool taken = contains(l, "e820: update [mem") && contains(l, "usable ==>");
    if (taken || contains(l, "e820: remove [mem")) e820 = without(e820, {*range});
  }
  void nodes(std::string_view l) {
    if (contains(l, "Early memory node ranges")) in_node_ranges_ = true;
    const auto range = range_in(l);
    if (in_node_ranges_ && contains(l, "node ") && contains(l, ": [mem ") && range) {
      const auto node = number_after(l, "node ");
      if (node && *node < 1024 && node_ranges.size() < kMaxRanges) {
        node_ranges.push_back({*range, static_cast<unsigned>(*node)});
      }
    } else if (!contains(l, "Early memory node ranges")) {
      in_node_ranges_ = false;
    }
    if (contains(l, "SRAT: Node ") && range && !contains(l, "hotplug")) {
      const auto node = number_after(l, "SRAT: Node ");
      if (node && *node < 1024 && srat.size() < kMaxRanges) srat.push_back({*range, static_cast<unsigned>(*node)});
    }
    if (contains(l, "NODE_DATA(")) {
      for (const NodeData& data : node_data_of({std::string(l)})) node_data.push_back(data);
    }
  }
  void memblock(std::string_view l) {
    if (past_sparse_init_ || reserved.size() > kMaxRanges) return;
    // memblock_dump_all tells all that is reserved, also what was before the command line was read.
    if (contains(l, " reserved.cnt")) reserved.clear();
    if (const size_t at = l.find(" reserved[0x"); at != std::string_view::npos) {
      memblock_lines = true;
      if (const auto range = range_in(l, l.find("[0x", at + 12))) reserved.push_back(*range);
    }
    const auto range = range_in(l);
    if (!range) return;
    if (contains(l, "memblock_reserve: [")) {
      memblock_lines = true;
      reserved = without(reserved, {*range});
      reserved.push_back(*range);
    }
    if (contains(l, "memblock_free: [") || contains(l, "memblock_phys_free: [")) reserved = without(reserved, {*range});
  }
  /// "crashkernel reserved: 0xA - 0xB (N MB)", and up to 6.8 "Reserving NMB of memory at NMB for crashkernel".
  void crash(std::string_view l) {
    if (!contains(l, "crashkernel") || crash_kernel.size() > kMaxRanges) return;
    if (const size_t at = l.find(" reserved: 0x"); at != std::string_view::npos) {
      std::string range(l.substr(at));
      if (const size_t dash = range.find(" - "); dash != std::string::npos) range.replace(dash, 3, "-");
      if (const auto r = range_in(range); r && r->bytes() > 1) crash_kernel.push_back({r->start, r->end - 1});
      return;
    }
    const auto mib = number_after(l, "Reserving ");
    const auto start = number_after(l, "memory at ");
    constexpr uint64_t kLimitMib = uint64_t{1} << 32;
    if (mib && start && *mib > 0 && *mib < kLimitMib && *start < kLimitMib) {
      crash_kernel.push_back({PhysAddr(*start * kMiB), PhysAddr((*start + *mib) * kMiB)});
    }
  }
  void features(std::string_view l) {
    if (contains(l, "page tables isolation: enabled")) pti = true;
    if (contains(l, "Using GB pages for direct mapping")) gb_pages = true;
    if (contains(l, "Hypervisor detected")) hypervisor = true;
    if (contains(l, "NX (Execute Disable) protection missing")) nx = false;
    // The limit is MAXMEM: 2^46 bytes with 4 levels, 2^52 with 5.
    if (const size_t at = l.find("max_arch_pfn = "); at != std::string_view::npos) {
      levels = parse_number(std::string(l.substr(at + 15))).value_or(0) > kMaxPfn4Levels ? 5 : 4;
    }
    if (const size_t at = l.find("CPU0: "); at != std::string_view::npos && cpu.empty()) cpu = l.substr(at + 6);
    if (const auto range = range_in(l); range && contains(l, "RAMDISK: [mem")) ramdisk.push_back(*range);
    if (const auto mib = number_after(l, "Memory block size: ")) block_mib = *mib;
    if (contains(l, "K kernel code") && image_kib.empty()) {
      for (const char* part : {"available (", "K kernel code, ", "K rwdata, ", "K rodata, ", "K init, "}) {
        image_kib.push_back(std::min<uint64_t>(number_after(l, part).value_or(0), kMiB));
      }
    }
  }

  bool past_sparse_init_ = false;
  bool in_node_ranges_ = false;
};

/// Where the kernel lies without KASLR: code, constants, data, initialisation and zeroed data, each from a 2 MiB
/// boundary on [arch/x86/kernel/vmlinux.lds.S].
struct KernelImage {
  PhysAddr start{kImageStart};
  PhysAddr data{kImageStart + 26 * kMiB};
  PhysAddr end{kImageStart + 52 * kMiB};
  /// init_top_pgt, as far behind the start of the data as in Debian's 6.1.
  PhysAddr root() const { return data + 64 * kKiB; }
};

KernelImage image_of(const BootLog& log) {
  KernelImage image;
  if (log.image_kib.empty()) return image;
  const auto rounded = [&](size_t part) { return PhysAddr(log.image_kib[part] * kKiB).align_up(2 * kMiB).raw(); };
  image.data = image.start + rounded(0) + rounded(2);
  image.end = image.data + rounded(1) + rounded(3) + rounded(4);
  return image;
}

PhysAddr page_up(PhysAddr a) { return a.align_up(kPageBytes); }

/// Whole pages of the ranges, from the second page of memory on.
std::vector<PhysRange> whole_pages(std::vector<PhysRange> ranges) {
  std::vector<PhysRange> out;
  std::sort(ranges.begin(), ranges.end());
  for (const PhysRange& r : ranges) {
    const PhysRange pages{std::max(page_up(r.start), PhysAddr(kPageBytes)), r.end.align_down(kPageBytes)};
    if (pages.start < pages.end) out.push_back(pages);
  }
  return out;
}

std::vector<BootRange> memory_of(const BootLog& log, const std::string& name, std::vector<std::string>& notes) {
  if (!log.node_ranges.empty()) {
    std::vector<BootRange> ranges;
    for (const BootRange& r : log.node_ranges) {
      for (const PhysRange& pages : whole_pages({r.range})) ranges.push_back({pages, r.node});
    }
    return ranges;
  }
  const std::vector<PhysRange> usable = whole_pages(log.e820);
  if (usable.empty()) {
    throw InputError(fmt::format(
        "{}: no memory map: expected a boot log with \"BIOS-e820:\" or \"Early memory node ranges\" lines", name));
  }
  std::vector<BootRange> ranges;
  if (log.srat.empty()) {
    notes.push_back("no node ranges in the log: all memory is taken as node 0");
    for (const PhysRange& r : usable) ranges.push_back({r, 0});
    return ranges;
  }
  notes.push_back("no \"Early memory node ranges\" in the log: nodes taken from the SRAT lines");
  for (const PhysRange& r : usable) {
    for (const BootRange& node : log.srat) {
      const PhysRange part{std::max(r.start, node.range.start), std::min(r.end, node.range.end)};
      if (part.start < part.end) ranges.push_back({part, node.node});
    }
  }
  return ranges;
}

std::vector<PhysRange> reserved_of(const BootLog& log, const std::vector<BootRange>& memory,
                                   std::vector<std::string>& notes) {
  if (log.memblock_lines) {
    std::vector<PhysRange> reserved = log.reserved;
    std::sort(reserved.begin(), reserved.end());
    return reserved;
  }
  notes.push_back(
      "no memblock lines in the log (boot with memblock=debug for them): reserved are the first MiB, the kernel image "
      "at 16 MiB, the initial ramdisk, the crash kernel and all from the node data up to the end of its memory; "
      "physical addresses of tables will differ from the real ones");
  const KernelImage image = image_of(log);
  std::vector<PhysRange> reserved = {{PhysAddr(0), PhysAddr(kMiB)}, {image.start, image.end}};
  reserved.insert(reserved.end(), log.ramdisk.begin(), log.ramdisk.end());
  reserved.insert(reserved.end(), log.crash_kernel.begin(), log.crash_kernel.end());
  // memblock gives the highest free range: what lies above the node data was taken before it (log buffer, ramdisk).
  for (const NodeData& data : log.node_data) {
    PhysRange taken = data.range;
    for (const BootRange& r : memory) {
      if (r.range.contains(data.range)) taken.end = r.range.end;
    }
    reserved.push_back(taken);
  }
  return reserved;
}

/// The shipped platform nearest to what the log calls the first processor.
std::string platform_of(const std::string& cpu, std::vector<std::string>& notes) {
  struct Row {
    const char* pattern;
    const char* platform;
    bool same = true;  ///< or a relative of it
  };
  static constexpr Row kRows[] = {
      {"EPYC 7..2|EPYC-Rome", "rome"},
      {"EPYC 7..3|EPYC-Milan", "milan"},
      {"EPYC 9..4|EPYC-Genoa", "genoa"},
      {"EPYC 9..5|EPYC-Turin", "turin"},
      {R"(Xeon\(R\) (Platinum 8|Gold [56]|Silver 4|Bronze 3)1|Processor \(Skylake)", "skylake-sp"},
      {R"(Xeon\(R\) (Platinum 8|Gold [56]|Silver 4|Bronze 3)2|Processor \(Cascadelake)", "cascade-lake"},
      {R"(Xeon\(R\) (Platinum 8|Gold [56]|Silver 4)3|Processor \(Icelake)", "icelake-sp"},
      {R"(Xeon\(R\) (Platinum 8|Gold [56]|Silver 4|Bronze 3)4|Processor \(SapphireRapids)", "sapphire-rapids"},
      {R"(Xeon\(R\) (Platinum 8|Gold [56]|Silver 4|Bronze 3)5)", "sapphire-rapids", false},  // Emerald Rapids
      {"EPYC 7..1|EPYC Processor", "rome", false},                                           // Naples
      {R"(Xeon\(R\))", "skylake-sp", false},
  };
  if (cpu.empty()) {
    notes.push_back("no \"CPU0:\" line in the log: the processor is simulated as milan");
    return "milan";
  }
  for (const Row& row : kRows) {
    if (!std::regex_search(cpu, std::regex(row.pattern, std::regex::icase))) continue;
    if (!row.same) {
      notes.push_back(
          fmt::format("processor \"{}\" has no platform of its own: simulated as its relative {}", cpu, row.platform));
    }
    return row.platform;
  }
  notes.push_back(fmt::format("processor \"{}\" has no platform of its own: simulated as milan", cpu));
  return "milan";
}

/// The platform, or the next generation of its vendor if it cannot walk that many levels.
std::string platform_with_levels(std::string platform, unsigned levels, std::vector<std::string>& notes) {
  const bool amd = platform == "rome" || platform == "milan";
  if (levels < 5 || !(amd || platform == "skylake-sp" || platform == "cascade-lake")) return platform;
  const std::string next = amd ? "genoa" : "icelake-sp";
  notes.push_back(fmt::format("{} has 4 levels of page tables, the kernel uses 5: simulated as {}", platform, next));
  return next;
}

ordered_json kernel_of(const BootLog& log, unsigned levels, std::vector<std::string>& notes) {
  const std::string release = log.release.empty() ? "6.12" : log.release;
  if (log.release.empty()) notes.push_back("no \"Linux version\" in the log: kernel 6.12 assumed");
  const auto version = mm::version_of_release(release);
  ordered_json kernel;
  kernel["version"] = version ? mm::profile_of(*version).name : "6.12";
  if (!log.release.empty() && !release.starts_with(kernel["version"].get<std::string>() + ".")) {
    notes.push_back(
        fmt::format("kernel {}: simulated with the profile {}", release, kernel["version"].get<std::string>()));
  }
  kernel["levels"] = levels;
  if (levels == 4 && !log.levels) {
    notes.push_back("4 levels of page tables assumed: set /kernel/levels to 5 if the kernel uses five");
  }
  if (!contains(log.cmdline, "nokaslr")) {
    notes.push_back("the log does not show where KASLR put the regions: the bases without KASLR are taken");
  }
  kernel["cpu"] = {{"pse", true}, {"pge", true}, {"gbpages", log.gb_pages}, {"nx", log.nx}};
  kernel["pti"] = log.pti;
  kernel["hypervisor"] = log.hypervisor;
  kernel["memmap_on_memory"] = switched_on(log.cmdline, "memory_hotplug.memmap_on_memory");
  kernel["hvo"] = switched_on(log.cmdline, "hugetlb_free_vmemmap");
  kernel["init_top_pgt_pa"] = hex(image_of(log).root().raw());
  if (log.block_mib && (*log.block_mib & (*log.block_mib - 1)) == 0 && *log.block_mib >= 128) {
    kernel["memory_block_size"] = fmt::format("{}MiB", *log.block_mib);
  }
  return kernel;
}

}  // namespace

DerivedScenario scenario_from_boot_log(std::string_view text, const std::string& name) {
  const BootLog log(text);
  DerivedScenario out;
  const std::vector<BootRange> memory = memory_of(log, name, out.notes);
  ordered_json scenario;
  scenario["name"] = name;
  scenario["description"] = fmt::format("From the boot log of a real machine: kernel {}, {}", log.release, log.cpu);
  const bool five = log.levels.value_or(4) == 5 || memory.back().range.end > PhysAddr(kMaxPfn4Levels << kPageShift);
  const unsigned levels = five ? 5 : 4;
  scenario["platform"] = platform_with_levels(platform_of(log.cpu, out.notes), levels, out.notes);
  scenario["kernel"] = kernel_of(log, levels, out.notes);
  for (const BootRange& r : memory) {
    scenario["memory"]["ranges"].push_back(
        {{"start", hex(r.range.start.raw())}, {"end", hex(r.range.end.raw())}, {"node", r.node}});
  }
  scenario["memory"]["reserved"] = ordered_json::array();
  for (const PhysRange& r : reserved_of(log, memory, out.notes)) {
    scenario["memory"]["reserved"].push_back({{"start", hex(r.start.raw())}, {"end", hex(r.end.raw())}});
  }
  for (const NodeData& data : log.node_data) {
    scenario["memory"]["node_data"].push_back({{"node", data.node}, {"start", hex(data.range.start.raw())}});
  }
  scenario["memory"]["early_tables"] = log.memblock_lines ? "inside_reserved" : "from_memblock";
  scenario["phases"] = ordered_json::array({{{"phase", "boot"}, {"stage", "boot"}}});
  out.json = scenario.dump(2) + "\n";
  return out;
}

}  // namespace mmusim
