// SPDX-License-Identifier: MIT
#include "sim/machine/platform.h"

#include <bit>
#include <cmath>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"
#include "models/cache/core_set.h"
#include "models/dram/address_map.h"
#include "sim/machine/requesters.h"

namespace mmusim {

namespace {

void read_core(ConfigReader reader, PlatformConfig& c) {
  std::optional<double> mhz;
  reader.read({"frequency_mhz", "Core clock; the period is rounded to an even number of picoseconds.", "MHz",
               "as period_ps says"},
              mhz, 100.0, 10000.0);
  if (mhz) c.period_ps = 2 * static_cast<unsigned>(std::lround(1e6 / std::max(*mhz, 100.0) / 2));
  reader.read({"period_ps", "Length of a core cycle, an even number; overrules frequency_mhz.", "ps"}, c.period_ps, 100,
              10000);
  reader.check(c.period_ps % 2 == 0, "period_ps", "expected an even number of picoseconds, got {}", c.period_ps);
  reader.read_enum<CoreModel>(
      {"model", "One access after the other (blocking), or out of order in a reorder window (window)."}, c.model,
      {{"blocking", CoreModel::kBlocking}, {"window", CoreModel::kWindow}});
  reader.read(
      {"issue_width", "Instructions that enter the window of the window core in one cycle.", "instructions per cycle"},
      c.window.issue_width, 1, 32);
  reader.read({"window", "Instructions between dispatch and retirement in the window core.", "instructions"},
              c.window.window, 1, 65536);
  reader.read({"load_queue", "Loads in the window at the same time.", "loads"}, c.window.load_queue, 1, 65536);
  reader.read({"store_queue", "Stores in the window at the same time.", "stores"}, c.window.store_queue, 1, 65536);
  reader.read({"outstanding_misses", "Accesses of the window core that are under way beyond the first level at once.",
               "accesses"},
              c.window.outstanding, 1, 64);
  reader.read({"retire_width", "Instructions that retire in one cycle; 0: no limit.", "instructions per cycle"},
              c.window.retire_width, 0, 64);
  reader.read({"load_ports", "Loads that the window core begins in one cycle; 0: no limit.", "loads per cycle"},
              c.window.load_ports, 0, 64);
  reader.read({"store_ports", "Stores that the window core begins in one cycle; 0: no limit.", "stores per cycle"},
              c.window.store_ports, 0, 64);
  reader.read({"fetch_ahead", "Instructions that fetch runs ahead of dispatch in the window core.", "instructions"},
              c.window.fetch_ahead, 1, 65536);
  reader.read({"first_touch_cycles",
               "Time that the kernel takes to map a page at its first touch, in replays of virtual addresses; default, "
               "no public "
               "figure.",
               "cycles"},
              c.second_level.first_touch);
  c.window.first_touch = c.second_level.first_touch;
  reader.read({"tlb_flush_cycles", "Time that one TLB invalidation instruction takes.", "cycles"}, c.lsu.flush_cycles);
  reader.ignore("source");
  reader.finish();
}

uint64_t mtrr_encoding(ConfigReader& reader, ConfigKey key) {
  auto type = MemoryType::kWriteBack;
  reader.read_enum<MemoryType>(key, type,
                               {{"UC", MemoryType::kUncacheable},
                                {"WC", MemoryType::kWriteCombining},
                                {"WT", MemoryType::kWriteThrough},
                                {"WP", MemoryType::kWriteProtected},
                                {"WB", MemoryType::kWriteBack}});
  return static_cast<uint64_t>(type);
}

/// "pat", "default_type", "ranges": [{"start", "bytes", "type"}].
void read_memory_types(ConfigReader reader, PlatformConfig& c) {
  constexpr uint64_t kEnable = uint64_t{1} << 11;
  Mtrrs mtrrs;
  uint64_t pat = kPatAtReset;
  reader.read_bits({"pat", "IA32_PAT: eight bytes, each an encoding of a memory type (SDM volume 3A, 12.12)."}, pat);
  reader.check(is_valid_pat(pat), "pat", "0x{:x} has a reserved encoding, expected bytes of 0, 1, 4, 5, 6 or 7", pat);
  mtrrs.set_default(kEnable | mtrr_encoding(reader, {"default_type", "Memory type outside the ranges of the MTRRs."}));
  const auto read_range = [&](ConfigReader r) {
    PhysAddr first;
    uint64_t bytes = 0;
    r.read({"start", "First address of the range, a multiple of its size."}, first);
    r.read_size({"bytes", "Size of the range: a power of two, 4 KiB or more.", "bytes"}, bytes);
    const uint64_t start = first.raw();
    const bool fits = bytes >= kPageBytes && std::has_single_bit(bytes) && start % bytes == 0 &&
                      (start + bytes - 1) >> c.processor.phys_bits == 0;
    r.check(fits, "start", "a range has a power of two of bytes, 4 KiB or more, and starts at a multiple of them");
    const uint64_t mask = ((uint64_t{1} << c.processor.phys_bits) - 1) & ~(std::max<uint64_t>(bytes, 1) - 1);
    const uint64_t type = mtrr_encoding(r, {"type", "Memory type of the range."});
    if (fits) mtrrs.add_variable(start | type, mask | kEnable);
    r.finish();
  };
  reader.for_each({"ranges", "Ranges of physical memory with a type of their own (variable MTRRs)."}, read_range);
  reader.ignore("source");
  reader.finish();
  if (is_valid_pat(pat)) c.memory_types = MemoryTypes(mtrrs, pat, /*cache_disable=*/false);
}

void read_processor(ConfigReader reader, PlatformConfig& c) {
  reader.read_enum<Vendor>({"vendor", "Whose rules paging follows where Intel and AMD differ."}, c.processor.vendor,
                           {{"intel", Vendor::kIntel}, {"amd", Vendor::kAmd}});
  reader.read({"physical_address_bits", "Width of physical addresses (CPUID 80000008H).", "bits"},
              c.processor.phys_bits, 32, 52);
  reader.read({"paging_levels", "Most levels of page tables: 5 where the processor has LA57.", "levels"}, c.max_levels,
              4, 5);
  reader.read({"gib_pages", "The processor has 1 GiB pages."}, c.processor.gib_pages);
  using enum CounterNames;
  reader.read_enum<CounterNames>({"counter_names", "Processor whose names the perf counters of the summary have."},
                                 c.counter_names,
                                 {{"generic", kGeneric},
                                  {"intel", kAllIntel},
                                  {"skylakex", kSkylakeX},
                                  {"cascadelakex", kCascadeLakeX},
                                  {"icelakex", kIcelakeX},
                                  {"sapphirerapids", kSapphireRapids},
                                  {"amdzen2", kZen2},
                                  {"amdzen3", kZen3},
                                  {"amdzen4", kZen4},
                                  {"amdzen5", kZen5}});
  reader.optional_child(
      {"memory_types", "PAT and MTRRs; without it, the PAT is as at reset and all memory is write-back."},
      [&](ConfigReader r) { read_memory_types(std::move(r), c); });
  reader.ignore("source");
  reader.finish();
}

void read_tlbs(ConfigReader reader, PlatformConfig& c) {
  c.lsu.tlbs.load = read_tlb_config(reader.child({"l1_dtlb",
                                                  "First-level TLB of loads, and of stores unless they have "
                                                  "their own."}));
  reader.optional_child({"l1_dtlb_stores", "First-level TLB of stores alone."},
                        [&](ConfigReader r) { c.lsu.tlbs.store = read_tlb_config(std::move(r)); });
  c.lsu.tlbs.instruction = read_tlb_config(reader.child({"l1_itlb", "First-level TLB of instruction fetches."}));
  c.second_level.data = read_tlb_config(
      reader.child(
          {"stlb", "Second-level TLB, whatever its vendor calls it; of fetches too unless they have their own."}),
      TlbPlace::kData);
  reader.optional_child({"l2_itlb", "Second-level TLB of instruction fetches alone."}, [&](ConfigReader r) {
    c.second_level.instruction = read_tlb_config(std::move(r), TlbPlace::kBelow);
  });
  reader.optional_child(
      {"l3_tlb", "Third-level TLB, between the second level and the walkers; without it, none."},
      [&](ConfigReader r) { c.second_level.third = read_tlb_config(std::move(r), TlbPlace::kBelow); });
  reader.optional_child({"prefetcher", "Rule by which data pages are walked before they are needed; without it, none."},
                        [&](ConfigReader r) { c.second_level.prefetcher = read_tlb_prefetcher_config(std::move(r)); });
  reader.read({"next_page_prefetch", "A walk prefetches the translation of the next page."}, c.next_page_prefetch);
  reader.ignore("source");
  reader.finish();
}

void read_caches(ConfigReader reader, PlatformConfig& c) {
  const CacheConfig l1{{512, 8}, Cycles(4), 16, 2, CachePolicy::kFill, {}};
  const CacheConfig l2{{8192, 8}, Cycles(14), 48, 1, CachePolicy::kFill, {}};
  const CacheConfig l3{{131072, 16}, Cycles(50), 64, 1, CachePolicy::kFill, {}};
  c.l1d = read_cache_config(reader.child({"l1d", "First-level data cache."}), l1);
  reader.optional_child({"l1i", "First-level instruction cache; without it, fetches use l1d."},
                        [&](ConfigReader r) { c.l1i = read_cache_config(std::move(r), l1); });
  c.l2 = read_cache_config(reader.child({"l2", "Second-level cache of each core."}), l2);
  c.l3 = read_cache_config(reader.child({"l3", "Last-level cache, which all cores share."}), l3);
  reader.check(c.l1d.latency < c.l2.latency && c.l2.latency < c.l3.latency, "l3",
               "latencies must grow from level to level, got {}, {} and {} cycles", c.l1d.latency, c.l2.latency,
               c.l3.latency);
  reader.ignore("source");
  reader.finish();
}

/// A DRAM device: a shipped name, a path, or an object in place.
void read_device(ConfigReader& reader, DramModuleConfig& c) {
  const ConfigKey key("device", "DRAM device: a file of configs/dram by name or path, or such an object in place.", "",
                      "DDR4-2400 CL17, one channel");
  const nlohmann::json* device = reader.raw(key);
  if (device != nullptr && device->is_string()) {
    try {
      const std::string path = find_config("dram", device->get<std::string>());
      const nlohmann::json document = parse_json_file(path);
      ConfigErrors errors(path);
      c.dram = read_dram_config(reader.instead(key, document, errors));
      errors.throw_if_any();
    } catch (const InputError& e) {
      reader.error("device", e.what());
    }
  } else if (device == nullptr || device->is_object()) {
    c.dram = read_dram_config(reader.instead(key, device == nullptr ? empty_document() : *device, reader.errors()));
  } else {
    reader.error("device", "expected the name of a DRAM device, a path or an object");
  }
  reader.also_takes("device", "");
}

void read_dram(ConfigReader reader, PlatformConfig& c) {
  read_device(reader, c.dram);
  DramConfig& device = c.dram.dram;
  reader.check(!reader.has("channels") || device.address_map.channel_interleave_bytes != 0, "channels",
               "the device's address map holds the channel as bits, so their number is fixed");
  std::optional<unsigned> channels;
  reader.read({"channels", "Number of channels, where the device's address map takes turns between them.", "channels",
               "as the device says"},
              channels, 1U, 64U);
  device.geometry.channels = channels.value_or(device.geometry.channels);
  double to_ns = 0, from_ns = 0;
  reader.read({"to_memory_ns", "Way from the last cache to the memory controller.", "ns"}, to_ns, 0, 10000);
  reader.read({"from_memory_ns", "Way from the memory controller back to the last cache.", "ns"}, from_ns, 0, 10000);
  const auto cycles = [&](double ns) { return Cycles(static_cast<uint64_t>(std::lround(ns * 1000 / c.period_ps))); };
  c.dram.to_memory = cycles(to_ns);
  c.dram.from_memory = cycles(from_ns);
  reader.ignore("source");
  reader.finish();
}

}  // namespace

CoreModel core_model_of(const std::string& name) {
  if (name == "blocking") return CoreModel::kBlocking;
  if (name == "window") return CoreModel::kWindow;
  throw InputError(fmt::format("{}: no core model, expected blocking or window", name));
}

PlatformConfig read_platform(ConfigReader reader) {
  PlatformConfig c;
  reader.note({"base", "Platform, by name or path, that the other keys are merged into (RFC 7386)."},
              ValueForm::of(ValueForm::Kind::kText));
  reader.read({"name", "Name in reports and in `mmusim presets`."}, c.name);
  reader.read({"description", "One line for `mmusim presets`."}, c.description);
  reader.read({"cores", "Simulated cores, each with TLBs, walkers, L1 and L2 of its own.", "cores"}, c.cores, 1,
              CoreSet::kMostCores);
  read_processor(reader.child({"processor", "What the architecture leaves open: widths, levels, counters."}), c);
  read_core(reader.child({"core", "Clock and core model."}), c);
  read_tlbs(reader.child({"tlbs", "TLBs of each core."}), c);
  c.walker = read_page_walker_config(reader.child({"page_walkers", "Page walkers of each core."}));
  c.walker.next_page_prefetch = c.next_page_prefetch;
  c.walker.coalescing = c.lsu.tlbs.load.coalesce || c.second_level.data.coalesce;
  read_caches(reader.child({"caches", "Data and instruction caches."}), c);
  read_dram(reader.child({"dram", "Main memory, and the way to it."}), c);
  reader.check(
      requesters_of(c) < requester_limit(c.period_ps), "cores",
      "{} cores with {} outstanding misses each are {} requesters, expected fewer than {} in a cycle of {} ps: "
      "each acts at a femtosecond of its own",
      c.cores, c.window.outstanding, requesters_of(c), requester_limit(c.period_ps), c.period_ps);
  c.topology = read_topology_config(
      reader.child({"topology", "Places of the cores, and what interrupts and flushes between them cost."}));
  reader.check(c.cores == 1 || c.topology.least_transfer() > c.l2.latency, "topology",
               "a line of another core comes in {} cycles, expected more than the {} of a hit in the L2",
               c.topology.least_transfer(), c.l2.latency);
  if (c.walker.structure_caches.pde_in_second_level_tlb && !c.second_level.data.holds_pdes) {
    reader.errors().add(reader.pointer() + "/page_walkers/paging_structure_caches/pde_in_second_level_tlb",
                        "the stlb does not say \"holds_pdes\": true");
  }
  reader.ignore("source");
  reader.finish();
  return c;
}

PlatformConfig read_platform_document(const nlohmann::json& document, const std::string& file) {
  ConfigErrors errors(file);
  const PlatformConfig platform = read_platform(ConfigReader(document, "", errors));
  errors.throw_if_any();
  return platform;
}

PlatformConfig load_platform(const std::string& name_or_path) {
  return read_platform_document(platform_document(name_or_path), find_config("platforms", name_or_path));
}

uint64_t memory_end(const PlatformConfig& platform) {
  const DramConfig& dram = platform.dram.dram;
  return std::min(AddressMap(dram.address_map, dram.geometry).capacity_bytes(),
                  uint64_t{1} << platform.processor.phys_bits);
}

}  // namespace mmusim
