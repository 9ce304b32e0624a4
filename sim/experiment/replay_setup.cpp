// SPDX-License-Identifier: MIT
#include "sim/experiment/replay_setup.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/core_traces.h"
#include "sim/experiment/run.h"
#include "sim/host/interrupts.h"
#include "sim/machine/guests.h"
#include "sim/machine/virtualization.h"
#include "sim/recorded/page_table_image.h"
#include "sim/scenario/guest_options.h"
#include "sim/scenario/settings.h"
#include "sim/trace/trace_content.h"
#include "sim/trace/trace_origin.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

constexpr const char* kTablesNames[] = {"touched", "recorded", "map"};
constexpr const char* kFlushes[] = {"auto", "all", "none"};

/// A member of a configuration, JSON text of an object; null if there is none.
nlohmann::json member_of(const std::string& configuration, const std::string& key) {
  const nlohmann::json json = nlohmann::json::parse(configuration.empty() ? "{}" : configuration);
  return json.contains(key) ? json[key] : nlohmann::json();
}

/// Takes the platform of --map's scenario, or of the options, or of the run that the trace was recorded from, or the
/// default, and changes it as the options say; a scenario has its settings already.
ChosenPlatform platform_for(const ReplayOptions& options, const ScenarioOverrides& overrides, const ReplaySetup& setup,
                            const TraceOrigin& origin) {
  if (setup.map && setup.map->of_scenario()) {
    return {member_of(setup.map->configuration(), "platform"), setup.map->platform()};
  }
  std::vector<std::string> sets = overrides.sets;
  for (const std::string& set : sets_of_core(options.core)) sets.push_back(set);
  nlohmann::json own = setup.map ? nlohmann::json() : member_of(origin.configuration, "platform");
  if (options.platform.empty() && own.is_object()) {
    return choose_platform(std::move(own), setup.first().info().file, "/configuration/platform", sets);
  }
  return choose_platform(options.platform.empty() ? kDefaultPlatform : options.platform, sets);
}

/// Returns the bytes of memory that are the trace's: of a guest its own.
uint64_t memory_bytes(const PlatformConfig& platform, const VirtualizationConfig& virtualization, Tables tables) {
  if (!virtualization.guest()) return memory_end(platform);
  if (virtualization.guests > 1 && tables != Tables::kTouched) {
    throw InputError(
        "/virtualization/guests: several guests need page tables built on first touch, not those of --map or of the "
        "trace");
  }
  const uint64_t bytes = guest_memory_bytes(virtualization, memory_end(platform));
  if (bytes != 0) return bytes;
  throw InputError(fmt::format("/virtualization/{}: the DRAM of platform {} ends at 0x{:x}",
                               virtualization.guests > 1 ? "guests" : "host_offset", platform.name,
                               memory_end(platform)));
}

ReplayConfig replay_config(const ReplayOptions& options, const PlatformConfig& platform, Tables tables,
                           const VirtualizationConfig& virtualization) {
  ReplayConfig c;
  c.window = read_trace_window(options.window);
  c.window.count_instructions = true;
  c.what_if = options.what_if;
  c.player.flushes = options.flushes;
  c.player.pcids = !options.no_pcids;
  c.player.recorded_tables = tables == Tables::kRecorded;
  c.player.memory_bytes = memory_bytes(platform, virtualization, tables);
  if (virtualization.guest()) {
    c.player.guests = virtualization.guests;
    c.player.slice_accesses = virtualization.slice_accesses;
  }
  c.player.max_levels = platform.max_levels;
  c.player.recorded_translations = false;
  if (tables != Tables::kTouched) return c;
  AddressSpaceConfig spaces;
  spaces.levels = options.levels;
  parse_page_policy(options.pages, spaces);
  parse_frame_order(options.frames, spaces.frames);
  spaces.frames.seed = options.seed.value_or(1);
  if (!options.page_map.empty()) spaces.page_map = PageMap::read(options.page_map);
  c.player.recorded_translations = spaces.pages == MappingPolicy::k4K && !spaces.page_map;
  c.spaces = fitted(spaces, platform);
  FramePoolConfig& frames = c.spaces->frames;
  frames.bytes = std::min(frames.bytes, c.player.memory_bytes - std::min(c.player.memory_bytes, frames.begin.raw()));
  return c;
}

