// SPDX-License-Identifier: MIT
#include "sim/experiment/replay_setup.h"

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/config_files.h"
#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/events/json_line.h"
#include "sim/host/interrupts.h"
#include "sim/recorded/page_table_image.h"
#include "sim/trace/trace_origin.h"

namespace mmusim {

namespace {

using nlohmann::ordered_json;

constexpr const char* kDefaultPlatform = "milan";
constexpr const char* kTablesNames[] = {"touched", "recorded", "map"};
constexpr const char* kFlushes[] = {"auto", "all", "none"};

TraceOptions trace_options(const ReplayOptions& options) {
  TraceOptions t;
  if (!options.form.empty()) t.format = trace_format_given(options.form);
  t.keep_fetches = !options.no_fetches;
  t.salvage = options.salvage;
  t.skip_foreign = options.skip_foreign;
  t.stop = interrupt_pending;
  return t;
}

/// The platform of the run that the trace was recorded from; nullopt if it says none.
std::optional<PlatformConfig> platform_of(const TraceOrigin& origin, const std::string& file) {
  if (origin.configuration.empty()) return std::nullopt;
  const nlohmann::json configuration = nlohmann::json::parse(origin.configuration);
  if (!configuration.contains("platform") || !configuration["platform"].is_object()) return std::nullopt;
  ConfigErrors errors(file);
  PlatformConfig platform = read_platform(ConfigReader(configuration["platform"], "/configuration/platform", errors));
  errors.throw_if_any();
  return platform;
}

PlatformConfig platform_for(const ReplayOptions& options, const ReplaySetup& setup, const TraceOrigin& origin) {
  const std::string named = options.platform.empty() ? kDefaultPlatform : options.platform;
  if (setup.map) return setup.map->platform(named);
  if (!options.platform.empty()) return load_platform(named);
  const std::optional<PlatformConfig> own = platform_of(origin, setup.reader->info().file);
  return own ? *own : load_platform(named);
}

/// The JSON text of the platform, for the results.
ordered_json platform_json(const ReplayOptions& options, const ReplaySetup& setup, const TraceOrigin& origin) {
  const auto member = [](const std::string& configuration) {
    const ordered_json json = ordered_json::parse(configuration.empty() ? "{}" : configuration);
    return json.contains("platform") ? json["platform"] : ordered_json();
  };
  if (setup.map && !member(setup.map->configuration()).is_null()) return member(setup.map->configuration());
  if (!setup.map && options.platform.empty() && member(origin.configuration).is_object()) {
    return member(origin.configuration);
  }
  return platform_document(options.platform.empty() ? kDefaultPlatform : options.platform);
}

ReplayConfig replay_config(const ReplayOptions& options, const PlatformConfig& platform, Tables tables) {
  ReplayConfig c;
  c.window = options.window;
  if (!options.sample.empty()) parse_sample(options.sample, c.window);
  if (!options.roi.empty()) c.window.roi = options.roi;
  c.what_if = options.what_if;
  c.player.flushes = options.flushes;
  c.player.pcids = !options.no_pcids;
  c.player.recorded_tables = tables == Tables::kRecorded;
  c.player.memory_bytes = memory_end(platform);
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

/// Returns the layout of the kernel whose tables these are; nullopt if that is not known.
std::optional<mm::Layout> layout_of(const ReplaySetup& setup, const TraceOrigin& origin) {
  const std::string text = setup.map ? setup.map->configuration() : origin.configuration;
  if (text.empty() || setup.tables == Tables::kTouched) return std::nullopt;
  const nlohmann::json configuration = nlohmann::json::parse(text);
  if (!configuration.contains("kernel") || !configuration.contains("memory")) return std::nullopt;
  ConfigErrors errors(setup.reader->info().file);
  ConfigReader reader(configuration, "/configuration", errors);
  const mm::KernelConfig kernel = mm::read_kernel_config(reader.child("kernel"));
  const mm::MemoryMap memory = mm::read_memory_map(reader.child("memory"), kernel.levels);
  errors.throw_if_any();
  uint64_t pages = 0;
  for (const mm::MemoryRange& r : memory.memory) pages += r.end - r.start;
  return mm::Layout(kernel, pages << kPageShift);
}

/// Everything that decides the result, for summary and event log.
ordered_json configuration_of(const ReplayOptions& options, const ReplaySetup& setup, const TraceOrigin& origin) {
  const TraceWindowConfig& w = options.window;
  ordered_json window = {{"skip", w.skip}, {"warmup", w.warmup}};
  if (w.limit) window["limit"] = *w.limit;
  if (!options.sample.empty()) window["sample"] = options.sample;
  if (!options.roi.empty()) window["roi"] = options.roi;
  ordered_json json = {{"trace", setup.reader->info().file},
                       {"format", name_of(setup.reader->info().format)},
                       {"model", options.model == ReplayModel::kCycle ? "cycle" : "functional"},
                       {"tables", kTablesNames[static_cast<unsigned>(setup.tables)]}};
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
  json["platform"] = platform_json(options, setup, origin);
  if (!options.core.empty()) json["platform"]["core"]["model"] = options.core;
  return json;
}

}  // namespace

ReplaySetup set_up_replay(const ReplayOptions& given) {
  ReplaySetup setup;
  ReplayOptions options = given;
  if (!options.map.empty()) {
    ScenarioOverrides overrides = options.map_overrides;
    if (!options.platform.empty() && !is_page_table_image(options.map)) {
      overrides.sets.push_back("/platform=" + json_quoted(options.platform));
    }
    setup.map.emplace(options.map, overrides);
    setup.tables = Tables::kMap;
  } else if (options.map_overrides.variant || !options.map_overrides.sets.empty()) {
    throw InputError("--variant and --set change the scenario of --map, there is none");
  }
  setup.reader = open_trace(options.trace, trace_options(options));
  const TraceOrigin origin = origin_of(setup.reader->info());
  take_recorded_options(origin, options);
  if (!setup.map && origin.page_tables && !options.spaces_given) setup.tables = Tables::kRecorded;
  setup.platform = platform_for(options, setup, origin);
  if (!options.core.empty()) setup.platform.model = core_model_of(options.core);
  setup.config = replay_config(options, setup.platform, setup.tables);
  setup.seed = options.seed.value_or(1);
  setup.layout = layout_of(setup, origin);
  // Names of files may hold any bytes: those that are no UTF-8 become U+FFFD.
  setup.configuration =
      configuration_of(options, setup, origin).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return setup;
}

}  // namespace mmusim
