// SPDX-License-Identifier: MIT
#include "sim/scenario/phase.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "mm/layout.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr uint64_t kMaxPhaseBytes = uint64_t{1} << 52;
constexpr uint64_t kMaxFolios = uint64_t{1} << 20;
constexpr unsigned kMaxNode = 1023;

mm::Errno read_expected(ConfigReader& r) {
  mm::Errno expect = mm::Errno::kSuccess;
  r.read_enum("expect", expect,
              {{"success", mm::Errno::kSuccess},
               {"-ENOMEM", mm::Errno::kNoMemory},
               {"-EBUSY", mm::Errno::kBusy},
               {"-EEXIST", mm::Errno::kExists},
               {"-EINVAL", mm::Errno::kInvalid},
               {"-ERANGE", mm::Errno::kRange},
               {"-ENOTSUPP", mm::Errno::kNotSupported}});
  return expect;
}

/// Start and size of a range of physical memory; both must be there.
void read_range(ConfigReader& r, PhysAddr& start, uint64_t& bytes) {
  if (!r.has("start")) r.error("start", "missing, expected a physical address");
  if (!r.has("size")) r.error("size", "missing, expected a size such as \"128MiB\"");
  const size_t errors = r.errors().size();
  r.read("start", start);
  r.read_size("size", bytes);
  if (!r.has("start") || !r.has("size") || r.errors().size() != errors) return;
  r.check(bytes != 0 && bytes <= kMaxPhaseBytes && start.raw() <= kMaxPhaseBytes - bytes, "size",
          "{} bytes from {} do not fit 52 address bits", bytes, start);
  r.check(start.is_aligned(mm::kPmdBytes), "start", "{} is no multiple of 2 MiB", start);
  r.check(bytes % mm::kPmdBytes == 0, "size", "{} bytes are no multiple of 2 MiB", bytes);
}

MemoryPhase read_memory(ConfigReader& r, MemoryPhase::Kind kind) {
  MemoryPhase p;
  p.kind = kind;
  read_range(r, p.start, p.bytes);
  const bool pieces = kind == MemoryPhase::Kind::kHotAdd || kind == MemoryPhase::Kind::kHotRemove;
  if (pieces) {
    r.read_size("step", p.step);
    r.check(p.step % mm::kPmdBytes == 0, "step", "{} bytes are no multiple of 2 MiB", p.step);
    r.check(p.step == 0 || p.bytes % p.step == 0, "step", "{} bytes do not divide the size", p.step);
  }
  if (kind == MemoryPhase::Kind::kHotAdd) {
    r.read("node", p.node, 0, kMaxNode);
    r.read("memmap_on_memory", p.memmap_on_memory);
  }
  if (kind == MemoryPhase::Kind::kOnline) {
    r.read_enum("zone", p.zone, {{"normal", mm::OnlineZone::kNormal}, {"movable", mm::OnlineZone::kMovable}});
  }
  return p;
}

enum class DeviceKind { kPmem, kDax };

DevicePhase read_device(ConfigReader& r, DeviceKind kind) {
  DevicePhase p;
  mm::DeviceMemory& d = p.device;
  read_range(r, d.start, d.bytes);
  r.read("node", d.node, 0, kMaxNode);
  r.read_enum("memmap", d.memmap, {{"ram", mm::DeviceMemmap::kRam}, {"device", mm::DeviceMemmap::kDevice}});
  r.read_size("align", d.align);
  r.check(d.align == kPageBytes || d.align == mm::kPmdBytes || d.align == mm::kPudBytes, "align",
          "{} bytes, expected 4KiB, 2MiB or 1GiB", d.align);
  r.read("namespace", d.pmem_namespace);
  r.read("device_private", d.device_private);
  if (kind == DeviceKind::kDax) {
    // Device-DAX makes compound pages of its alignment, unless told otherwise.
    uint64_t compound = d.align > kPageBytes ? d.align : 0;
    r.read_size("compound", compound);
    r.check(compound == 0 || compound == mm::kPmdBytes || compound == mm::kPudBytes, "compound",
            "{} bytes, expected 0, 2MiB or 1GiB", compound);
    d.vmemmap_shift = compound == mm::kPudBytes ? mm::kPudShift - kPageShift
                      : compound == 0           ? 0
                                                : mm::kPmdShift - kPageShift;
  }
  return p;
}

std::vector<mm::Folio> read_folios(ConfigReader& r, std::string_view key) {
  std::vector<mm::Folio> folios;
  const json* list = r.raw(key);
  if (list == nullptr) return folios;
  if (!list->is_array() || list->size() > kMaxFolios) {
    r.error(key, "expected an array of [head pfn, pages]");
    return folios;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const json& folio = list->at(i);
    const bool pair =
        folio.is_array() && folio.size() == 2 && folio[0].is_number_unsigned() && folio[1].is_number_unsigned();
    const uint64_t pages = pair ? folio[1].get<uint64_t>() : 0;
    const uint64_t head = pair ? folio[0].get<uint64_t>() : 1;
    if ((pages != 512 && pages != 512 * 512) || head % pages != 0 || head >= uint64_t{1} << 40) {
      r.error(std::string(key), fmt::format("element {}: expected [head pfn, 512 or 262144], the head aligned", i));
      continue;
    }
    folios.push_back({Pfn(head), pages == 512 ? 9U : 18U});
  }
  return folios;
}

