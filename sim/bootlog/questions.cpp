// SPDX-License-Identifier: MIT
#include "sim/bootlog/questions.h"

#include <algorithm>
#include <array>
#include <bit>

#include <nlohmann/json.hpp>

#include "mm/kernel.h"
#include "mm/profile.h"
#include "models/base/config.h"
#include "models/base/errors.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

constexpr uint64_t kHugeBytes = 2 * kMiB;
constexpr uint64_t kMostTimedFolios = 4096;
constexpr uint64_t kMostScanned = uint64_t{1} << 22;  // struct pages of a scan
constexpr uint64_t kMostDeviceBytes = 64 * kGiB;
constexpr uint64_t kUsualDeviceBytes = 16 * kGiB;
constexpr const char* kNewerKernel = "6.12";  // asked where the machine's own kernel has not the feature

std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }
std::string mib(uint64_t bytes) { return fmt::format("{}MiB", bytes / kMiB); }

/// The scenario on its way, and what is known of the machine.
class Asked {
 public:
  Asked(DerivedScenario& derived, const Evidence& evidence, const std::string& name)
      : evidence_(evidence), name_(name), derived_(derived), scenario_(ordered_json::parse(derived.json)) {
    for (const ordered_json& r : scenario_["memory"]["ranges"]) {
      const uint64_t end = parse_number(r["end"].get<std::string>()).value_or(0);
      pages_[r["node"].get<unsigned>()] +=
          (end - parse_number(r["start"].get<std::string>()).value_or(0)) >> kPageShift;
      end_ = std::max(end_, end);
      last_node_ = r["node"].get<unsigned>();
    }
    for (const MapEntry& e : evidence.facts.map) {
      const bool memory = e.kind == MemoryKind::kPersistent || e.kind == MemoryKind::kSoftReserved;
      if (memory) end_ = std::max(end_, e.range.end.raw());
    }
  }

  void base_vs_huge() {
    uint64_t pages = 0;
    for (const auto& [node, count] : pages_) pages += count;
    const uint64_t stride = std::bit_ceil(std::max<uint64_t>(1, pages / kMostScanned));
    phases_ = {untimed_boot(),
               {{"phase", "workload"},
                {"stage", "linear pfn scan"},
                {"kind", "linear_pfn_scan"},
                {"parameters", {{"stride_pfns", stride}}}},
               {{"phase", "workload"},
                {"stage", "random pfns"},
                {"kind", "random_pfn"},
                {"warmup", 500000},
                {"parameters", {{"operations", 2500000}}}}};
    note(stride == 1 ? fmt::format("the scan takes each of {} page frames", pages)
                     : fmt::format("the scan takes one in {} of {} page frames", stride, pages));
    variants_ = {{"basepages", {{"kernel", {{"vmemmap_pages", "base"}}}}},
                 {"hugepages", {{"kernel", {{"vmemmap_pages", "auto"}}}}}};
    finish("base-vs-huge", "the vmemmap in 4 KiB pages against 2 MiB pages");
  }

  void hvo() {
    newer_kernel([](const mm::Profile& p) { return p.hvo != mm::HvoForm::kNone; },
                 "gives no struct pages of HugeTLB back");
    phases_ = ordered_json::array({untimed_boot()});
    const uint64_t wanted = huge_pages_wanted();
    uint64_t all = 0;
    for (const auto& [node, pages] : pages_) all += pages;
    uint64_t timed = std::min(wanted, kMostTimedFolios);
    for (const auto& [node, pages] : pages_) {
      const uint64_t room = pages / (kHugeBytes >> kPageShift) * 3 / 4;
      const auto share =
          static_cast<uint64_t>(static_cast<double>(wanted) * static_cast<double>(pages) / static_cast<double>(all));
      const uint64_t here = std::min(std::max<uint64_t>(share, 1), room);
      if (here < share) note(fmt::format("node {} has room for {} of {} huge pages", node, here, share));
      const uint64_t measured = std::min(here, std::max<uint64_t>(1, timed / pages_.size()));
      if (here > measured) add_folios(node, here - measured, false);
      if (measured != 0) add_folios(node, measured, true);
    }
    phases_.push_back({{"phase", "workload"},
                       {"stage", "page faults"},
                       {"kind", "anon_fault"},
                       {"warmup", 1000000},
                       {"parameters", {{"operations", 500000}}}});
    variants_ = {{"hvo-off", {{"kernel", {{"hvo", false}}}}}, {"hvo-on", {{"kernel", {{"hvo", true}}}}}};
    finish("hvo", "the struct pages of HugeTLB pages kept and given back");
  }

