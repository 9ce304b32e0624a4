// SPDX-License-Identifier: MIT
#include "sim/crashdump/dumped_machine.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "mm/layout.h"
#include "models/base/config.h"
#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

PhysAddr start_of(uint64_t section) { return PhysAddr(section * mm::kSectionBytes); }

KernelAddresses addresses_of(const DumpedKernel& kernel) {
  KernelAddresses a;
  a.levels = kernel.root.levels;
  a.root = kernel.root.root;
  a.phys_base = static_cast<uint64_t>(kernel.root.phys_base);
  a.image_start = PhysAddr((kernel.image_text - kImageMapping) + a.phys_base);
  a.vmemmap_base = kernel.vmemmap_base;
  a.page_offset_base = kernel.page_offset_base;
  a.struct_page_bytes = kernel.struct_page_bytes;
  a.mem_section_bytes = kernel.mem_section_bytes;
  return a;
}

/// Returns the node whose span has the page; nullopt where none has, 0 in a kernel without nodes.
std::optional<unsigned> node_at(const DumpedKernel& kernel, PhysAddr at) {
  for (const DumpedNode& n : kernel.nodes) {
    if (pfn_of(at) >= n.start && pfn_of(at) < n.start + n.pages) return n.node;
  }
  return kernel.nodes.empty() ? std::optional(0U) : std::nullopt;
}

/// Returns the dump's own list of memory, as far as it was there at boot, cut by the spans of the nodes.
MemoryAccount account_of(const CrashDump& dump, const DumpedKernel& kernel) {
  MemoryAccount account;
  account.name = "the memory of the dump";
  account.knows_nodes = true;
  std::set<PhysAddr> cuts;
  for (const DumpedNode& n : kernel.nodes) cuts.insert({address_of(n.start), address_of(n.start + n.pages)});
  for (const PhysRange& r : whole_pages(dump.memory())) {
    for (const DumpedSection& s : kernel.sections) {
      PhysRange part{std::max(r.start, start_of(s.number)), std::min(r.end, start_of(s.number + 1))};
      if (!s.early || part.start >= part.end) continue;
      for (const PhysAddr cut : cuts) {
        if (cut <= part.start || cut >= part.end) continue;
        if (const auto node = node_at(kernel, part.start)) account.ranges.push_back({{part.start, cut}, *node});
        part.start = cut;
      }
      if (const auto node = node_at(kernel, part.start)) account.ranges.push_back({part, *node});
    }
  }
  std::vector<BootRange> joined;
  for (const BootRange& r : account.ranges) {
    const bool goes_on = !joined.empty() && joined.back().range.end == r.range.start && joined.back().node == r.node;
    if (goes_on)
      joined.back().range.end = r.range.end;
    else
      joined.push_back(r);
  }
  account.ranges = std::move(joined);
  return account;
}

bool tells_memory(const BootFacts& facts) {
  return !node_range_account(facts).ranges.empty() || !firmware_account(facts).ranges.empty();
}

/// Adds phases for sections that came after boot, one for each run of them on one node.
void add_later_memory(const DumpedKernel& kernel, DerivedScenario& derived) {
  ordered_json scenario = ordered_json::parse(derived.json);
  uint64_t device = 0;
  std::vector<std::pair<PhysRange, unsigned>> runs;
  for (const DumpedSection& s : kernel.sections) {
    device += s.device;
    if (s.early || s.device) continue;
    const PhysRange range{start_of(s.number), start_of(s.number + 1)};
    const unsigned node = node_at(kernel, range.start).value_or(0);
    if (!runs.empty() && runs.back().first.end == range.start && runs.back().second == node)
      runs.back().first.end = range.end;
    else
      runs.emplace_back(range, node);
  }
  for (const auto& [range, node] : runs) {
    scenario["phases"].push_back({{"phase", "hot_add"},
                                  {"stage", fmt::format("memory added at {}", range.start)},
                                  {"start", fmt::format("0x{:x}", range.start.raw())},
                                  {"size", fmt::format("{}MiB", range.bytes() / kMiB)},
                                  {"node", node}});
    derived.notes.push_back(
        fmt::format("{} MiB at {} came after boot, on node {}", range.bytes() / kMiB, range.start, node));
  }
  if (device != 0) {
    derived.notes.push_back(fmt::format(
        "{} sections are memory of devices: the dump does not tell how they were set up, left out", device));
  }
  if (!runs.empty()) derived.json = scenario.dump(2) + "\n";
}

}  // namespace

DumpedMachine read_dumped_machine(const std::string& path) {
  DumpedMachine machine;
  const CrashDump dump(path);
  machine.tables = std::make_unique<PhysMem>();
  machine.kernel = read_dumped_kernel(dump, *machine.tables);
  Evidence evidence;
  if (!machine.kernel.log.empty()) add_boot_log(evidence, machine.kernel.log, path, {});
  if (machine.kernel.missing_pages != 0) {
    evidence.notes.push_back(fmt::format("{} pages of the kernel's data are not in the dump: they are taken as zeros",
                                         machine.kernel.missing_pages));
  }
  if (!tells_memory(evidence.facts)) {
    evidence.notes.push_back(
        "the dump holds no boot messages that tell of memory: its own list of memory is taken, and no reservations");
    evidence.accounts.push_back(account_of(dump, machine.kernel));
  }
  if (evidence.facts.release.empty()) evidence.facts.release = dump.release();
  evidence.addresses = addresses_of(machine.kernel);
  machine.derived = scenario_from_evidence(evidence, path);
  const ordered_json scenario = ordered_json::parse(machine.derived.json);
  const bool all_early = std::all_of(machine.kernel.sections.begin(), machine.kernel.sections.end(),
                                     [](const DumpedSection& s) { return s.early; });
  machine.addresses_determined = all_early && scenario["memory"]["early_tables"] == "inside_reserved";
  add_later_memory(machine.kernel, machine.derived);
  return machine;
}

SectionAgreement compare_sections(const DumpedKernel& kernel, const std::vector<BootRange>& memory) {
  SectionAgreement result;
  std::set<uint64_t> dumped, model;
  for (const DumpedSection& s : kernel.sections) {
    if (s.early) dumped.insert(s.number);
  }
  std::map<unsigned, PhysRange> spans;
  for (const BootRange& r : memory) {
    for (uint64_t s = r.range.start.raw() / mm::kSectionBytes; start_of(s) < r.range.end; ++s) model.insert(s);
    PhysRange& span = spans.try_emplace(r.node, r.range).first->second;
    span = {std::min(span.start, r.range.start), std::max(span.end, r.range.end)};
  }
  result.dumped = dumped.size();
  result.model = model.size();
  for (const uint64_t s : dumped) result.equal += model.contains(s);
  for (const DumpedNode& n : kernel.nodes) {
    if (n.pages == 0) continue;
    ++result.nodes;
    const auto span = spans.find(n.node);
    const PhysRange own{address_of(n.start), address_of(n.start + n.pages)};
    result.equal_nodes += span != spans.end() && span->second == own;
  }
  return result;
}

}  // namespace mmusim
