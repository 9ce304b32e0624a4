// SPDX-License-Identifier: MIT
#include "sim/recorded/recorded_stages.h"

#include <algorithm>
#include <iterator>
#include <regex>

#include <nlohmann/json.hpp>

#include "mm/layout.h"
#include "models/base/config.h"
#include "models/base/errors.h"

namespace mmusim {

using nlohmann::ordered_json;

namespace {

using mm::kSectionBytes;
constexpr uint64_t kSubsectionBytes = 2 * kMiB;

using FolioSet = std::set<std::pair<uint64_t, uint64_t>>;  // head page, pages

/// A device's memory for which struct pages exist (memremap_pages).
struct Attachment {
  PhysRange range;
  unsigned node = 0;
  NamespaceSetup setup;
  bool operator==(const Attachment&) const = default;
};

bool overlaps_any(const PhysRange& range, const std::vector<PhysRange>& others) {
  return std::any_of(others.begin(), others.end(), [&](const PhysRange& o) { return o.overlaps(range); });
}

std::string match_one(const std::string& text, const char* pattern) {
  std::smatch m;
  if (text.size() > 16 * kKiB || !std::regex_search(text, m, std::regex(pattern))) return {};
  return m[1];
}

/// The state of the machine after a stage, as far as vmemmap is concerned.
struct StageState {
  std::vector<PhysRange> added;
  std::vector<Attachment> attached;
  FolioSet folios;
};

/// Node of a recorded device: "numa_node:1" in what the actions printed about it, else 0.
unsigned device_node(const RecordedStage& stage) {
  for (const std::string& text : stage.action_output) {
    const size_t at = text.find("/numa_node:");
    if (at == std::string::npos) continue;
    const auto node = parse_number(text.substr(at + 11, text.find('\n', at) - at - 11));
    if (node && *node < 1024) return static_cast<unsigned>(*node);
  }
  return 0;
}

/// Guess for a namespace that no action sets up: struct pages that lie in it take 1/64 of it before its data.
NamespaceSetup setup_of_resources(const PersistentRegion& region) {
  NamespaceSetup setup;
  if (region.dax_device.empty() || region.dax_start <= region.range.start) return setup;
  const uint64_t offset = region.dax_start - region.range.start;
  if (offset >= region.range.bytes() / 64) setup.mode = NamespaceSetup::Mode::kDevice;
  return setup;
}

std::vector<Attachment> attachments_of(const RecordedStage& stage, const std::vector<PhysRange>& added,
                                       const std::vector<std::pair<std::string, NamespaceSetup>>& setups) {
  std::vector<Attachment> attached;
  for (const PersistentRegion& region : persistent_regions(stage.resources)) {
    if (region.name_space.empty() || overlaps_any(region.range, added)) continue;
    const auto known =
        std::find_if(setups.begin(), setups.end(), [&](const auto& setup) { return setup.first == region.name_space; });
    NamespaceSetup setup = known == setups.end() ? setup_of_resources(region) : known->second;
    if (!region.dax_device.empty()) setup.kind = NamespaceSetup::Kind::kDax;
    if (setup.kind == NamespaceSetup::Kind::kDax && region.dax_device.empty()) continue;  // no driver took it
    if (setup.kind == NamespaceSetup::Kind::kRaw) {
      // Raw namespaces get struct pages only on legacy regions (ND_REGION_PAGEMAP) [drivers/nvdimm/e820.c].
      if (region.legacy) attached.push_back({region.range, device_node(stage), setup});
      continue;
    }
    // nd_pfn_init cuts the end to the alignment, a sub-section's at least [drivers/nvdimm/pfn_devs.c].
    const PhysRange range{region.range.start, region.range.end.align_down(std::max(setup.align, kSubsectionBytes))};
    attached.push_back({range, device_node(stage), setup});
  }
  return attached;
}

/// The order in which the buddy allocator handed folios out: free blocks of just that size come first, then larger ones
/// are split, ascending. A folio whose buddy was not taken came from a block of its size, unless it goes on where a run
/// of split blocks ends.
void sort_as_allocated(std::vector<std::pair<uint64_t, uint64_t>>& folios, const FolioSet& all) {
  const auto alone = [&](const std::pair<uint64_t, uint64_t>& folio) {
    const auto [pfn, pages] = folio;
    return !all.contains({pfn ^ pages, pages}) && !(pfn >= pages && all.contains({pfn - pages, pages}));
  };
  std::stable_partition(folios.begin(), folios.end(), alone);
}

class PhaseList {
 public:
  PhaseList(uint64_t block_bytes, FolioOrder order, const FolioSet& boot_folios)
      : block_bytes_(block_bytes), order_(order), boot_folios_(boot_folios) {}