  void hot_add() {
    const BootFacts& facts = evidence_.facts;
    // vmemmap_populate gives -ENOMEM where struct pages are to lie on the added memory and there are no 2 MiB pages.
    const bool large_pages = scenario_["kernel"]["cpu"]["pse"];
    if (!large_pages) {
      note(
          "without 2 MiB pages the kernel cannot put struct pages on the added memory itself (\"no cpu support for "
          "altmap allocations\"): that is not asked");
      scenario_["kernel"]["memmap_on_memory"] = false;
    }
    const uint64_t block =
        facts.block_mib ? *facts.block_mib * kMiB : mm::probe_memory_block_size(PhysAddr(end_), facts.hypervisor);
    const uint64_t start = PhysAddr(end_).align_up(std::max(block, kGiB)).raw();
    check_fits(start, block);
    note(fmt::format("one memory block of {} MiB is added at 0x{:x}, behind the memory of node {}", block / kMiB, start,
                     last_node_));
    const auto phases = [&](uint64_t step) {
      ordered_json add = {{"phase", "hot_add"},
                          {"stage", "hot add"},
                          {"start", hex(start)},
                          {"size", mib(block)},
                          {"node", last_node_}};
      if (step != 0) add["step"] = mib(step);
      return ordered_json::array({untimed_boot(), add, random_struct_pages(start, block)});
    };
    phases_ = phases(0);
    variants_ = {{"block", ordered_json::object()}, {"subsections", {{"phases", phases(kHugeBytes)}}}};
    const auto version = mm::parse_kernel_version(scenario_["kernel"]["version"].get<std::string>());
    // memmap_on_memory came with 5.13, HVO with 5.14.
    if (large_pages && version && mm::profile_of(*version).hvo != mm::HvoForm::kNone) {
      variants_["memmap-on-memory"] = {{"kernel", {{"memmap_on_memory", true}}}};
    }
    finish("hotadd", fmt::format("{} MiB added at once, in pieces, and with its memmap on itself", block / kMiB));
  }

  void dax() {
    newer_kernel([](const mm::Profile& p) { return p.compound_dax; }, "has no compound device-DAX");
    uint64_t start = PhysAddr(end_).align_up(kGiB).raw();
    // The struct pages of the device, 1/64 of it, take at most an eighth of the memory.
    uint64_t memory = 0;
    for (const auto& [node, count] : pages_) memory += count << kPageShift;
    const uint64_t most = std::min(kMostDeviceBytes, std::max(memory * 8 / kGiB, uint64_t{1}) * kGiB);
    uint64_t bytes = std::min(kUsualDeviceBytes, most);
    bool found = false;
    for (const MapEntry& e : evidence_.facts.map) {
      if (e.kind != MemoryKind::kPersistent || found) continue;
      const PhysAddr first = e.range.start.align_up(kHugeBytes);
      const uint64_t size = e.range.end.align_down(kHugeBytes) - first;
      found = e.range.end.align_down(kHugeBytes) > first;
      if (!found) continue;
      start = first.raw();
      bytes = std::min(size, most);
      note(fmt::format("the device is the persistent memory at 0x{:x}, {} MiB of it", start, bytes / kMiB));
    }
    if (!found)
      note(fmt::format("no persistent memory is told: the device is 16 GiB at 0x{:x}, behind the memory", start));
    check_fits(start, bytes);
    const bool gigantic = (start | bytes) % kGiB == 0;
    const char* align = gigantic ? "1GiB" : "2MiB";
    const auto phases = [&](const char* compound) {
      return ordered_json::array({untimed_boot(),
                                  {{"phase", "dax"},
                                   {"stage", "device"},
                                   {"start", hex(start)},
                                   {"size", mib(bytes)},
                                   {"node", last_node_},
                                   {"namespace", false},
                                   {"align", align},
                                   {"compound", compound}},
                                  random_struct_pages(start, bytes)});
    };
    phases_ = phases("0");
    variants_ = {{"plain", ordered_json::object()}, {"compound-2m", {{"phases", phases("2MiB")}}}};
    if (gigantic) variants_["compound-1g"] = {{"phases", phases("1GiB")}};
    finish("dax", "device-DAX, plain against compound pages");
  }

  void guest() {
    // The share that configs/scenarios/guest-vmemmap.json takes: THP is seldom complete.
    constexpr double kHugeFraction = 0.9;
    const std::string mode = guest_mode();
    if (scenario_["kernel"]["hypervisor"] == true) {
      note("the machine is a guest already: it is simulated on bare metal, and as a guest of a host of its processor");
    }
    phases_ = {untimed_boot(),
               {{"phase", "workload"},
                {"stage", "random pfns"},
                {"kind", "random_pfn"},
                {"warmup", 500000},
                {"parameters", {{"operations", 1000000}}}},
               {{"phase", "workload"},
                {"stage", "page faults"},
                {"kind", "anon_fault"},
                {"warmup", 500000},
                {"parameters", {{"operations", 250000}}}}};
    const auto over = [&](ordered_json pages) {
      pages["mode"] = mode;
      return ordered_json{{"virtualization", std::move(pages)}};
    };
    note(fmt::format("host pages are not told: over THP {:.0f} % of the host's 2 MiB regions are one page",
                     kHugeFraction * 100));
    variants_ = {{"native", {{"virtualization", {{"mode", "none"}}}}},
                 {"guest-over-4k", over({{"host_pages", "4K"}})},
                 {"guest-over-thp", over({{"host_pages", "2M"}, {"huge_fraction", kHugeFraction}})},
                 {"guest-over-1g", over({{"host_pages", "1G"}})}};
    finish("guest", "bare metal against a guest over 4 KiB, transparent huge and 1 GiB host pages");
  }

