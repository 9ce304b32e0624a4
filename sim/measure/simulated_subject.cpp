// SPDX-License-Identifier: MIT
#include "sim/measure/simulated_subject.h"

#include <algorithm>

#include "sim/machine/programs.h"

namespace mmusim {

namespace {

// Guest-physical memory: tables below 1 GiB, then frames of 4 KiB, of 2 MiB, of 1 GiB.
constexpr uint64_t kTablesEnd = kGiB;
constexpr uint64_t kSmallFrames = kGiB;
constexpr uint64_t kSmallFrameCount = uint64_t{1} << 18;  // 1 GiB of them
constexpr uint64_t kSharedFrame = 2 * kGiB;
constexpr uint64_t kLargeFrames = 3 * kGiB;
constexpr uint64_t kColdRegion = 32 * kMiB;

/// First address of the region in which a kind of chase has its pages; regions do not overlap.
uint64_t region_of(const Chase& chase) {
  const auto at = [](uint64_t number) { return number << 40; };
  if (chase.kind == ChaseKind::kLines) return at(chase.cold ? 2 : 1);
  if (chase.kind == ChaseKind::kFetches) return at(3);
  if (chase.kind == ChaseKind::kFetchLines) return at(8);
  if (chase.kind == ChaseKind::kRegions) return at(chase.gibs == 0 ? 9 : 10);
  if (chase.shared_frame) return at(4);
  return at(chase.pages == PageSize::k4K ? 5 : chase.pages == PageSize::k2M ? 6 : 7);
}

bool fetches(const Chase& chase) { return chase.kind == ChaseKind::kFetches || chase.kind == ChaseKind::kFetchLines; }

PageSize pages_of(const Chase& chase) {
  if (chase.kind == ChaseKind::kLines) return PageSize::k2M;
  return fetches(chase) ? PageSize::k4K : chase.pages;
}

/// True if a TLB or cache of the platform replaces at random.
bool replaces_at_random(const PlatformConfig& p) {
  const auto random = [](const Geometry& g) { return g.replacement == Replacement::kRandom; };
  bool found = random(p.l1d.geometry) || random(p.l2.geometry) || random(p.l3.geometry);
  for (const TlbConfig* tlb : {&p.lsu.tlbs.load, &p.lsu.tlbs.instruction, &p.second_level.data}) {
    for (const TlbArrayConfig& array : tlb->arrays) found |= random(array.geometry);
  }
  return found;
}

}  // namespace

SimulatedSubject::SimulatedSubject(Simulation& simulation, const std::string& name, const PlatformConfig& platform,
                                   const VirtualizationConfig& guest)
    : simulation_(simulation), gib_pages_(platform.processor.gib_pages), random_(replaces_at_random(platform)) {
  PlatformConfig one = platform;
  one.cores = 1;
  one.model = CoreModel::kBlocking;
  blocking_ = make_side(name + "_blocking", one, guest);
  one.model = CoreModel::kWindow;
  window_ = make_side(name + "_window", one, guest);
}

SimulatedSubject::Side SimulatedSubject::make_side(const std::string& name, const PlatformConfig& platform,
                                                   const VirtualizationConfig& guest) {
  MachineOptions options;
  options.virtualization = guest;
  Side side;
  side.machine = std::make_unique<Machine>(name.c_str(), platform, options);
  const ControlState& control = side.machine->control(0);
  side.tables = std::make_unique<GrowingTables>(side.machine->memory(), control.levels(), PhysAddr(kTablesEnd));
  ControlRegisters registers = control.registers();
  registers.cr3 = side.tables->root().raw();
  side.machine->set_control(0, ControlState(registers, control.traits()));
  return side;
}

uint64_t SimulatedSubject::most_steps(ChaseKind kind, PageSize pages) const {
  if (kind == ChaseKind::kLines) return uint64_t{1} << 21;  // 128 MiB
  if (kind == ChaseKind::kRegions) return uint64_t{1} << 15;
  if (pages == PageSize::k1G) return gib_pages_ ? 128 : 0;
  return 16384;
}

void SimulatedSubject::map_page(Side& side, const Chase& chase, uint64_t va, uint64_t page) {
  if (!side.mapped.insert(va).second) return;
  constexpr uint64_t kFlags = 0x63;  // present, writable, accessed, dirty
  const PageSize size = pages_of(chase);
  uint64_t frame = kLargeFrames;
  unsigned level = 2;
  if (size == PageSize::k4K) {
    level = 1;
    frame = chase.shared_frame ? kSharedFrame : kSmallFrames + page * 5 % kSmallFrameCount * kPageBytes;
  } else if (chase.kind == ChaseKind::kLines) {
    frame = kLargeFrames + page * bytes_of(size) + (chase.cold ? kGiB : 0);
  } else if (size == PageSize::k1G) {
    level = 3;
  }
  side.tables->map(VirtAddr(va), PhysAddr(frame), level, kFlags);
}

std::vector<MemAccess> SimulatedSubject::round_of(Side& side, const Chase& chase) {
  std::vector<MemAccess> round;
  const uint64_t region = region_of(chase);
  const uint64_t bytes = bytes_of(pages_of(chase));
  const uint64_t skipped = chase.cold ? cold_regions_ * kColdRegion / bytes : 0;
  for (const Step& step : steps_of(chase)) {
    const uint64_t page = step.page + skipped;
    const uint64_t va = region + page * bytes;
    map_page(side, chase, va, page);
    if (chase.crossing == Crossing::kPage) map_page(side, chase, va + bytes, page + 1);
    MemAccess access;
    access.va = VirtAddr(va + step.offset);
    access.kind = fetches(chase) ? AccessKind::kFetch : AccessKind::kRead;
    access.depends_on = static_cast<uint16_t>(chase.lanes);
    round.push_back(access);
  }
  return round;
}

/// Brings the translations of a cold round into the TLBs by lines that the round does not touch.
void SimulatedSubject::touch_pages(Side& side, const std::vector<MemAccess>& round) {
  std::vector<MemAccess> touches;
  std::set<uint64_t> pages;
  for (MemAccess access : round) {
    const VirtAddr page = access.va.align_down(kPageBytes);
    if (!pages.insert(page.raw()).second) continue;
    access.va = page + (access.va.raw() / kLineBytes + 1) % 8 * kLineBytes;
    touches.push_back(access);
  }
  CallProgram program([&](Core& core) {
    for (unsigned i = 0; i < 3; ++i) core.execute(touches);
  });
  simulation_.run(*side.machine, program);
}

/// Cycles of a step once the structures hold what they can. Pseudo-LRU structures need some rounds to lose what was there
/// before, so rounds are made until two in a row take equally long. Those that replace at random need many: there, rounds are
/// made until 64 have brought no improvement.
double SimulatedSubject::cycles_of(Side& side, const std::vector<MemAccess>& round, bool cold) {
  constexpr uint64_t kMostSteps = 3'000'000;
  constexpr unsigned kPatience = 64, kFirst = 2;
  const auto most =
      cold ? 1 : static_cast<unsigned>(std::clamp<uint64_t>(kMostSteps / round.size(), 4, random_ ? 1000 : 24));
  uint64_t least = ~uint64_t{0}, cycles = 0;
  CallProgram program([&](Core& core) {
    unsigned idle = 0;
    for (unsigned i = 0; i < most; ++i) {
      const uint64_t before = cycles;
      const CycleTime begin = core.now();
      core.execute(round);
      core.drain();
      cycles = (core.now() - begin).count;
      if (random_ && !cold && i < kFirst)
        continue;  // finds in the first-level cache what the chase before has left there
      idle = cycles < least ? 0 : idle + 1;
      least = std::min(least, cycles);
      if (random_ ? idle >= kPatience : i >= 2 && cycles == before) break;
    }
  });
  simulation_.run(*side.machine, program);
  return static_cast<double>(random_ ? least : cycles) / static_cast<double>(round.size());
}

/// Events of one more round, for each of its steps.
Events SimulatedSubject::events_of(Side& side, const std::vector<MemAccess>& round) {
  const MachineTotals before = side.machine->totals(0);
  CallProgram program([&](Core& core) {
    core.execute(round);
    core.drain();
  });
  simulation_.run(*side.machine, program);
  const MachineTotals after = side.machine->totals(0);
  const auto steps = static_cast<double>(round.size());
  return {static_cast<double>(after.l1_dtlb_misses - before.l1_dtlb_misses) / steps,
          static_cast<double>(after.walks - before.walks) / steps};
}

std::optional<Sample> SimulatedSubject::measure(const Chase& chase) {
  if (chase.count > most_steps(chase.kind, pages_of(chase))) return std::nullopt;
  Side& side = chase.lanes > 1 ? window_ : blocking_;
  const std::vector<MemAccess> round = round_of(side, chase);
  if (chase.cold) {
    ++cold_regions_;
    touch_pages(side, round);
  }
  const double cycles = cycles_of(side, round, chase.cold);
  Sample sample{cycles, cycles, cycles};
  if (counts_events_ && !chase.cold && !fetches(chase)) sample.events = events_of(side, round);
  return sample;
}

}  // namespace mmusim
