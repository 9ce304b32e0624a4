// SPDX-License-Identifier: MIT
#include "sim/experiment/replay.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/dram/address_map.h"
#include "models/x86/paging.h"
#include "sim/host/interrupts.h"
#include "sim/host/progress.h"
#include "sim/host/watchdog.h"
#include "sim/report/misses_over_time.h"

namespace mmusim {

namespace {

constexpr unsigned kSampleBatches = 16;

/// Adds up what the machine counts while accesses are measured.
class Measurement {
 public:
  explicit Measurement(const ReplayMachine& machine) : machine_(machine) {}

  void enter(WindowPart part) {
    const bool now = part == WindowPart::kMeasured;
    if (now == measuring_) return;
    if (now) {
      before_ = machine_.totals();
      if (!counters_) {
        counters_ = machine_.counters();
        begin_ = before_;
      }
    } else {
      sum_.merge(difference(machine_.totals(), before_));
    }
    measuring_ = now;
  }
  /// Now and then, for the course over time.
  void sample() {
    if (measuring_) course_.sample(difference(machine_.totals(), begin_));
  }
  void finish(ReplayResult& result) {
    sample();
    enter(WindowPart::kSkipped);
    result.totals = sum_;
    result.counters = counters_ ? difference(machine_.counters(), *counters_) : machine_.counters();
    result.misses_over_time = course_.slices();
  }

 private:
  const ReplayMachine& machine_;
  bool measuring_ = false;
  MachineTotals before_;
  MachineTotals begin_;
  MachineTotals sum_;
  std::optional<StatNode> counters_;  // when measuring began
  MissesOverTime course_;
};

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
  Replay(TraceReader& reader, ReplayMachine& machine, const ReplayConfig& config)
      : reader_(reader), machine_(machine), config_(config), window_(reader, config.window), measurement_(machine) {
    if (config.what_if) result_.what_if.emplace();
  }

  ReplayResult all() {
    more_ = window_.next(batch_, part_);
    if (config_.spaces) make_spaces(*config_.spaces);
    if (!config_.player.recorded_tables) check_levels(batch_, machine_.control(), reader_.info().file);
    TracePlayer player(machine_, touched_ ? &touched_->spaces() : nullptr, config_.player);
    machine_.run([&] { run(player); });
    reader_.end();
    measurement_.finish(result_);
    machine_.set_mapper(nullptr);
    result_.skipped = window_.skipped();
    result_.warmup = window_.warmed_up();
    result_.measured = window_.measured();
    result_.faults = machine_.faults();
    result_.player = player.stats();
    if (touched_) result_.mapped = touched_->spaces().counts();
    return std::move(result_);
  }

 private:
  void make_spaces(AddressSpaceConfig spaces) {
    const auto is_map = [](const TraceEvent& event) { return event.kind == TraceEventKind::kMap; };
    if (config_.player.recorded_translations && std::any_of(batch_.events.begin(), batch_.events.end(), is_map)) {
      spaces.frames.bytes /= 2;
      spaces.frames.begin += spaces.frames.bytes;
    }
    touched_.emplace(machine_.memory(), spaces);
    machine_.set_mapper(&*touched_);
    ControlRegisters registers = machine_.control().registers();
    registers.cr3 = touched_->spaces().root().raw();
    registers.cr4 = spaces.levels == 5 ? registers.cr4 | kCr4La57 : registers.cr4 & ~kCr4La57;
    machine_.set_control(ControlState(registers, machine_.control().traits()));
  }

  void run(TracePlayer& player) {
    ProgressBar progress("replay", reader_.bytes_total());
    WindowPart part = part_;
    const auto next = [this] {
      const Watchdog::Pause waiting_for_input;
      return window_.next(batch_, part_);
    };
    for (unsigned batches = 1; more_ && !interrupt_requested(); more_ = next(), ++batches) {
      if (part != part_) machine_.drain();
      part = part_;
      measurement_.enter(part);
      player.play(batch_);
      result_.records += batch_.records;
      if (result_.what_if && part == WindowPart::kMeasured) result_.what_if->add(batch_.accesses);
      if (batches % kSampleBatches == 0) measurement_.sample();
      progress.update(reader_.bytes_read());
    }
    machine_.drain();
    result_.interrupted = interrupt_requested();
  }

  TraceReader& reader_;
  ReplayMachine& machine_;
  const ReplayConfig& config_;
  TraceWindow window_;
  std::optional<TouchedSpaces> touched_;
  Measurement measurement_;
  TraceBatch batch_;  // the next to play, if more_
  WindowPart part_ = WindowPart::kSkipped;
  bool more_ = false;
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
  if (config.pages == MappingPolicy::k1G && !platform.processor.gib_pages) {
    throw InputError(fmt::format("--pages: platform {} has no 1 GiB pages", platform.name));
  }
  const uint64_t end = memory_end(platform);
  if (end <= config.frames.begin.raw()) {
    throw InputError(fmt::format("platform {}: {} bytes of DRAM leave no room for page tables", platform.name, end));
  }
  config.frames.bytes = end - config.frames.begin.raw();
  return config;
}

ReplayResult replay_trace(TraceReader& reader, ReplayMachine& machine, const ReplayConfig& config) {
  return Replay(reader, machine, config).all();
}

}  // namespace mmusim