/// Takes the options that `replay --record` wrote into the trace's header, so far as none of their kind is given: the
/// trace is then replayed as it was recorded.
void take_recorded_options(const TraceOrigin& origin, ReplayOptions& options) {
  if (origin.configuration.empty() || !options.map.empty() || options.spaces_given) return;
  const nlohmann::json recorded = nlohmann::json::parse(origin.configuration);
  const auto text = [&](const char* key) { return recorded.contains(key) ? recorded[key] : nlohmann::json(); };
  if (text("tables") == kTablesNames[static_cast<unsigned>(Tables::kTouched)]) {
    if (text("pages").is_string()) options.pages = recorded["pages"].get<std::string>();
    if (text("levels") == 5) options.levels = 5;
    if (text("frames").is_string()) options.frames = recorded["frames"].get<std::string>();
    if (text("seed").is_number_unsigned() && !options.seed) options.seed = recorded["seed"].get<uint64_t>();
  }
  if (options.flushes == FlushPolicy::kAuto) {
    if (text("flushes") == kFlushes[static_cast<unsigned>(FlushPolicy::kAll)]) options.flushes = FlushPolicy::kAll;
    if (text("flushes") == kFlushes[static_cast<unsigned>(FlushPolicy::kNone)]) options.flushes = FlushPolicy::kNone;
  }
  if (text("pcids") == false) options.no_pcids = true;
}

/// The virtualization that the trace was recorded under, as an object with that member; empty if there was none.
nlohmann::json recorded_guest(const TraceOrigin& origin) {
  nlohmann::json document = nlohmann::json::object();
  const std::string key(kVirtualizationKey.name);
  nlohmann::json recorded = member_of(origin.configuration, key);
  if (recorded.is_object()) document[key] = std::move(recorded);
  return document;
}

/// Returns the layout of the kernel whose tables these are; nullopt if that is not known.
std::optional<mm::Layout> layout_of(const ReplaySetup& setup, const TraceOrigin& origin) {
  const std::string text = setup.map ? setup.map->configuration() : origin.configuration;
  if (text.empty() || setup.tables == Tables::kTouched) return std::nullopt;
  const nlohmann::json configuration = nlohmann::json::parse(text);
  if (!configuration.contains("kernel") || !configuration.contains("memory")) return std::nullopt;
  ConfigErrors errors(setup.first().info().file);
  ConfigReader reader(configuration, "/configuration", errors);
  const mm::KernelConfig kernel = mm::read_kernel_config(reader.child("kernel"));
  const mm::MemoryMap memory = mm::read_memory_map(reader.child("memory"), kernel.levels);
  errors.throw_if_any();
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : memory.memory) pages += r.end - r.start;
  return mm::Layout(kernel, pages << kPageShift);
}