  void add_stage(const RecordedStage& stage, const StageState& before, const StageState& after,
                 const RecordedStage* previous) {
    stage_ = stage.name;
    const size_t first = phases_.size();
    if (previous == nullptr) phase("boot");
    if (previous == nullptr && !boot_folios_.empty()) phase("hugetlb_init");
    hugetlb("restore", before.folios, after.folios);
    for (const Attachment& a : before.attached) {
      if (!contains(after.attached, a)) range_phase("pmem_remove", a.range);
    }
    for (const PhysRange& range : without(before.added, after.added)) range_phase("hot_remove", range);
    for (const PhysRange& range : without(after.added, before.added)) hot_add(range, stage);
    online(stage, previous, after.added);
    for (const Attachment& a : after.attached) {
      if (!contains(before.attached, a)) attach(a);
    }
    hugetlb("optimise", after.folios, before.folios);
    if (phases_.size() == first) phase("mark");
  }
  ordered_json take() { return std::move(phases_); }

 private:
  static bool contains(const std::vector<Attachment>& list, const Attachment& a) {
    return std::find(list.begin(), list.end(), a) != list.end();
  }
  ordered_json& phase(const char* kind) {
    phases_.push_back({{"phase", kind}, {"stage", stage_}});
    return phases_.back();
  }
  ordered_json& range_phase(const char* kind, const PhysRange& range) {
    ordered_json& p = phase(kind);
    p["start"] = fmt::format("0x{:x}", range.start.raw());
    p["size"] =
        range.bytes() % kMiB == 0 ? fmt::format("{}MiB", range.bytes() / kMiB) : fmt::format("0x{:x}", range.bytes());
    return p;
  }
  PhysRange range_of(const MemoryBlock& block) const {
    const PhysAddr start(block.number * block_bytes_);
    return {start, start + block_bytes_};
  }
  void hot_add(const PhysRange& range, const RecordedStage& stage) {
    unsigned node = 0;
    for (const MemoryBlock& block : stage.blocks) {
      if (range_of(block).overlaps(range)) {
        node = block.node;
        break;
      }
    }
    ordered_json& p = range_phase("hot_add", range);
    p["node"] = node;
    // Of the callers that add memory only ACPI asks for MHP_MEMMAP_ON_MEMORY; its resource has no driver's name behind it.
    const bool by_driver = std::any_of(stage.resources.begin(), stage.resources.end(), [&](const Resource& r) {
      return r.range.overlaps(range) && r.name.starts_with("System RAM (");
    });
    if (by_driver) p["memmap_on_memory"] = false;
  }
  /// Blocks of added memory that are online now and were not before; neighbours of one zone make one phase.
  void online(const RecordedStage& stage, const RecordedStage* previous, const std::vector<PhysRange>& added) {
    std::vector<std::pair<PhysRange, std::string>> runs;
    for (const MemoryBlock& block : stage.blocks) {
      if (block.state != "online" || !overlaps_any(range_of(block), added)) continue;
      const bool was_online = previous != nullptr &&
                              std::any_of(previous->blocks.begin(), previous->blocks.end(), [&](const MemoryBlock& b) {
                                return b.number == block.number && b.state == "online";
                              });
      if (was_online) continue;
      const std::string zone = block.zones == "Movable" ? "movable" : "normal";
      if (!runs.empty() && runs.back().first.end == range_of(block).start && runs.back().second == zone) {
        runs.back().first.end = range_of(block).end;
      } else {
        runs.emplace_back(range_of(block), zone);
      }
    }
    for (const auto& [range, zone] : runs) range_phase("online", range)["zone"] = zone;
  }
  void attach(const Attachment& a) {
    const bool dax = a.setup.kind == NamespaceSetup::Kind::kDax;
    ordered_json& p = range_phase(dax ? "dax" : "pmem", a.range);
    p["node"] = a.node;
    p["namespace"] = a.setup.kind != NamespaceSetup::Kind::kRaw;
    if (a.setup.kind == NamespaceSetup::Kind::kRaw) return;
    p["memmap"] = a.setup.mode == NamespaceSetup::Mode::kDevice ? "device" : "ram";
    p["align"] = fmt::format("{}KiB", a.setup.align / kKiB);
  }
  /// Folios of `folios` that `without_these` lacks, in the order in which the kernel gets to them.
  void hugetlb(const char* what, const FolioSet& folios, const FolioSet& without_these) {
    std::vector<std::pair<uint64_t, uint64_t>> changed;
    std::set_difference(folios.begin(), folios.end(), without_these.begin(), without_these.end(),
                        std::back_inserter(changed));
    if (changed.empty()) return;
    sort_as_allocated(changed, folios);
    if (order_ == FolioOrder::kLastFirst) std::reverse(changed.begin(), changed.end());
    ordered_json list = ordered_json::array();
    for (const auto& [pfn, pages] : changed) list.push_back({pfn, pages});
    phase("hugetlb")[what] = std::move(list);
  }