HugetlbPhase read_hugetlb(ConfigReader& r) {
  HugetlbPhase p;
  uint64_t page = mm::kPmdBytes;
  r.read_size("page", page);
  r.check(page == mm::kPmdBytes || page == mm::kPudBytes, "page", "{} bytes, expected 2MiB or 1GiB", page);
  p.order = page == mm::kPudBytes ? 18 : 9;
  r.read("node", p.node, 0, kMaxNode);
  r.read("allocate", p.allocate, 0, uint64_t{1} << 32);
  r.read("scattered", p.scattered);
  r.read("free", p.free, 0, uint64_t{1} << 32);
  p.optimise = read_folios(r, "optimise");
  p.restore = read_folios(r, "restore");
  r.check(p.allocate != 0 || p.free != 0 || !p.optimise.empty() || !p.restore.empty(), "",
          "expected one of allocate, free, optimise, restore");
  return p;
}

WorkloadPhase read_workload(ConfigReader& r) {
  WorkloadPhase p;
  r.read("kind", p.kind);
  r.read("warmup", p.warmup);
  r.read("limit", p.limit);
  const WorkloadKind* kind = find_workload_kind(p.kind);
  ConfigReader parameters = r.child("parameters");
  if (kind == nullptr) {
    std::string names;
    for (const WorkloadKind& k : workload_kinds()) names += (names.empty() ? "" : ", ") + std::string(k.name);
    r.error("kind", fmt::format("unknown workload \"{}\", expected one of {}", p.kind, names));
    return p;
  }
  p.plan = kind->read(parameters);
  parameters.finish();
  return p;
}

ReplayPhase read_replay(ConfigReader& r, const std::string& folder) {
  ReplayPhase p;
  std::string name;
  r.read("trace", name);
  if (name.empty()) r.error("trace", "missing, expected the file name of a trace");
  if (!name.empty()) {
    const auto file = find_data_file(name, folder);
    if (file) p.trace = *file;
    r.check(file.has_value(), "trace", "no such file: {}", name);
  }
  r.read("region", p.window.roi);
  r.read("skip", p.window.skip);
  r.read("warmup", p.window.warmup);
  r.read("limit", p.window.limit);
  r.read("sample_take", p.window.sample_take);
  r.read("sample_period", p.window.sample_period);
  r.check(p.window.sample_take <= p.window.sample_period, "sample_take", "{} of every {} accesses",
          p.window.sample_take, p.window.sample_period);
  r.read("fetches", p.fetches);
  return p;
}

DeferredInitPhase read_deferred(ConfigReader& r) {
  DeferredInitPhase p;
  if (!r.has("workers")) return p;
  unsigned workers = 1;
  r.read("workers", workers, 1, 1024);
  p.workers = workers;
  return p;
}

DeviceRemovePhase read_device_remove(ConfigReader& r) {
  DeviceRemovePhase p;
  uint64_t bytes = 0;
  read_range(r, p.start, bytes);
  return p;
}

/// A kind of phase: what the file calls it, and who reads its own keys.
struct PhaseKind {
  using What = decltype(Phase::what);
  std::string_view name;
  What (*read)(ConfigReader& r, const std::string& folder);
};

constexpr PhaseKind kPhaseKinds[] = {
    {"boot", [](ConfigReader&, const std::string&) -> PhaseKind::What { return BootPhase{}; }},
    {"hugetlb_init", [](ConfigReader&, const std::string&) -> PhaseKind::What { return HugetlbInitPhase{}; }},
    {"hot_add",
     [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_memory(r, MemoryPhase::Kind::kHotAdd); }},
    {"online",
     [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_memory(r, MemoryPhase::Kind::kOnline); }},
    {"offline",
     [](ConfigReader& r, const std::string&) -> PhaseKind::What {
       return read_memory(r, MemoryPhase::Kind::kOffline);
     }},
    {"hot_remove",
     [](ConfigReader& r, const std::string&) -> PhaseKind::What {
       return read_memory(r, MemoryPhase::Kind::kHotRemove);
     }},
    {"pmem", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_device(r, DeviceKind::kPmem); }},
    {"dax", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_device(r, DeviceKind::kDax); }},
    {"pmem_remove", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_device_remove(r); }},
    {"hugetlb", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_hugetlb(r); }},
    {"hvo", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_hugetlb(r); }},
    {"deferred_init", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_deferred(r); }},
    {"workload", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_workload(r); }},
    {"replay", [](ConfigReader& r, const std::string& folder) -> PhaseKind::What { return read_replay(r, folder); }},
    {"mark", [](ConfigReader&, const std::string&) -> PhaseKind::What { return MarkPhase{}; }},
};

}  // namespace

Phase read_phase(ConfigReader r, const std::string& folder, const std::string& previous_stage) {
  Phase phase;
  r.read("phase", phase.name);
  const auto known = std::find_if(std::begin(kPhaseKinds), std::end(kPhaseKinds),
                                  [&](const PhaseKind& kind) { return kind.name == phase.name; });
  if (known == std::end(kPhaseKinds)) {
    std::string names;
    for (const PhaseKind& kind : kPhaseKinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
    r.error("phase", fmt::format("unknown phase \"{}\", expected one of {}", phase.name, names));
    return phase;
  }
  phase.stage = previous_stage.empty() ? phase.name : previous_stage;
  r.read("stage", phase.stage);
  r.check(!phase.stage.empty(), "stage", "expected a name, got \"\"");
  r.read("timed", phase.timed);
  r.ignore("comment");
  phase.expect = read_expected(r);
  if (r.has("fail_allocation")) phase.fail_allocation = mm::read_fail_allocation(r.child("fail_allocation"));
  phase.what = known->read(r, folder);
  r.finish();
  return phase;
}

}  // namespace mmusim
