// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "sim/bootlog/boot_lines.h"

namespace mmusim {

namespace {

constexpr size_t kMaxEntries = 4096;  // the kernel has room for 128 and three for each node

/// Names on the lines of a map, the later one in a boot behind the earlier: each prints the whole map anew.
constexpr std::array<std::string_view, 8> kMapNames = {"BIOS-88", "BIOS-e801",          "LGUEST", "BIOS-e820",
                                                       "Xen",     "reserve setup_data", "user",   "modified"};

/// "639 KB " of the maps that tell sizes.
void skip_size(LineScan& scan) {
  LineScan ahead = scan;
  if (!ahead.decimal()) return;
  if (ahead.take(".")) ahead.decimal();
  ahead.skip_spaces();
  for (const std::string_view unit : {"kB", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB"}) {
    if (!ahead.take(unit)) continue;
    ahead.skip_spaces();
    scan = ahead;
    return;
  }
}

/// The kind that `text` begins with: words before 7.0, words from then on. Takes it from the text.
std::optional<MemoryKind> take_kind(LineScan& scan) {
  struct Word {
    std::string_view text;
    MemoryKind kind;
  };
  static constexpr std::array<Word, 11> kWords = {{{"usable", MemoryKind::kRam},
                                                   {"System RAM", MemoryKind::kRam},
                                                   {"reserved", MemoryKind::kReserved},
                                                   {"device reserved", MemoryKind::kReserved},
                                                   {"ACPI data", MemoryKind::kOther},
                                                   {"ACPI NVS", MemoryKind::kOther},
                                                   {"unusable", MemoryKind::kUnusable},
                                                   {"persistent RAM (type ", MemoryKind::kPersistent},
                                                   {"persistent (type ", MemoryKind::kPersistent},
                                                   {"soft reserved", MemoryKind::kSoftReserved},
                                                   {"type ", MemoryKind::kOther}}};
  for (const Word& word : kWords) {
    LineScan ahead = scan;
    if (!ahead.take(word.text)) continue;
    if (word.text.ends_with(' ') && !ahead.decimal()) return std::nullopt;
    if (word.text.find('(') != std::string_view::npos && !ahead.take(")")) return std::nullopt;
    const bool ends = ahead.at_end() || ahead.rest().front() == ' ' || ahead.rest().front() == ')';
    if (!ends) return std::nullopt;
    scan = ahead;
    return word.kind;
  }
  return std::nullopt;
}

/// `map` where the part of `kinds` in `range` becomes `to`, or vanishes.
std::vector<MapEntry> changed(const std::vector<MapEntry>& map, const PhysRange& range, std::optional<MemoryKind> from,
                              std::optional<MemoryKind> to) {
  std::vector<MapEntry> out;
  for (const MapEntry& e : map) {
    if (!e.range.overlaps(range) || (from && e.kind != *from)) {
      out.push_back(e);
      continue;
    }
    const PhysRange part{std::max(e.range.start, range.start), std::min(e.range.end, range.end)};
    if (e.range.start < part.start) out.push_back({{e.range.start, part.start}, e.kind});
    if (to) out.push_back({part, *to});
    if (part.end < e.range.end) out.push_back({{part.end, e.range.end}, e.kind});
  }
  return out;
}

}  // namespace

LineRead MapLines::read(std::string_view message, unsigned line) {
  ++order_;
  static constexpr std::array<std::string_view, 9> kAfterwards = {
      "esrt: ",    "Using GB pages",        "RAMDISK: ",   "ACPI: RSDP", "ACPI: Early table", "ACPI: SRAT",
      "NODE_DATA", "No NUMA configuration", "Zone ranges:"};
  const bool afterwards = std::any_of(kAfterwards.begin(), kAfterwards.end(),
                                      [&](std::string_view start) { return message.starts_with(start); });
  if (afterwards && taken_at_ == 0) taken_at_ = order_;
  for (const LineRead read : {entry(message), change(message), last_pfn(message, line)}) {
    if (read != LineRead::kOther) return read;
  }
  return LineRead::kOther;
}

LineRead MapLines::entry(std::string_view message) {
  // A word that nothing else uses is found wherever it is: something unknown may stand before it.
  const size_t anywhere = message.find("BIOS-e820: ");
  if (anywhere != std::string_view::npos) message.remove_prefix(anywhere);
  for (const std::string_view name : kMapNames) {
    LineScan scan(message);
    if (!scan.take(name) || !scan.take(": ")) continue;
    scan.skip_spaces();
    if (scan.rest().starts_with("[gap 0x")) return LineRead::kTaken;
    const bool modern = scan.rest().starts_with("[mem");
    const bool old = !scan.rest().empty() && scan.rest().find_first_not_of("0123456789abcdef") >= 8;
    if (!modern && !old) return name == "BIOS-e820" ? LineRead::kDamaged : LineRead::kOther;
    const auto range = modern ? scan.mem() : scan.old_range();
    scan.skip_spaces();
    if (!modern && !scan.take("(")) return LineRead::kDamaged;
    skip_size(scan);
    const auto kind = take_kind(scan);
    if (!range || !kind) return LineRead::kDamaged;
    auto& map = facts_.maps[std::string(name)];
    const bool known = std::any_of(map.begin(), map.end(), [&](const MapEntry& e) {
      return e.range == *range && e.kind == *kind;  // logs that have each line twice
    });
    if (map.size() >= kMaxEntries) return LineRead::kDamaged;
    if (!known) map.push_back({*range, *kind});
    return LineRead::kTaken;
  }
  return LineRead::kOther;
}

LineRead MapLines::change(std::string_view message) {
  if (const size_t at = message.find("e820: update [mem"); at != std::string_view::npos) message.remove_prefix(at);
  if (const size_t at = message.find("e820: remove [mem"); at != std::string_view::npos) message.remove_prefix(at);
  LineScan scan(message);
  const bool old = scan.take("e820 ");
  if (!old && !scan.take("e820: ")) return LineRead::kOther;
  const bool update = scan.take("update ");
  if (!update && !scan.take("remove ")) return LineRead::kOther;
  if (old && !scan.take("range: ")) return LineRead::kOther;
  if (!old && !scan.rest().starts_with("[mem")) return LineRead::kOther;
  const auto range = old ? scan.old_range() : scan.mem();
  if (!range) return LineRead::kDamaged;
  const auto kind = [&]() {
    scan.skip_spaces();
    if (old) scan.take("(");
    const auto read = take_kind(scan);
    if (old) scan.take(")");
    return read;
  };
  Change c{*range, kind(), std::nullopt, order_};
  const bool told = c.from.has_value() || scan.at_end();
  if (update) {
    scan.skip_spaces();
    if (!c.from || !scan.take("==>")) return LineRead::kDamaged;
    c.to = kind();
    if (!c.to) return LineRead::kDamaged;
  }
  if (!told || changes_.size() >= kMaxEntries) return LineRead::kDamaged;
  changes_.push_back(c);
  return LineRead::kTaken;
}

LineRead MapLines::last_pfn(std::string_view message, unsigned line) {
  LineScan scan(message);
  scan.take("e820: ");
  if (!scan.take("last_pfn = 0x")) return LineRead::kOther;
  const auto pfn = scan.hex();
  if (!pfn || !scan.take(" max_arch_pfn = 0x")) return LineRead::kDamaged;
  const auto limit = scan.hex();
  if (!limit || *limit < *pfn) return LineRead::kDamaged;
  // The limit is MAXMEM: 2^46 bytes with 4 levels, 2^52 with 5 (2^36 and less on 32 bit).
  constexpr uint64_t kFourLevels = uint64_t{1} << 34;
  constexpr uint64_t kFiveLevels = uint64_t{1} << 40;
  if (*limit == kFourLevels || *limit == kFiveLevels) facts_.levels = *limit == kFiveLevels ? 5 : 4;
  if (*limit == uint64_t{1} << 20 || *limit == uint64_t{1} << 24)
    facts_.other_architecture = "max_arch_pfn is that of a 32-bit kernel";
  if (facts_.last_pfn.size() < kMaxEntries) facts_.last_pfn.push_back({*pfn, line});
  last_pfn_at_ = order_;
  return LineRead::kTaken;
}

void MapLines::finish() {
  for (const std::string_view name : kMapNames) {
    if (const auto map = facts_.maps.find(std::string(name)); map != facts_.maps.end()) facts_.map = map->second;
  }
  // memblock takes the map right after the last "last_pfn"; what efi_mem_reserve and others change later is in
  // memblock's memory all the same [setup_arch: e820__memblock_setup].
  const size_t taken = last_pfn_at_ != 0 ? last_pfn_at_ : taken_at_ != 0 ? taken_at_ : order_ + 1;
  for (const Change& c : changes_) {
    if (c.order < taken) facts_.map = changed(facts_.map, c.range, c.from, c.to);
  }
  for (const Change& c : changes_) {
    if (c.order < taken || c.from != MemoryKind::kRam || c.to == MemoryKind::kRam) continue;
    for (const MapEntry& e : facts_.map) {
      if (e.kind != MemoryKind::kRam || !e.range.overlaps(c.range)) continue;
      facts_.late_reserved.push_back({std::max(e.range.start, c.range.start), std::min(e.range.end, c.range.end)});
    }
  }
  std::sort(facts_.map.begin(), facts_.map.end(),
            [](const MapEntry& a, const MapEntry& b) { return a.range < b.range; });
}

}  // namespace mmusim
