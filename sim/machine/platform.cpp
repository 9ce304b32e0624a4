// SPDX-License-Identifier: MIT
#include "sim/machine/platform.h"

#include <bit>
#include <cmath>

#include <nlohmann/json.hpp>

#include "models/base/config_files.h"

namespace mmusim {

namespace {

void read_core(ConfigReader reader, PlatformConfig& c) {
  double mhz = 0;
  reader.read("frequency_mhz", mhz);
  if (mhz != 0) {
    reader.check(mhz >= 100 && mhz <= 10000, "frequency_mhz", "expected 100 to 10000, got {}", mhz);
    c.period_ps = 2 * static_cast<unsigned>(std::lround(1e6 / std::max(mhz, 100.0) / 2));
  }
  reader.read("period_ps", c.period_ps, 100, 10000);
  reader.check(c.period_ps % 2 == 0, "period_ps", "expected an even number of picoseconds, got {}", c.period_ps);
  reader.read_enum<CoreModel>("model", c.model, {{"blocking", CoreModel::kBlocking}, {"window", CoreModel::kWindow}});
  reader.read("issue_width", c.window.issue_width, 1, 32);
  reader.read("window", c.window.window, 1, 65536);
  reader.read("load_queue", c.window.load_queue, 1, 65536);
  reader.read("store_queue", c.window.store_queue, 1, 65536);
  reader.read("outstanding_misses", c.window.outstanding, 1, 64);
  reader.read("retire_width", c.window.retire_width, 0, 64);
  reader.read("load_ports", c.window.load_ports, 0, 64);
  reader.read("store_ports", c.window.store_ports, 0, 64);
  reader.read("fetch_ahead", c.window.fetch_ahead, 1, 65536);
  reader.read("tlb_flush_cycles", c.lsu.flush_cycles);
  reader.ignore("source");
  reader.finish();
}

uint64_t mtrr_encoding(ConfigReader& reader, const char* key) {
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
  reader.read("pat", pat);
  reader.check(is_valid_pat(pat), "pat", "0x{:x} has a reserved encoding, expected bytes of 0, 1, 4, 5, 6 or 7", pat);
  mtrrs.set_default(kEnable | mtrr_encoding(reader, "default_type"));
  reader.for_each("ranges", [&](ConfigReader r) {
    uint64_t start = 0, bytes = 0;
    r.read("start", start);
    r.read_size("bytes", bytes);
    const bool fits = bytes >= kPageBytes && std::has_single_bit(bytes) && start % bytes == 0 &&
                      (start + bytes - 1) >> c.processor.phys_bits == 0;
    r.check(fits, "start", "a range has a power of two of bytes, 4 KiB or more, and starts at a multiple of them");
    const uint64_t mask = ((uint64_t{1} << c.processor.phys_bits) - 1) & ~(std::max<uint64_t>(bytes, 1) - 1);
    if (fits) mtrrs.add_variable(start | mtrr_encoding(r, "type"), mask | kEnable);
    r.finish();
  });
  reader.ignore("source");
  reader.finish();
  if (is_valid_pat(pat)) c.memory_types = MemoryTypes(mtrrs, pat, /*cache_disable=*/false);
}

void read_processor(ConfigReader reader, PlatformConfig& c) {
  reader.read_enum<Vendor>("vendor", c.processor.vendor, {{"intel", Vendor::kIntel}, {"amd", Vendor::kAmd}});
  reader.read("physical_address_bits", c.processor.phys_bits, 32, 52);
  reader.read("paging_levels", c.max_levels, 4, 5);
  reader.read("gib_pages", c.processor.gib_pages);
  using enum CounterNames;
  reader.read_enum<CounterNames>("counter_names", c.counter_names,
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
  if (reader.has("memory_types")) read_memory_types(reader.child("memory_types"), c);
  reader.ignore("source");
  reader.finish();
}

void read_tlbs(ConfigReader reader, PlatformConfig& c) {
  c.lsu.tlbs.load = read_tlb_config(reader.child("l1_dtlb"));
  if (reader.has("l1_dtlb_stores")) c.lsu.tlbs.store = read_tlb_config(reader.child("l1_dtlb_stores"));
  c.lsu.tlbs.instruction = read_tlb_config(reader.child("l1_itlb"));
  c.second_level.data = read_tlb_config(reader.child("stlb"));
  if (reader.has("l2_itlb")) c.second_level.instruction = read_tlb_config(reader.child("l2_itlb"));
  reader.read("next_page_prefetch", c.next_page_prefetch);
  reader.ignore("source");
  reader.finish();
}

void read_caches(ConfigReader reader, PlatformConfig& c) {
  const CacheConfig l1{{512, 8}, Cycles(4), 16, 2, CachePolicy::kFill, false};
  const CacheConfig l2{{8192, 8}, Cycles(14), 48, 1, CachePolicy::kFill, false};
  const CacheConfig l3{{131072, 16}, Cycles(50), 64, 1, CachePolicy::kFill, false};
  c.l1d = read_cache_config(reader.child("l1d"), l1);
  if (reader.has("l1i")) c.l1i = read_cache_config(reader.child("l1i"), l1);
  c.l2 = read_cache_config(reader.child("l2"), l2);
  c.l3 = read_cache_config(reader.child("l3"), l3);
  reader.check(c.l1d.latency < c.l2.latency && c.l2.latency < c.l3.latency, "l3",
               "latencies must grow from level to level, got {}, {} and {} cycles", c.l1d.latency, c.l2.latency,
               c.l3.latency);
  reader.ignore("source");
  reader.finish();
}

/// A DRAM device: a shipped name, a path, or an object in place.
void read_device(ConfigReader& reader, DramModuleConfig& c) {
  const nlohmann::json* device = reader.raw("device");
  if (device == nullptr) return;
  if (device->is_object()) {
    c.dram = read_dram_config(reader.child("device"));
  } else if (device->is_string()) {
    try {
      c.dram = load_dram_config(find_config("dram", device->get<std::string>()));
    } catch (const InputError& e) {
      reader.error("device", e.what());
    }
  } else {
    reader.error("device", "expected the name of a DRAM device, a path or an object");
  }
}

void read_dram(ConfigReader reader, PlatformConfig& c) {
  read_device(reader, c.dram);
  DramConfig& device = c.dram.dram;
  reader.check(!reader.has("channels") || device.address_map.channel_interleave_bytes != 0, "channels",
               "the device's address map holds the channel as bits, so their number is fixed");
  reader.read("channels", device.geometry.channels, 1, 64);
  double to_ns = 0, from_ns = 0;
  reader.read("to_memory_ns", to_ns);
  reader.read("from_memory_ns", from_ns);
  reader.check(to_ns >= 0 && to_ns <= 10000 && from_ns >= 0 && from_ns <= 10000, "to_memory_ns",
               "expected 0 to 10000 ns");
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
  reader.read("name", c.name);
  reader.read("description", c.description);
  reader.read("cores", c.cores, 1, 64);
  read_processor(reader.child("processor"), c);
  read_core(reader.child("core"), c);
  read_tlbs(reader.child("tlbs"), c);
  c.walker = read_page_walker_config(reader.child("page_walkers"));
  c.walker.next_page_prefetch = c.next_page_prefetch;
  c.walker.coalescing = c.lsu.tlbs.load.coalesce || c.second_level.data.coalesce;
  read_caches(reader.child("caches"), c);
  read_dram(reader.child("dram"), c);
  reader.check(!c.walker.structure_caches.pde_in_second_level_tlb || c.second_level.data.holds_pdes,
               "page_walkers/paging_structure_caches/pde_in_second_level_tlb",
               "the stlb does not say \"holds_pdes\": true");
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

}  // namespace mmusim
