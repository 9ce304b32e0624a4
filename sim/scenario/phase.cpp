// SPDX-License-Identifier: MIT
#include "sim/scenario/phase.h"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "mm/layout.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/settings.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr uint64_t kMaxPhaseBytes = uint64_t{1} << 52;
constexpr uint64_t kMaxFolios = uint64_t{1} << 20;
constexpr unsigned kMaxNode = 1023;

mm::Errno read_expected(ConfigReader& r) {
  mm::Errno expect = mm::Errno::kSuccess;
  r.read_enum({"expect", "What the phase's operations return; anything else fails the run."}, expect,
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
  r.require("start", "a physical address");
  r.require("size", "a size such as \"128MiB\"");
  const size_t errors = r.errors().size();
  r.read({"start", "First physical address, a multiple of 2 MiB."}, start);
  r.read_size({"size", "Bytes from there, a multiple of 2 MiB.", "bytes"}, bytes);
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
    r.read_size({"step", "Bytes that one call adds or removes, a multiple of 2 MiB; 0: all in one call.", "bytes"},
                p.step);
    r.check(p.step % mm::kPmdBytes == 0, "step", "{} bytes are no multiple of 2 MiB", p.step);
    r.check(p.step == 0 || p.bytes % p.step == 0, "step", "{} bytes do not divide the size", p.step);
  }
  if (kind == MemoryPhase::Kind::kHotAdd) {
    r.read({"node", "NUMA node that the memory belongs to."}, p.node, 0, kMaxNode);
    r.read({"memmap_on_memory", "The memory holds its own struct pages.", "", "as kernel.memmap_on_memory"},
           p.memmap_on_memory);
  }
  if (kind == MemoryPhase::Kind::kOnline) {
    r.read_enum({"zone", "Zone that the memory goes to."}, p.zone,
                {{"normal", mm::OnlineZone::kNormal}, {"movable", mm::OnlineZone::kMovable}});
  }
  return p;
}

enum class DeviceKind { kPmem, kDax };

DevicePhase read_device(ConfigReader& r, DeviceKind kind) {
  DevicePhase p;
  mm::DeviceMemory& d = p.device;
  read_range(r, d.start, d.bytes);
  r.read({"node", "NUMA node of the device."}, d.node, 0, kMaxNode);
  r.read_enum({"memmap", "Memory that holds the struct pages: RAM, or the device itself."}, d.memmap,
              {{"ram", mm::DeviceMemmap::kRam}, {"device", mm::DeviceMemmap::kDevice}});
  r.read_size_of({"align", "Alignment of the device's mappings.", "bytes"}, d.align,
                 {kPageBytes, mm::kPmdBytes, mm::kPudBytes});
  r.read({"namespace", "The device is a persistent-memory namespace, with an info block at its start."},
         d.pmem_namespace);
  r.read({"device_private", "Device-private memory: its struct pages have no direct map."}, d.device_private);
  if (kind == DeviceKind::kDax) {
    // Device-DAX makes compound pages of its alignment, unless told otherwise.
    uint64_t compound = d.align > kPageBytes ? d.align : 0;
    r.read_size_of(
        {"compound", "Compound pages of so many bytes share their tail pages; 0: none do.", "bytes", "as align"},
        compound, {0, mm::kPmdBytes, mm::kPudBytes});
    d.vmemmap_shift = compound == mm::kPudBytes ? mm::kPudShift - kPageShift
                      : compound == 0           ? 0
                                                : mm::kPmdShift - kPageShift;
  }
  return p;
}