  uint64_t block_bytes_;
  FolioOrder order_;
  const FolioSet& boot_folios_;
  std::string stage_;
  ordered_json phases_ = ordered_json::array();
};

}  // namespace

void follow_namespace_actions(const std::string& action, std::vector<std::pair<std::string, NamespaceSetup>>& setups) {
  const std::string seed = match_one(action, R"((dax|pfn)_seed)");
  if (seed.empty()) return;
  const std::string name = match_one(action, R"((namespace[0-9]+\.[0-9]+))");
  NamespaceSetup setup;
  setup.kind = seed == "dax" ? NamespaceSetup::Kind::kDax : NamespaceSetup::Kind::kPfn;
  setup.mode = match_one(action, R"(echo +(\w+) *> *[^;>]*/mode)") == "pmem" ? NamespaceSetup::Mode::kDevice
                                                                             : NamespaceSetup::Mode::kRam;
  const auto align = parse_number(match_one(action, R"(echo +([0-9]+) *> *[^;>]*/align)"));
  if (align && *align >= kPageBytes && (*align & (*align - 1)) == 0 && *align <= kGiB) setup.align = *align;
  const auto known = std::find_if(setups.begin(), setups.end(), [&](const auto& s) { return s.first == name; });
  if (known == setups.end()) {
    setups.emplace_back(name, setup);
  } else {
    known->second = setup;
  }
}

ordered_json phases_of(const std::vector<RecordedStage>& stages, const std::vector<BootRange>& boot,
                       const std::vector<PhysRange>& boot_hugetlb, uint64_t block_bytes, FolioOrder folio_order) {
  std::vector<PhysRange> boot_memory;
  for (const BootRange& r : boot) boot_memory.push_back(r.range);
  FolioSet boot_folios;
  for (const PhysRange& page : boot_hugetlb) boot_folios.insert({pfn_of(page.start).raw, page.bytes() >> kPageShift});
  PhaseList phases(block_bytes, folio_order, boot_folios);
  std::vector<std::pair<std::string, NamespaceSetup>> setups;
  StageState before;
  if (!stages.empty() && stages.front().folios) {
    std::set_intersection(boot_folios.begin(), boot_folios.end(), stages.front().folios->begin(),
                          stages.front().folios->end(), std::inserter(before.folios, before.folios.end()));
  }
  const RecordedStage* previous = nullptr;
  for (const RecordedStage& stage : stages) {
    for (const std::string& action : stage.actions) follow_namespace_actions(action, setups);
    StageState after;
    for (const PhysRange& range : added_ram(stage.resources, boot_memory)) {
      if (range.start.is_aligned(kSectionBytes) && range.end.is_aligned(kSectionBytes)) after.added.push_back(range);
    }
    after.attached = attachments_of(stage, after.added, setups);
    if (stage.folios) after.folios = *stage.folios;
    phases.add_stage(stage, before, after, previous);
    before = std::move(after);
    previous = &stage;
  }
  return phases.take();
}

}  // namespace mmusim
