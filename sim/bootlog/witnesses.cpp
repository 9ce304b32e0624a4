// SPDX-License-Identifier: MIT
#include "sim/bootlog/witnesses.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"
#include "sim/bootlog/line_scan.h"
#include "sim/bootlog/log_text.h"

namespace mmusim {

namespace {

using nlohmann::json;

constexpr size_t kHeadBytes = 64 * kKiB;  // that tell what a text is
constexpr size_t kMaxLines = 200'000;
constexpr uint64_t kMaxNodes = 1024;
constexpr uint64_t kSmallestBlock = 128 * kMiB;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size() && lines.size() < kMaxLines;) {
    const size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    start = end + 1;
  }
  return lines;
}

/// "00100000-bf7fffff : System RAM"
bool is_resource(const std::string& line) {
  LineScan scan(line);
  scan.skip_spaces();
  return scan.hex() && scan.take("-") && scan.hex() && scan.take(" : ");
}

void add_iomem(Evidence& evidence, const std::string& text, const std::string& name) {
  const std::vector<Resource> resources = parse_resources(lines_of(text), name);
  MemoryAccount account{.name = fmt::format("/proc/iomem ({})", name), .ranges = {}};
  std::vector<PhysRange> ram;
  KernelImage image{};
  for (const Resource& r : resources) {
    if (r.depth == 0 && r.name == "System RAM") ram.push_back(r.range);
    if (r.depth == 0 && r.name.starts_with("System RAM (")) {
      evidence.notes.push_back(fmt::format("{} at {} was added after the boot: left out", r.name, r.range.start));
    }
    if (r.name == "Kernel code") image.start = r.range.start;
    if (r.name == "Kernel data") image.data = r.range.start;
    if (r.name == "Kernel bss") image.end = r.range.end.align_up(2 * kMiB);
    if (r.name == "Crash kernel") evidence.facts.crash_kernel.push_back(r.range);
    const bool persistent = r.depth == 0 && r.name.starts_with("Persistent Memory");
    const bool soft = r.depth == 0 && r.name.starts_with("Soft Reserved");
    if (!evidence.boot_log && (persistent || soft)) {
      evidence.facts.map.push_back({r.range, persistent ? MemoryKind::kPersistent : MemoryKind::kSoftReserved});
    }
  }
  const bool hidden = std::all_of(resources.begin(), resources.end(),
                                  [](const Resource& r) { return r.range.start.raw() == 0 && r.range.bytes() == 1; });
  if (hidden)
    throw InputError(fmt::format("{}: the kernel hid the addresses: expected /proc/iomem as root reads it", name));
  if (ram.empty()) throw InputError(fmt::format("{}: no \"System RAM\" in it", name));
  // The kernel takes some RAM from this map only when memblock has it already.
  for (const PhysRange& late : evidence.facts.late_reserved) ram.push_back(late);
  for (const PhysRange& r : whole_pages(ram)) account.ranges.push_back({r, 0});
  if (image.start.raw() != 0 && image.start < image.data && image.data < image.end) {
    image.start = image.start.align_down(2 * kMiB);
    evidence.image = image;
  }
  evidence.accounts.push_back(std::move(account));
}

/// "/sys/firmware/memmap/0/start:0x0" of grep -r, "==> /sys/firmware/memmap/0/start <==" of head and tail.
void add_firmware_map(Evidence& evidence, const std::string& text, const std::string& name) {
  struct Entry {
    std::optional<uint64_t> start, end;
    std::string type;
  };
  std::map<uint64_t, Entry> entries;
  std::string pending;
  for (const std::string& line : lines_of(text)) {
    std::string path = pending;
    std::string value = line;
    if (line.starts_with("==> ")) {
      pending = line.substr(4, line.rfind(" <==") - 4);
      continue;
    }
    if (const size_t colon = line.find(':'); pending.empty() && colon != std::string::npos) {
      path = line.substr(0, colon);
      value = line.substr(colon + 1);
    }
    const size_t last = path.rfind('/');
    const size_t before = last == std::string::npos || last == 0 ? std::string::npos : path.rfind('/', last - 1);
    if (last == std::string::npos) continue;
    const size_t first = before == std::string::npos ? 0 : before + 1;
    const auto number = parse_number(path.substr(first, last - first));
    if (!number) continue;
    const std::string key = path.substr(last + 1);
    if (key == "start") entries[*number].start = parse_number(value);
    if (key == "end") entries[*number].end = parse_number(value);
    if (key == "type") entries[*number].type = value;
    pending.clear();
  }
  std::vector<PhysRange> ram;
  for (const auto& [number, e] : entries) {
    const auto range = e.start && e.end ? inclusive_range(*e.start, *e.end) : std::nullopt;
    if (!range || e.type.empty()) {
      throw InputError(
          fmt::format("{}: entry {} of the firmware's map is not whole: expected start, end and type", name, number));
    }
    if (e.type == "System RAM") ram.push_back(*range);
  }
  // The kernel takes the adapter area and page 0 from RAM in any case [trim_bios_range].
  ram = without(ram, {{PhysAddr(0xa0000), PhysAddr(kMiB)}});
  MemoryAccount account{.name = fmt::format("/sys/firmware/memmap ({})", name), .ranges = {}};
  for (const PhysRange& r : whole_pages(ram)) account.ranges.push_back({r, 0});
  if (account.ranges.empty()) throw InputError(fmt::format("{}: no RAM in the firmware's map", name));
  evidence.accounts.push_back(std::move(account));
}

