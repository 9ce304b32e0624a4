// SPDX-License-Identifier: MIT
#include "sim/experiment/replay.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/dram/address_map.h"
#include "models/x86/paging.h"
#include "sim/host/interrupts.h"
#include "sim/report/misses_over_time.h"
#include "sim/scenario/streams.h"

namespace mmusim {

namespace {

/// With 4 levels, the addresses of a kernel with 5 are not canonical and every access would fault.
void check_levels(const TraceBatch& batch, const ControlState& control, const std::string& file) {
  if (control.levels() != 4) return;
  for (const MemAccess& access : batch.accesses) {
    if (control.canonical(access.va) || !is_canonical(access.va, 57)) continue;
    throw InputError(fmt::format("{}: address {} is canonical with 5 levels only: use --levels 5", file, access.va));
  }
}

class Replay {
 public:
  Replay(TraceReader& reader, Target& target, const ReplayConfig& config)
      : reader_(reader), target_(target), config_(config) {
    if (config.what_if) result_.what_if.emplace();
  }

  ReplayResult all() {
    TraceStream stream(reader_);
    MeasureCalls calls;
    calls.prepare = [this](const TraceBatch& first) { prepare(first); };
    calls.play = [this](const TraceBatch& piece) { player_->play(piece); };
    calls.played = [this](const TraceBatch& piece, WindowPart part) {
      if (result_.what_if && part == WindowPart::kMeasured) result_.what_if->add(piece.accesses);
      if (config_.played) config_.played(piece, part);
    };
    calls.stop = interrupt_requested;
    calls.sample = [this](const MachineTotals* since) {
      if (since != nullptr) course_.sample(difference(target_.totals(), *since));
    };
    result_.run = measure(target_, stream, config_.window, calls);
    reader_.end();
    target_.set_mapper(nullptr);
    result_.misses_over_time = course_.slices();
    result_.faults = target_.faults();
    result_.player = player_->stats();
    if (touched_) result_.mapped = touched_->spaces().counts();
    return std::move(result_);
  }

 private:
  /// Makes the address space of a trace that begins with `first`.
  void prepare(const TraceBatch& first) {
    if (config_.spaces) make_spaces(*config_.spaces, first);
    if (!config_.player.recorded_tables) check_levels(first, target_.control(), reader_.info().file);
    player_.emplace(target_, touched_ ? &touched_->spaces() : nullptr, config_.player);
    player_->on_marker(config_.marker);
  }

  void make_spaces(AddressSpaceConfig spaces, const TraceBatch& first) {
    const auto is_map = [](const TraceEvent& event) { return event.kind == TraceEventKind::kMap; };
    if (config_.player.recorded_translations && std::any_of(first.events.begin(), first.events.end(), is_map)) {
      spaces.frames.bytes /= 2;
      spaces.frames.begin += spaces.frames.bytes;
    }
    touched_.emplace(target_.memory(), spaces);
    target_.set_mapper(&*touched_);
    ControlRegisters registers = target_.control().registers();
    registers.cr3 = touched_->spaces().root().raw();
    registers.cr4 = spaces.levels == 5 ? registers.cr4 | kCr4La57 : registers.cr4 & ~kCr4La57;
    target_.set_control(ControlState(registers, target_.control().traits()));
  }

  TraceReader& reader_;
  Target& target_;
  const ReplayConfig& config_;
  std::optional<TouchedSpaces> touched_;
  std::optional<TracePlayer> player_;
  MissesOverTime course_;
  ReplayResult result_;
};

}  // namespace

uint64_t memory_end(const PlatformConfig& platform) {
  const DramConfig& dram = platform.dram.dram;
  return std::min(AddressMap(dram.address_map, dram.geometry).capacity_bytes(),
                  uint64_t{1} << platform.processor.phys_bits);
}

AddressSpaceConfig fitted(AddressSpaceConfig config, const PlatformConfig& platform) {
  if (config.levels > platform.max_levels) {
    throw InputError(fmt::format("--levels: {} levels on platform {}, whose processor has {}", config.levels,
                                 platform.name, platform.max_levels));
  }
  const bool gib_pages_of_map = config.page_map && config.page_map->gigabyte_pages() != 0;
  if ((config.pages == MappingPolicy::k1G || gib_pages_of_map) && !platform.processor.gib_pages) {
    throw InputError(
        fmt::format("{}: platform {} has no 1 GiB pages", gib_pages_of_map ? "--page-map" : "--pages", platform.name));
  }
  const uint64_t end = memory_end(platform);
  if (end <= config.frames.begin.raw()) {
    throw InputError(fmt::format("platform {}: {} bytes of DRAM leave no room for page tables", platform.name, end));
  }
  config.frames.bytes = end - config.frames.begin.raw();
  return config;
}

ReplayResult replay_trace(TraceReader& reader, Target& target, const ReplayConfig& config) {
  return Replay(reader, target, config).all();
}

}  // namespace mmusim