 private:
  void note(std::string text) { derived_.notes.push_back(std::move(text)); }
  static ordered_json untimed_boot() { return {{"phase", "boot"}, {"stage", "boot"}, {"timed", false}}; }

  /// Returns the kind of nested tables that the vendor of the machine's platform has.
  std::string guest_mode() const {
    constexpr std::array kAmdPlatforms = {"rome", "milan", "genoa", "turin"};
    const std::string platform = scenario_["platform"];
    return std::find(kAmdPlatforms.begin(), kAmdPlatforms.end(), platform) == kAmdPlatforms.end() ? "ept" : "npt";
  }

  /// Asks a kernel that can do it, where the machine's own cannot.
  void newer_kernel(bool (*can)(const mm::Profile&), const char* cannot) {
    const std::string version = scenario_["kernel"]["version"].get<std::string>();
    const auto own = mm::parse_kernel_version(version);
    if (own && can(mm::profile_of(*own))) return;
    note(fmt::format("the profile {} {}: the question is put to {} on this machine", version, cannot, kNewerKernel));
    scenario_["kernel"]["version"] = kNewerKernel;
  }

  /// Number of huge pages that the command line asks for, else a quarter of memory.
  uint64_t huge_pages_wanted() {
    const BootFacts& facts = evidence_.facts;
    uint64_t pages = 0;
    for (const auto& [node, count] : pages_) pages += count;
    const uint64_t asked = facts.huge_pages.value_or(huge_pages_asked(facts.cmdline, kHugeBytes));
    if (asked != 0) {
      note(fmt::format("{} huge pages of 2 MiB, as the machine was booted with", asked));
      return asked;
    }
    const uint64_t quarter = std::max<uint64_t>(1, pages / 4 / (kHugeBytes >> kPageShift));
    note(fmt::format("the machine was booted without huge pages of 2 MiB: a quarter of its memory, {} of them",
                     quarter));
    return quarter;
  }

  void add_folios(unsigned node, uint64_t count, bool timed) {
    ordered_json phase = {{"phase", "hugetlb"},
                          {"stage", fmt::format("{} huge pages of node {}", count, node)},
                          {"allocate", count},
                          {"scattered", true},
                          {"node", node}};
    if (!timed) phase["timed"] = false;
    phases_.push_back(std::move(phase));
  }

  void check_fits(uint64_t start, uint64_t bytes) const {
    const unsigned bits = scenario_["kernel"]["levels"] == 5 ? 52 : 46;
    if (start + bytes > uint64_t{1} << bits) {
      throw InputError(fmt::format("{}: no address is left behind the memory, which ends at 0x{:x}", name_, end_));
    }
  }

  ordered_json random_struct_pages(uint64_t start, uint64_t bytes) const {
    const ordered_json& kernel = scenario_["kernel"];
    const bool five = kernel["levels"] == 5;
    uint64_t base = five ? 0xffd4000000000000 : 0xffffea0000000000;
    if (kernel.contains("vmemmap_base")) base = parse_number(kernel["vmemmap_base"].get<std::string>()).value_or(base);
    const uint64_t struct_page =
        kernel.contains("struct_page_bytes") ? kernel["struct_page_bytes"].get<uint64_t>() : 64;
    return {{"phase", "workload"},
            {"stage", "random struct pages"},
            {"kind", "uniform"},
            {"parameters",
             {{"base", hex(base + (start >> kPageShift) * struct_page)},
              {"bytes", (bytes >> kPageShift) * struct_page},
              {"accesses", 500000}}}};
  }

  void finish(const std::string& question, const std::string& about) {
    scenario_["name"] = scenario_["name"].get<std::string>() + "-" + question;
    scenario_["description"] = scenario_["description"].get<std::string>() + ": " + about;
    scenario_["phases"] = phases_;
    scenario_["variants"] = variants_;
    derived_.json = scenario_.dump(2) + "\n";
  }

  const Evidence& evidence_;
  std::string name_;
  DerivedScenario& derived_;
  ordered_json scenario_;
  ordered_json phases_;
  ordered_json variants_;
  std::map<unsigned, uint64_t> pages_;  ///< by node
  uint64_t end_ = 0;                    ///< of all memory
  unsigned last_node_ = 0;
};

}  // namespace

void ask(DerivedScenario& derived, Question question, const Evidence& evidence, const std::string& name) {
  Asked asked(derived, evidence, name);
  switch (question) {
    case Question::kBaseVsHuge:
      return asked.base_vs_huge();
    case Question::kHvo:
      return asked.hvo();
    case Question::kHotAdd:
      return asked.hot_add();
    case Question::kDax:
      return asked.dax();
    case Question::kGuest:
      return asked.guest();
  }
}

}  // namespace mmusim
