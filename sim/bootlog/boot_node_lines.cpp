// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "models/base/format.h"
#include "sim/bootlog/boot_lines.h"

namespace mmusim {

namespace {

constexpr uint64_t kMaxNodes = 1024;
constexpr size_t kMaxNodeRanges = 8192;
constexpr uint64_t kMaxPfn = uint64_t{1} << 40;
constexpr std::array<std::string_view, 6> kZones = {"DMA32", "DMA", "Normal", "HighMem", "Movable", "Device"};

std::optional<unsigned> node_number(LineScan& scan) {
  const auto node = scan.decimal();
  return node && *node < kMaxNodes ? std::optional(static_cast<unsigned>(*node)) : std::nullopt;
}

/// [start, end) of page frame numbers, as addresses.
std::optional<PhysRange> frames(uint64_t start, uint64_t end) {
  if (start >= end || end > kMaxPfn) return std::nullopt;
  return PhysRange{address_of(Pfn(start)), address_of(Pfn(end))};
}

/// Adds what is not there yet; false if there are too many.
bool add(std::vector<NodeRange>& list, const NodeRange& r) {
  const bool known =
      std::any_of(list.begin(), list.end(), [&](const NodeRange& o) { return o.range == r.range && o.node == r.node; });
  if (!known && list.size() >= kMaxNodeRanges) return false;
  if (!known) list.push_back(r);
  return true;
}

/// The end of a range of the SRAT without "[mem ...]": old kernels print the first address behind, older ones the last.
uint64_t last_of(uint64_t end) { return (end & 0xfff) == 0xfff ? end : end - 1; }

}  // namespace

LineRead NodeLines::read(std::string_view message, unsigned line) {
  if (message.starts_with("Zone ranges:") || message.starts_with("Zone PFN ranges:")) zone_list_ = true;
  if (message.starts_with("Early memory node ranges")) {
    if (!facts_.node_ranges_heading) facts_.node_ranges_heading = ToldNumber{0, line};
    zone_list_ = false;
    return LineRead::kTaken;
  }
  for (const auto rule : {&NodeLines::early_range, &NodeLines::old_early_range, &NodeLines::setup, &NodeLines::totals,
                          &NodeLines::vmemmap, &NodeLines::zone}) {
    if (const LineRead read = (this->*rule)(message, line); read != LineRead::kOther) return read;
  }
  for (const auto rule : {&NodeLines::affinity, &NodeLines::node_data}) {
    if (const LineRead read = (this->*rule)(message); read != LineRead::kOther) return read;
  }
  return LineRead::kOther;
}

/// "  node   0: [mem 0x0000000000001000-0x000000000009ffff]"
LineRead NodeLines::early_range(std::string_view message, unsigned line) {
  for (size_t at = message.find("node "); at != std::string_view::npos; at = message.find("node ", at + 1)) {
    if (at != 0 && message[at - 1] != ' ') continue;
    LineScan scan(message.substr(at + 5));
    scan.skip_spaces();
    const auto node = node_number(scan);
    if (!node || !scan.take(": [mem")) continue;
    scan = LineScan(message.substr(message.find("[mem", at)));
    const auto range = scan.mem();
    if (!range || !add(facts_.node_ranges, {*range, *node, line})) return LineRead::kDamaged;
    return LineRead::kTaken;
  }
  return LineRead::kOther;
}

/// "    0: 0x00000010 -> 0x0000009f" up to 3.5, and "    0:       16 ->      159" up to 2.6.28
LineRead NodeLines::old_early_range(std::string_view message, unsigned line) {
  LineScan scan(message);
  if (scan.take("early_node_map[")) {
    const auto entries = scan.decimal();
    old_list_ = true;
    if (!entries) return LineRead::kDamaged;
    facts_.node_ranges_heading = ToldNumber{*entries, line};
    return LineRead::kTaken;
  }
  if (scan.take("Early memory PFN ranges")) {
    old_list_ = true;
    facts_.node_ranges_heading = ToldNumber{0, line};
    return LineRead::kTaken;
  }
  if (!old_list_ && !zone_list_) return LineRead::kOther;
  const auto node = node_number(scan);
  if (!node || !scan.take(": ")) return LineRead::kOther;
  scan.skip_spaces();
  const bool hex = scan.take("0x");
  const auto start = hex ? scan.hex() : scan.decimal();
  if (!start) return LineRead::kOther;
  if (!scan.take(" -> ")) return LineRead::kDamaged;
  scan.skip_spaces();
  if (hex != scan.take("0x")) return LineRead::kDamaged;
  const auto end = hex ? scan.hex() : scan.decimal();
  const auto range = end ? frames(*start, *end) : std::nullopt;
  return range && add(facts_.node_ranges, {*range, *node, line}) ? LineRead::kTaken : LineRead::kDamaged;
}

LineRead NodeLines::affinity(std::string_view message) {
  LineScan scan(message);
  if (message.starts_with("Faking a node at") || message.starts_with("NUMA turned off")) facts_.single_node = true;
  const bool northbridge = scan.take("Node ");
  if (!northbridge && !scan.find("SRAT: Node ")) return LineRead::kOther;
  const auto node = node_number(scan);
  if (northbridge) {
    if (!node || !scan.take(" MemBase ")) return LineRead::kOther;
    const auto start = scan.hex();
    const auto end = scan.take(" Limit ") ? scan.hex() : std::nullopt;
    const auto range = start && end && *end != 0 ? inclusive_range(*start, *end - 1) : std::nullopt;
    if (!range) return LineRead::kDamaged;
    facts_.affinity.push_back({*range, *node});
    return LineRead::kTaken;
  }
  if (!node || !scan.take(" PXM ") || !scan.decimal()) return LineRead::kDamaged;
  scan.skip_spaces();
  std::optional<PhysRange> range;
  if (scan.rest().starts_with("[mem")) {
    // Entries without size are printed as all addresses there are.
    if (scan.rest().starts_with("[mem 0x00000000-0xffffffffffffffff]")) return LineRead::kTaken;
    range = scan.mem();
  } else if (const auto start = scan.hex(); start && scan.take("-")) {
    if (const auto end = scan.hex(); end && *end != 0) range = inclusive_range(*start, last_of(*end));
  }
  if (!range || facts_.affinity.size() >= kMaxNodeRanges) return LineRead::kDamaged;
  const bool hotplug = contains(scan.rest(), "hotplug") || contains(scan.rest(), "Hot Pluggable");
  facts_.affinity.push_back({*range, *node, hotplug});
  return LineRead::kTaken;
}

void NodeLines::add_span(PhysRange range, unsigned node, unsigned line, bool exact) {
  add(exact ? facts_.node_spans : facts_.setup_ranges, {range, node, line});
}

/// "Initmem setup node 0 [mem 0x0000000000001000-0x000000087fffffff]". With 16 digits it is printed after the list of
/// nodes and tells first and last page; the x86 code of before 3.16 printed what the SRAT gives, with fewer digits.
LineRead NodeLines::setup(std::string_view message, unsigned line) {
  LineScan scan(message);
  if (scan.take("Faking node ")) {
    const auto node = node_number(scan);
    if (!node || !scan.take(" at ")) return LineRead::kOther;
    std::optional<PhysRange> range = scan.mem();
    if (const auto start = range ? std::nullopt : scan.hex(); start && scan.take("-")) {
      if (const auto end = scan.hex(); end && *end != 0) range = inclusive_range(*start, last_of(*end));
    }
    if (!range) return LineRead::kDamaged;
    add_span(*range, *node, line, false);
    return LineRead::kTaken;
  }
  if (!scan.take("Initmem setup node ") && !scan.take("Bootmem setup node ")) return LineRead::kOther;
  const auto node = node_number(scan);
  if (!node) return LineRead::kDamaged;
  node_ = *node;
  scan.skip_spaces();
  if (scan.rest().starts_with("as memoryless")) return LineRead::kTaken;
  if (scan.rest().starts_with("[mem")) {
    const size_t digits = scan.rest().find('-') - std::string_view("[mem 0x").size();
    if (scan.rest().starts_with("[mem 0x0000000000000000-0x0000000000000000]")) return LineRead::kTaken;
    const auto range = scan.mem();
    if (!range) return LineRead::kDamaged;
    add_span(*range, *node, line, digits >= 16);
    return LineRead::kTaken;
  }
  const auto start = scan.hex();
  const auto end = scan.take("-") ? scan.hex() : std::nullopt;
  const auto range = start && end && *end != 0 ? inclusive_range(*start, last_of(*end)) : std::nullopt;
  if (!range) return LineRead::kDamaged;
  add_span(*range, *node, line, false);
  return LineRead::kTaken;
}

/// "NODE_DATA(0) allocated [mem 0x87ffd5000-0x87fffffff]"; before 3.16 "  NODE_DATA [mem ...]" and before 3.5
/// "  NODE_DATA [000000087fffb000 - 000000087fffffff]", of the node that was named last.
LineRead NodeLines::node_data(std::string_view message) {
  LineScan scan(message);
  if (!scan.take("NODE_DATA")) return LineRead::kOther;
  std::optional<unsigned> node = node_;
  if (scan.take("(")) {
    node = node_number(scan);
    if (!node || !scan.take(")")) return LineRead::kDamaged;
    if (scan.take(" on node ")) return LineRead::kTaken;
    if (!scan.take(" allocated")) return LineRead::kDamaged;
  }
  scan.skip_spaces();
  auto range = scan.mem();
  if (!range && scan.take("[")) {
    const auto first = scan.hex();
    const auto last = scan.take(" - ") ? scan.hex() : std::nullopt;
    if (first && last) range = inclusive_range(*first, *last);
  }
  if (!range || facts_.node_data.size() >= kMaxNodeRanges) return LineRead::kDamaged;
  std::erase_if(facts_.node_data, [&](const NodeData& data) { return data.node == *node; });
  facts_.node_data.push_back({*node, *range});
  return LineRead::kTaken;
}

/// "  DMA      [mem 0x0000000000001000-0x0000000000ffffff]" and "  Normal zone: 107520 pages used for memmap"
LineRead NodeLines::zone(std::string_view message, unsigned line) {
  const auto name =
      std::find_if(kZones.begin(), kZones.end(), [&](std::string_view z) { return message.starts_with(z); });
  if (name == kZones.end()) return LineRead::kOther;
  LineScan scan(message);
  scan.take(*name);
  if (scan.take(" zone: ")) {
    const auto pages = scan.decimal();
    if (!pages) return LineRead::kDamaged;
    const auto same = [&](const ZoneFact& z) { return z.node == node_ && z.name == *name; };
    auto zone = std::find_if(facts_.zones.begin(), facts_.zones.end(), same);
    if (zone == facts_.zones.end()) {
      if (facts_.zones.size() >= kMaxNodeRanges) return LineRead::kDamaged;
      zone = facts_.zones.insert(zone, ZoneFact{.name = std::string(*name), .node = node_});
    }
    if (scan.take(" pages used for memmap")) zone->memmap = *pages;
    if (scan.take(" pages reserved")) zone->reserved = *pages;
    if (scan.take(" pages, LIFO")) zone->pages = *pages;
    return LineRead::kTaken;
  }
  return zone_list_ ? zone_range(*name, scan, line) : LineRead::kOther;
}

/// The rest of "  Normal   [mem 0x0000000100000000-0x000000107fffffff]", "  Normal   0x00100000 -> 0x01080000" (up to
/// 3.5), or "  Normal    1048576 -> 17301504" (up to 2.6.28).
LineRead NodeLines::zone_range(std::string_view name, LineScan scan, unsigned line) {
  if (name == "HighMem") facts_.other_architecture = "zone HighMem is that of a 32-bit kernel";
  scan.skip_spaces();
  if (scan.rest().starts_with("empty") || scan.rest().starts_with("zone start")) return LineRead::kTaken;
  constexpr uint64_t kDmaEnd = uint64_t{1} << 24;
  std::optional<PhysRange> range = scan.mem();
  if (!range) {
    const bool hex = scan.take("0x");
    const auto start = hex ? scan.hex() : scan.decimal();
    if (!start || !scan.take(" -> ")) return LineRead::kDamaged;
    scan.skip_spaces();
    if (hex != scan.take("0x")) return LineRead::kDamaged;
    const auto end = hex ? scan.hex() : scan.decimal();
    if (end && *end == *start) return LineRead::kTaken;  // empty
    range = end ? frames(*start, *end) : std::nullopt;
  }
  if (!range) return LineRead::kDamaged;
  if (name == "DMA" && range->end.raw() > kDmaEnd) facts_.wide_dma_zone = true;
  const uint64_t end = range->end.raw() >> kPageShift;
  if (!facts_.zone_end || facts_.zone_end->value < end) facts_.zone_end = ToldNumber{end, line};
  return LineRead::kTaken;
}

LineRead NodeLines::totals(std::string_view message, unsigned line) {
  LineScan scan(message);
  if (scan.take("On node ")) {
    const auto node = node_number(scan);
    if (!node) return LineRead::kOther;
    node_ = *node;
    if (!scan.take(" totalpages: ")) return LineRead::kOther;
    const auto pages = scan.decimal();
    if (!pages) return LineRead::kDamaged;
    const auto [told, first] = facts_.node_pages.try_emplace(*node, ToldNumber{*pages, line});
    if (!first && told->second.value != *pages) {
      facts_.contradictions.push_back(fmt::format("node {} has {} pages (line {}) and {} (line {})", *node,
                                                  told->second.value, told->second.line, *pages, line));
    }
    return LineRead::kTaken;
  }
  if (scan.take("Built ")) {
    if (!scan.decimal() || !scan.take(" zonelists")) return LineRead::kOther;
    const auto pages = scan.find("Total pages: ") ? scan.decimal() : std::nullopt;
    if (!pages) return LineRead::kDamaged;
    facts_.total_pages = ToldNumber{*pages, line};
    return LineRead::kTaken;
  }
  if (!scan.take("Memory: ")) return LineRead::kOther;
  const auto free = scan.decimal();
  if (!free || !(scan.take("K/") || scan.take("k/"))) return free ? LineRead::kDamaged : LineRead::kOther;
  const auto all = scan.decimal();
  if (!all || !(scan.take("K available") || scan.take("k available"))) return LineRead::kDamaged;
  uint64_t absent = 0;
  for (LineScan part = scan; part.find(", ");) {
    const auto kib = part.decimal();
    if (kib && (part.take("k absent") || part.take("K absent"))) absent = *kib;
  }
  if (absent > *all) return LineRead::kDamaged;
  const uint64_t present = *all - absent;
  if (facts_.present_kib && facts_.present_kib->value != present) {
    facts_.contradictions.push_back(fmt::format("\"Memory:\" tells {} KiB (line {}) and {} KiB (line {})",
                                                facts_.present_kib->value, facts_.present_kib->line, present, line));
  }
  facts_.present_kib = ToldNumber{present, line};
  return LineRead::kTaken;
}

/// See VmemmapRun.
LineRead NodeLines::vmemmap(std::string_view message, unsigned line) {
  LineScan scan(message);
  if (!scan.take("[ffff")) return LineRead::kOther;
  scan = LineScan(message.substr(1));
  const auto first = scan.hex();
  const auto last = scan.take("-") ? scan.hex() : std::nullopt;
  if (!first || !last || !scan.take("] PMD -> [")) return LineRead::kOther;
  const auto direct = scan.hex();
  const auto direct_last = scan.take("-") ? scan.hex() : std::nullopt;
  const auto node = scan.take("] on node ") ? node_number(scan) : std::nullopt;
  if (!direct || !direct_last || !node) return LineRead::kDamaged;
  constexpr uint64_t kInLeaf = 2 * kMiB - 1;
  const VmemmapRun run{*first, *last + 1, *direct, *direct_last + 1, *node, line};
  const bool whole = run.start < run.end && run.direct_start < run.direct_end &&
                     run.direct_end - run.direct_start <= run.end - run.start &&
                     ((run.start | run.end | run.direct_start | run.direct_end) & kInLeaf) == 0;
  if (!whole) return LineRead::kDamaged;
  const bool known = std::any_of(facts_.vmemmap_runs.begin(), facts_.vmemmap_runs.end(),
                                 [&](const VmemmapRun& r) { return r.start == run.start; });
  if (!known && facts_.vmemmap_runs.size() < kMaxNodeRanges) facts_.vmemmap_runs.push_back(run);
  return LineRead::kTaken;
}

}  // namespace mmusim
