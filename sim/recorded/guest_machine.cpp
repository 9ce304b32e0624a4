// SPDX-License-Identifier: MIT
#include "sim/recorded/guest_machine.h"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string_view>

#include "models/base/config.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr unsigned kLocalDistance = 10;
constexpr unsigned kRemoteDistance = 20;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    const size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool has_word(const std::string& cmdline, const std::string& word) {
  const auto words = split(cmdline, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "+name", "name=on" give true, "-name", "name=off" false.
std::optional<bool> cpu_feature(const std::string& cpu, const std::string& name) {
  std::optional<bool> value;
  for (const std::string& part : split(cpu, ',')) {
    if (part == "+" + name || part == name || part == name + "=on") value = true;
    if (part == "-" + name || part == name + "=off") value = false;
  }
  return value;
}

/// A bit of the kernel's feature words, as "clearcpuid=" takes it: by name or by number.
struct CpuCapability {
  std::string name;
  uint64_t number = 0;
};
const CpuCapability kPse{"pse", 3}, kPge{"pge", 13}, kNx{"nx", 32 + 20}, kGbPages{"pdpe1gb", 32 + 26};

/// True if the command line takes `capability` from the kernel.
bool cleared(const std::string& cmdline, const CpuCapability& capability) {
  for (const std::string& word : split(cmdline, ' ')) {
    if (!word.starts_with("clearcpuid=")) continue;
    for (const std::string& part : split(word.substr(word.find('=') + 1), ',')) {
      if (part == capability.name || parse_number(part) == capability.number) return true;
    }
  }
  return false;
}

bool has_capability(const std::string& cpu, const std::string& cmdline, const CpuCapability& capability,
                    bool of_the_model) {
  return cpu_feature(cpu, capability.name).value_or(of_the_model) && !cleared(cmdline, capability);
}

bool starts_with_any(const std::string& text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// QEMU's processor models with an Intel vendor string; the others are AMD, Hygon or QEMU's own (AMD as well).
bool is_intel_model(const std::string& model) {
  return starts_with_any(model, {"Nehalem",        "Westmere",      "SandyBridge",  "IvyBridge",   "Haswell",
                                 "Broadwell",      "Skylake",       "Cascadelake",  "Cooperlake",  "Icelake",
                                 "SapphireRapids", "GraniteRapids", "SierraForest", "KnightsMill", "Denverton",
                                 "Snowridge",      "Conroe",        "Penryn",       "core",        "kvm",
                                 "n270",           "pentium",       "486"});
}

/// QEMU's processor models with CPUID.80000001H:EDX.Page1GB.
bool has_1g_pages(const std::string& model) {
  return starts_with_any(
      model, {"max", "host", "Skylake-Server", "Cascadelake", "Cooperlake", "Icelake-Server", "SapphireRapids",
              "GraniteRapids", "SierraForest", "KnightsMill", "Denverton", "Snowridge", "EPYC", "Dhyana"});
}

bool page_table_isolation(const std::string& cpu, const std::string& model, const std::string& cmdline,
                          const std::vector<std::string>& dmesg, std::vector<std::string>& notes) {
  for (const std::string& line : dmesg) {
    if (line.find("page tables isolation: enabled") != std::string::npos) return true;
    if (line.find("page tables isolation: disabled") != std::string::npos) return false;
  }
  const std::string option = option_value(cmdline, "pti", ' ');
  if (option == "on") return true;
  if (option == "off" || has_word(cmdline, "nopti") || option_value(cmdline, "mitigations", ' ').starts_with("off")) {
    return false;
  }
  if (model == "host") {
    notes.push_back("cpu host: page-table isolation is assumed off; set /kernel/pti if the log says otherwise");
    return false;
  }
  const std::string vendor = option_value(cpu, "vendor", ',');
  return vendor.empty() ? is_intel_model(model) : vendor == "GenuineIntel";
}

std::vector<std::vector<unsigned>> node_distances(const std::vector<std::string>& qemu_args, const std::string& cmdline,
                                                  const std::vector<BootRange>& ranges) {
  unsigned nodes = 1;
  for (const BootRange& r : ranges) nodes = std::max(nodes, r.node + 1);
  // Emulated nodes of one real node are as near as that node is to itself.
  const bool emulated = option_value(cmdline, "numa", ' ').starts_with("fake=");
  if (!emulated) {
    for (size_t i = 0; i + 1 < qemu_args.size(); ++i) {
      if (qemu_args[i] != "-numa" || !qemu_args[i + 1].starts_with("node")) continue;
      const auto id = parse_number(option_value(qemu_args[i + 1], "nodeid", ','));
      if (id && *id < 1024) nodes = std::max(nodes, static_cast<unsigned>(*id) + 1);
    }
  }
  std::vector<std::vector<unsigned>> distances(nodes, std::vector<unsigned>(nodes, kRemoteDistance));
  for (unsigned a = 0; a < nodes; ++a) {
    for (unsigned b = 0; b < nodes; ++b) {
      if (a == b || emulated) distances[a][b] = kLocalDistance;
    }
  }
  for (size_t i = 0; i + 1 < qemu_args.size() && !emulated; ++i) {
    if (qemu_args[i] != "-numa" || !qemu_args[i + 1].starts_with("dist")) continue;
    const auto from = parse_number(option_value(qemu_args[i + 1], "src", ','));
    const auto to = parse_number(option_value(qemu_args[i + 1], "dst", ','));
    const auto value = parse_number(option_value(qemu_args[i + 1], "val", ','));
    if (from && to && value && *from < nodes && *to < nodes) {
      distances[*from][*to] = static_cast<unsigned>(*value);
      if (distances[*to][*from] == kRemoteDistance) distances[*to][*from] = static_cast<unsigned>(*value);
    }
  }
  return distances;
}

}  // namespace

std::string option_value(const std::string& list, const std::string& key, char separator) {
  std::string value;
  for (const std::string& part : split(list, separator)) {
    if (part.starts_with(key + "=")) value = part.substr(key.size() + 1);
  }
  return value;
}

bool switched_on(const std::string& cmdline, const std::string& name) {
  constexpr std::array<std::string_view, 7> kYes = {"1", "y", "Y", "on", "true", "t", "force"};
  const std::string value = option_value(cmdline, name, ' ');
  return std::find(kYes.begin(), kYes.end(), value) != kYes.end() || has_word(cmdline, name);
}

std::vector<NodeData> node_data_of(const std::vector<std::string>& dmesg) {
  static const std::regex pattern(R"(NODE_DATA\((\d+)\) allocated \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\])");
  std::vector<NodeData> nodes;
  for (const std::string& line : dmesg) {
    std::smatch m;
    if (line.size() > 1024 || !std::regex_search(line, m, pattern) || m[2].length() > 13 || m[3].length() > 13 ||
        m[1].length() > 4) {
      continue;
    }
    nodes.push_back({static_cast<unsigned>(std::stoul(m[1])),
                     {PhysAddr(std::stoull(m[2], nullptr, 16)), PhysAddr(std::stoull(m[3], nullptr, 16) + 1)}});
  }
  return nodes;
}

GuestMachine read_guest_machine(const std::vector<std::string>& qemu_args, const std::string& cpu,
                                const std::string& cmdline, const std::vector<std::string>& dmesg,
                                const std::vector<BootRange>& ranges, std::vector<std::string>& notes) {
  const auto parts = split(cpu, ',');
  const std::string model = parts.empty() ? "max" : parts.front();
  GuestMachine machine;
  machine.description = fmt::format("processor {}", cpu);
  machine.pti = page_table_isolation(cpu, model, cmdline, dmesg, notes);
  machine.pse = has_capability(cpu, cmdline, kPse, true);
  machine.pge = has_capability(cpu, cmdline, kPge, true);
  machine.nx = has_capability(cpu, cmdline, kNx, true);
  machine.gbpages = has_capability(cpu, cmdline, kGbPages, has_1g_pages(model)) && !has_word(cmdline, "nogbpages");
  machine.memmap_on_memory = switched_on(cmdline, "memory_hotplug.memmap_on_memory");
  machine.hvo = switched_on(cmdline, "hugetlb_free_vmemmap");
  machine.distances = node_distances(qemu_args, cmdline, ranges);
  return machine;
}

}  // namespace mmusim