std::vector<mm::Folio> read_folios(ConfigReader& r, const ConfigKey& described) {
  std::vector<mm::Folio> folios;
  const std::string_view key = described.name;
  const auto pair = ValueForm::list(ValueForm::integer(0, uint64_t{1} << 40), 2, 2);
  const json* list = r.raw(described, ValueForm::list(pair, 0, kMaxFolios));
  if (list == nullptr) return folios;
  if (!list->is_array() || list->size() > kMaxFolios) {
    r.error(key, "expected an array of [head pfn, pages]");
    return folios;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const json& folio = list->at(i);
    const bool numbers =
        folio.is_array() && folio.size() == 2 && folio[0].is_number_unsigned() && folio[1].is_number_unsigned();
    const uint64_t pages = numbers ? folio[1].get<uint64_t>() : 0;
    const uint64_t head = numbers ? folio[0].get<uint64_t>() : 1;
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
  r.read_size_of({"page", "Size of the HugeTLB pages that come and go.", "bytes"}, page,
                 {mm::kPmdBytes, mm::kPudBytes});
  p.order = page == mm::kPudBytes ? 18 : 9;
  r.read({"node", "NUMA node that the pages come from."}, p.node, 0, kMaxNode);
  r.read({"allocate", "Pages taken from the free lists, and optimised with kernel.hvo.", "pages"}, p.allocate, 0,
         uint64_t{1} << 32);
  r.read({"scattered", "They lie all over the node, as on a machine that has run for a while."}, p.scattered);
  r.read({"free", "Pages restored and given back, those taken last first.", "pages"}, p.free, 0, uint64_t{1} << 32);
  p.optimise =
      read_folios(r, {"optimise", "These very pages are optimised: pairs of head pfn and 512 or 262144 pages."});
  p.restore = read_folios(r, {"restore", "These very pages are restored: pairs of head pfn and 512 or 262144 pages."});
  p.demote = read_folios(r, {"demote", "These very 1 GiB pages become 512 of 2 MiB: pairs of head pfn and 262144."});
  for (const mm::Folio& folio : p.demote) r.check(folio.order == 18, "demote", "expected pages of 1 GiB");
  r.read({"surplus", "The pages are beyond the pool: each is optimised and restored by itself, with its own flushes."},
         p.surplus);
  r.check(p.allocate != 0 || p.free != 0 || !p.optimise.empty() || !p.restore.empty() || !p.demote.empty(), "",
          "expected one of allocate, free, optimise, restore, demote");
  return p;
}

SetMemoryPhase read_set_memory(ConfigReader& r) {
  SetMemoryPhase p;
  r.read({"allocate", "Areas that are allocated and made read-only, as code of modules and BPF programs is.", "areas"},
         p.allocate, 0, uint64_t{1} << 20);
  r.read({"free", "Areas made writable again and given back, those taken last first.", "areas"}, p.free, 0,
         uint64_t{1} << 20);
  r.read({"pages", "Pages of each area.", "pages"}, p.pages, 1, 512);
  r.read({"node", "NUMA node that the pages come from."}, p.node, 0, kMaxNode);
  r.read({"scattered", "The areas lie all over the node, as on a machine that has run for a while."}, p.scattered);
  r.read({"alias", "The direct map follows the area's own mapping page by page, and everything is flushed."}, p.alias);
  r.check(p.allocate != 0 || p.free != 0, "", "expected allocate or free");
  return p;
}

ProcessPhase read_process(ConfigReader& r) {
  ProcessPhase p;
  r.read_enum({"call", "System call that takes the memory away, or the right to write it."}, p.operation,
              {{"madvise", mm::UserOperation::kDontNeed},
               {"mprotect", mm::UserOperation::kProtect},
               {"munmap", mm::UserOperation::kUnmap}});
  r.read({"pages", "Pages of 4 KiB of each call, which the thread has written to before, from 0x7e0000000000 on.",
          "pages"},
         p.pages, 1, 8192);
  r.read({"repeat", "Calls of the phase.", "calls"}, p.repeat, 1, uint64_t{1} << 20);
  r.read_size({"heap", "Memory that stays, from 0x7f0000000000 on: for the threads on other cores.", "bytes"}, p.heap,
              0, (uint64_t{1} << 40) - kPageBytes);
  r.check(p.heap % kPageBytes == 0, "heap", "{} bytes are no multiple of 4 KiB", p.heap);
  r.read({"asleep", "The threads on other cores sleep: these cores idle with the process's page tables still loaded."},
         p.asleep);
  return p;
}

WorkloadPhase read_workload(ConfigReader& r) {
  WorkloadPhase p;
  r.read({"warmup", "Accesses before the counting begins.", "accesses"}, p.warmup);
  r.read({"limit", "Counted accesses after which the phase ends.", "accesses", "when the workload ends"}, p.limit);
  const WorkloadKind* kind =
      r.read_kind({"kind", "Workload, one of those of `mmusim presets`."}, workload_kinds(), "workload");
  r.with_kind(kind, workload_kinds(), [&](const WorkloadKind& known, ConfigReader& own) {
    p.kind = known.name;
    ConfigReader parameters = own.child({"parameters", "Parameters of the workload."});
    p.plan = known.read(parameters);
    parameters.finish();
  });
  if (kind == nullptr && !r.records_all()) r.ignore("parameters");
  return p;
}

Beside read_beside(ConfigReader r) {
  Beside b;
  r.read({"cores", "Cores behind the first one that run the workload, each with a seed of its own.", "cores", "all"},
         b.cores, 1U, 511U);
  const WorkloadKind* kind =
      r.read_kind({"kind", "Workload, one of those of `mmusim presets`."}, workload_kinds(), "workload");
  r.with_kind(kind, workload_kinds(), [&](const WorkloadKind& known, ConfigReader& own) {
    b.kind = known.name;
    ConfigReader parameters = own.child({"parameters", "Parameters of the workload."});
    b.plan = known.read(parameters);
    parameters.finish();
  });
  if (kind == nullptr && !r.records_all()) r.ignore("parameters");
  r.finish();
  return b;
}

ReplayPhase read_replay(ConfigReader& r, const std::string& folder) {
  ReplayPhase p;
  std::string name;
  r.require("trace", "the file name of a trace");
  r.read({"trace", "Access trace, looked for beside the scenario, then beside the configs folder."}, name);
  r.check(!r.has("trace") || !name.empty(), "trace", "expected the file name of a trace, got \"\"");
  if (!name.empty()) {
    const auto file = find_data_file(name, folder);
    if (file) p.trace = *file;
    r.check(file.has_value(), "trace", "no such file: {}", name);
  }
  r.read({"region", "Only the part that the marker of this number or name opens.", "", "the whole trace"},
         p.window.roi);
  r.read({"skip", "Accesses left out at first.", "accesses"}, p.window.skip.count);
  r.read({"warmup", "Accesses before the counting begins.", "accesses"}, p.window.warmup.count);
  std::optional<uint64_t> limit;
  r.read({"limit", "Counted accesses after which the phase ends.", "accesses", "when the trace ends"}, limit);
  if (limit) p.window.limit = *limit;
  r.read({"sample_take", "Accesses taken of each sample_period.", "accesses"}, p.window.sample_take);
  r.read({"sample_period", "Accesses of which the first sample_take are taken; 0: all are.", "accesses"},
         p.window.sample_period);
  r.check(p.window.sample_take <= p.window.sample_period, "sample_take", "{} of every {} accesses",
          p.window.sample_take, p.window.sample_period);
  r.read({"fetches", "Instruction fetches of the trace take part."}, p.fetches);
  return p;
}

DeferredInitPhase read_deferred(ConfigReader& r) {
  DeferredInitPhase p;
  r.read({"workers", "Cores that initialise struct pages.", "cores", "all cores of the platform"}, p.workers, 1U,
         1024U);
  return p;
}

DeviceRemovePhase read_device_remove(ConfigReader& r) {
  DeviceRemovePhase p;
  uint64_t bytes = 0;
  read_range(r, p.start, bytes);
  return p;
}

/// A kind of phase: its name in the file, and the reader of its own keys.
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
    {"set_memory", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_set_memory(r); }},
    {"process", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_process(r); }},
    {"deferred_init", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_deferred(r); }},
    {"workload", [](ConfigReader& r, const std::string&) -> PhaseKind::What { return read_workload(r); }},
    {"replay", [](ConfigReader& r, const std::string& folder) -> PhaseKind::What { return read_replay(r, folder); }},
    {"mark", [](ConfigReader&, const std::string&) -> PhaseKind::What { return MarkPhase{}; }},
};

}  // namespace