/// A row of lsmem: whole blocks of memory, holes included.
struct BlockRange {
  PhysRange range;
  std::optional<unsigned> node;
  bool online = true;
  uint64_t block_bytes = 0;
};

std::optional<PhysRange> lsmem_range(const std::string& text) {
  LineScan scan(text);
  const auto first = scan.take("0x") ? scan.hex() : std::nullopt;
  const auto last = scan.take("-0x") ? scan.hex() : std::nullopt;
  return first && last ? inclusive_range(*first, *last) : std::nullopt;
}

std::vector<BlockRange> read_lsmem_json(const std::string& text, const std::string& name) {
  const json document = parse_json_text(text, name);
  std::vector<BlockRange> rows;
  for (const json& row : document["memory"]) {
    const auto field = [&](const char* key) {
      return row.is_object() && row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string();
    };
    const auto range = lsmem_range(field("range"));
    if (!range) throw InputError(fmt::format("{}: a row of lsmem has no \"range\": \"0xA-0xB\"", name));
    BlockRange r{*range, std::nullopt, !field("state").starts_with("offline"), 0};
    if (row.contains("node") && row["node"].is_number_unsigned()) r.node = row["node"].get<unsigned>();
    if (const auto node = parse_number(field("node"))) r.node = static_cast<unsigned>(*node);
    const std::string blocks = field("block");
    const auto first = parse_number(blocks.substr(0, blocks.find('-')));
    const auto last = parse_number(blocks.substr(blocks.find('-') + 1));
    if (first && last && *last >= *first) r.block_bytes = range->bytes() / (*last - *first + 1);
    rows.push_back(r);
  }
  return rows;
}

/// The table lsmem prints, with or without a column NODE.
std::vector<BlockRange> read_lsmem_table(const std::string& text, const std::string& name) {
  std::vector<BlockRange> rows;
  size_t node_column = std::string::npos;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("RANGE")) {
      const size_t at = line.find("NODE");
      node_column = at == std::string::npos ? at : at + 4;  // the column is set to the right
    }
    if (!line.starts_with("0x")) continue;
    const auto range = lsmem_range(line);
    if (!range) throw InputError(fmt::format("{}: \"{}\" is no row of lsmem", name, line));
    BlockRange r{*range, std::nullopt, line.find("offline") == std::string::npos, 0};
    if (node_column != std::string::npos && line.size() >= node_column) {
      const size_t first = line.rfind(' ', node_column - 1) + 1;
      if (const auto node = parse_number(line.substr(first, node_column - first)))
        r.node = static_cast<unsigned>(*node);
    }
    rows.push_back(r);
  }
  return rows;
}

void add_lsmem(Evidence& evidence, const std::string& text, const std::string& name) {
  const bool is_json =
      text.find_first_not_of(" \t\n") != std::string::npos && text[text.find_first_not_of(" \t\n")] == '{';
  const std::vector<BlockRange> rows = is_json ? read_lsmem_json(text, name) : read_lsmem_table(text, name);
  MemoryAccount account{.name = fmt::format("lsmem ({})", name), .ranges = {}, .knows_nodes = true};
  uint64_t granule = 0;
  bool affinity = evidence.facts.affinity.empty();
  for (const BlockRange& r : rows) {
    if (r.node && *r.node >= kMaxNodes)
      throw InputError(fmt::format("{}: node {} is beyond {}", name, *r.node, kMaxNodes - 1));
    if (!r.online) continue;
    account.ranges.push_back({r.range, r.node.value_or(0)});
    account.knows_nodes &= r.node.has_value();
    granule |= r.block_bytes != 0 ? r.block_bytes : r.range.start.raw() | r.range.end.raw();
  }
  if (account.ranges.empty()) throw InputError(fmt::format("{}: no online memory in lsmem", name));
  account.granule = std::max(granule & ~(granule - 1), kPageBytes);
  if (account.granule < kSmallestBlock) {
    throw InputError(fmt::format("{}: blocks of {} bytes, expected at least 128 MiB", name, account.granule));
  }
  std::sort(account.ranges.begin(), account.ranges.end(),
            [](const BootRange& a, const BootRange& b) { return a.range < b.range; });
  for (size_t i = 1; i < account.ranges.size(); ++i) {
    const PhysRange before = account.ranges[i - 1].range;
    const PhysRange range = account.ranges[i].range;
    if (range.start < before.end) {
      throw InputError(
          fmt::format("{}: lsmem tells {:#x} to {:#x} and {:#x} to {:#x}, expected rows that do not overlap", name,
                      before.start.raw(), before.end.raw(), range.start.raw(), range.end.raw()));
    }
  }
  if (affinity && account.knows_nodes) {
    for (const BootRange& r : account.ranges) evidence.facts.affinity.push_back({r.range, r.node});
  }
  evidence.accounts.push_back(std::move(account));
}