/// Everything that decides the result, for summary and event log.
ordered_json configuration_of(const ReplayOptions& options, const ReplaySetup& setup, const nlohmann::json& platform) {
  const TraceWindowConfig& w = setup.config.window;
  const auto length = [](const TraceLength& l) {
    return l.instructions ? ordered_json(text_of(l)) : ordered_json(l.count);
  };
  ordered_json window = {{"skip", length(w.skip)}, {"warmup", length(w.warmup)}};
  if (w.limit) window["limit"] = length(*w.limit);
  if (!options.window.sample.empty()) window["sample"] = options.window.sample;
  if (w.roi) window["roi"] = *w.roi;
  ordered_json json = {{"trace", setup.first().info().file},
                       {"format", name_of(setup.first().info().format)},
                       {"model", options.model == ReplayModel::kCycle ? "cycle" : "functional"},
                       {"tables", kTablesNames[static_cast<unsigned>(setup.tables)]}};
  if (std::string content = trace_content(setup.first().info().file); !content.empty()) json["content"] = content;
  for (const CoreTrace& trace : setup.traces) {
    ordered_json core = {{"core", trace.core}, {"trace", trace.reader->info().file}};
    if (trace.stream) core["stream"] = *trace.stream;
    json["core_traces"].push_back(std::move(core));
  }
  if (setup.map) json["map"] = ordered_json::parse(setup.map->configuration());
  if (setup.tables == Tables::kTouched) {
    json["pages"] = options.pages;
    if (!options.page_map.empty()) json["page_map"] = options.page_map;
    json["levels"] = options.levels;
    json["frames"] = options.frames;
    json["seed"] = options.seed.value_or(1);
  }
  json["window"] = std::move(window);
  json["fetches"] = !options.no_fetches;
  json["flushes"] = kFlushes[static_cast<unsigned>(options.flushes)];
  json["pcids"] = !options.no_pcids;
  json["platform"] = platform;
  return json;
}

}  // namespace

std::string first_trace(const ReplayOptions& options) { return traces_by_core(options).front().second; }

TraceOptions trace_options(const ReplayOptions& options) {
  TraceOptions t;
  if (!options.form.empty()) t.format = trace_format_given(options.form);
  t.keep_fetches = !options.no_fetches;
  t.salvage = options.salvage;
  t.skip_foreign = options.skip_foreign;
  t.stop = interrupt_pending;
  return t;
}

ReplaySetup set_up_replay(const ReplayOptions& given, std::unique_ptr<TraceReader> reader) {
  ReplaySetup setup;
  ReplayOptions options = given;
  ScenarioOverrides overrides = options.map_overrides;
  const bool of_scenario = !options.map.empty() && !is_page_table_image(options.map);
  setup.reader = reader ? std::move(reader) : open_trace(first_trace(options), trace_options(options));
  const TraceOrigin origin = origin_of(setup.first().info());
  nlohmann::json guest = nlohmann::json::object();
  if (!of_scenario) guest = take_virtualization(overrides, options.map.empty() ? recorded_guest(origin) : guest);
  if (!options.map.empty()) {
    if (!options.platform.empty()) overrides.platform = options.platform;
    for (const std::string& set : sets_of_core(options.core)) overrides.sets.push_back(set);
    setup.map.emplace(options.map, overrides, options.cr3);
    setup.tables = Tables::kMap;
  } else if (overrides.variant) {
    throw InputError("--variant is one of the scenario of --map, there is none");
  } else if (!options.cr3.empty()) {
    throw InputError("--cr3 is of the image or crash dump of --map, there is none");
  }
  setup.virtualization = of_scenario ? setup.map->virtualization() : virtualization_of(guest);
  take_recorded_options(origin, options);
  if (!setup.map && origin.page_tables && !options.spaces_given) setup.tables = Tables::kRecorded;
  ChosenPlatform chosen = platform_for(options, overrides, setup, origin);
  setup.platform = std::move(chosen.config);
  setup.config = replay_config(options, setup.platform, setup.tables, setup.virtualization);
  if (several_cores(options) && setup.virtualization.guests > 1) {
    throw InputError("/virtualization/guests: expected one trace, whose accesses several guests make");
  }
  if (several_cores(options)) open_core_traces(options, setup);
  setup.seed = options.seed.value_or(1);
  setup.layout = layout_of(setup, origin);
  ordered_json configuration = configuration_of(options, setup, chosen.document);
  if (!guest.empty()) configuration.update(ordered_json(guest));
  // Names of files may hold any bytes: those that are no UTF-8 become U+FFFD.
  setup.configuration = configuration.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return setup;
}

}  // namespace mmusim