Phase read_phase(ConfigReader r, const std::string& folder, const std::string& previous_stage) {
  Phase phase;
  const PhaseKind* kind = r.read_kind({"phase", "Kind of the phase."}, kPhaseKinds, "phase");
  if (kind == nullptr && !r.records_all()) return phase;
  if (kind != nullptr) phase.name = kind->name;
  phase.stage = previous_stage.empty() ? phase.name : previous_stage;
  r.read({"stage", "Label of the snapshot taken after it, in --tables and reports.", "", "that of the phase before"},
         phase.stage);
  r.check(!phase.stage.empty() || r.records_all(), "stage", "expected a name, got \"\"");
  r.read({"timed", "The phase runs in simulated time."}, phase.timed);
  r.ignore("comment");
  phase.expect = read_expected(r);
  r.optional_child({"fail_allocation", "Allocation that fails, counted from the beginning of the phase."},
                   [&](ConfigReader f) { phase.fail_allocation = mm::read_fail_allocation(std::move(f)); });
  r.optional_child({"beside", "Workload on other cores, which runs until the kernel code of a timed phase is done."},
                   [&](ConfigReader b) { phase.beside = read_beside(std::move(b)); });
  r.with_kind(kind, kPhaseKinds,
              [&](const PhaseKind& known, ConfigReader& own) { phase.what = known.read(own, folder); });
  r.finish();
  return phase;
}

}  // namespace mmusim