void add_numactl(Evidence& evidence, const std::string& text, const std::string& name) {
  bool distances = false;
  for (const std::string& line : lines_of(text)) {
    LineScan scan(line);
    scan.skip_spaces();
    if (scan.take("node distances:")) distances = true;
    const bool named = scan.take("node ");
    const auto node = scan.decimal();
    if (!node || *node >= kMaxNodes) continue;
    if (named && scan.take(" size: ")) {
      const auto mib = scan.decimal();
      if (!mib || !scan.take(" MB")) throw InputError(fmt::format("{}: \"{}\" tells no size in MB", name, line));
      evidence.facts.node_mib[static_cast<unsigned>(*node)] = *mib;
    } else if (!named && distances && scan.take(":")) {
      if (evidence.distances.size() <= *node) evidence.distances.resize(*node + 1);
      auto& row = evidence.distances[*node];
      row.clear();
      for (scan.skip_spaces(); const auto d = scan.decimal(); scan.skip_spaces()) {
        if (*d < 10 || *d > 255) throw InputError(fmt::format("{}: distance {}, expected 10 to 255", name, *d));
        row.push_back(static_cast<unsigned>(*d));
      }
    }
  }
  if (evidence.facts.node_mib.empty())
    throw InputError(fmt::format("{}: numactl tells no \"node N size: M MB\"", name));
}

/// The first processor of /proc/cpuinfo, where the log does not tell one.
void add_cpuinfo(Evidence& evidence, const std::string& text) {
  ProcessorFact cpu;
  for (const std::string& line : lines_of(text)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_first_of("\t:"));
    const std::string value = line.substr(std::min(colon + 2, line.size()));
    const auto number = parse_number(value);
    const auto as = [&](std::optional<unsigned>& out) {
      if (number && !out && *number < 0x1000) out = static_cast<unsigned>(*number);
    };
    if (key == "model name" && cpu.name.empty()) cpu.name = value;
    if (key == "cpu family") as(cpu.family);
    if (key == "model") as(cpu.model);
    if (key == "stepping") as(cpu.stepping);
    if (key == "flags") evidence.facts.gb_pages |= (value + " ").find("pdpe1gb ") != std::string::npos;
  }
  if (!evidence.facts.processor.family) evidence.facts.processor = cpu;
}

}  // namespace

WitnessKind witness_kind(const std::string& text) {
  const std::string head = text.substr(0, kHeadBytes);
  const std::vector<std::string> lines = lines_of(head);
  if (lines.empty()) return WitnessKind::kNone;
  if (head.find("/sys/firmware/memmap/") != std::string::npos || lines[0].find("0/end:0x") != std::string::npos ||
      lines[0].find("0/start:0x") != std::string::npos) {
    return WitnessKind::kFirmwareMap;
  }
  if (is_resource(lines[0])) return WitnessKind::kIomem;
  const bool json_text =
      lines[0].find_first_not_of(" \t") != std::string::npos && lines[0].find('{') != std::string::npos;
  if (json_text && head.find("\"memory\"") != std::string::npos && head.find("\"range\"") != std::string::npos) {
    return WitnessKind::kLsmem;
  }
  if (lines[0].starts_with("RANGE ")) return WitnessKind::kLsmem;
  if (lines[0].starts_with("available: ") && lines[0].find(" nodes") != std::string::npos) return WitnessKind::kNumactl;
  if (lines[0].starts_with("processor") && head.find("vendor_id") != std::string::npos) return WitnessKind::kCpuinfo;
  return WitnessKind::kNone;
}

bool is_witness(std::string_view bytes) {
  return witness_kind(decode_log(bytes.substr(0, kHeadBytes)).text) != WitnessKind::kNone;
}

void add_witness(Evidence& evidence, WitnessKind kind, const std::string& text, const std::string& name) {
  switch (kind) {
    case WitnessKind::kIomem:
      return add_iomem(evidence, text, name);
    case WitnessKind::kFirmwareMap:
      return add_firmware_map(evidence, text, name);
    case WitnessKind::kLsmem:
      return add_lsmem(evidence, text, name);
    case WitnessKind::kNumactl:
      return add_numactl(evidence, text, name);
    case WitnessKind::kCpuinfo:
      return add_cpuinfo(evidence, text);
    case WitnessKind::kNone:
      break;
  }
}

}  // namespace mmusim
