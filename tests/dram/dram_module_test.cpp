// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <vector>

#include "models/base/format.h"
#include "models/dram/dram.h"
#include "models/fabric/fibers.h"
#include "models/fabric/observer.h"
#include "tests/dram/dram_support.h"
#include "tests/support/in_child.h"

namespace mmusim {
namespace {

constexpr unsigned kReaders = 6, kReads = 400;

/// A memory, and who reads and writes lines of it at random.
struct MemoryLoad {
  unsigned read_queue = 64, write_queue = 64;
  Cycles to_memory{30}, from_memory{20};
  unsigned banks = 16, rows = 64, columns = 4;  ///< of the lines that they choose from
  unsigned writes = 0;                          ///< for each read
  unsigned longest_gap = 60;                    ///< cycles between two reads of one reader
};

/// A read as its reader saw it.
struct SeenRead {
  unsigned reader;
  PhysAddr line;
  CycleTime asked, done;
};

class LoadedMemory {
 public:
  /// `asleep`: readers may sleep until their data are there; else they wake when their reads arrive, as observers of the
  /// controller have it.
  LoadedMemory(const MemoryLoad& load, LookAhead look_ahead, bool asleep)
      : load_(load),
        domain_(kPeriodPs, kReaders + 1),
        fibers_("readers", domain_, look_ahead),
        dram_("dram", config_of(load), domain_, 0) {
    if (!asleep) dram_.system().observe(&nobody_);
    for (unsigned reader = 0; reader < kReaders; ++reader) {
      clocks_.push_back(std::make_unique<LocalClock>(domain_, reader + 1, look_ahead));
      LocalClock& clock = *clocks_.back();
      fibers_.join(clock, kFiberStackBytes, reader, [this, reader, &clock] {
        while (fibers_.rest(clock)) read_and_write(reader, clock);
      });
    }
    for (const auto& clock : clocks_) fibers_.begin(*clock);
  }
  ~LoadedMemory() { fibers_.end(); }  // while the clocks are there
  LoadedMemory(const LoadedMemory&) = delete;
  LoadedMemory& operator=(const LoadedMemory&) = delete;

  std::vector<SeenRead> run() {
    sc_core::sc_start();
    fibers_.rethrow();
    return seen_;
  }
  Dram& dram() { return dram_; }

  static constexpr unsigned kPeriodPs = 500;
  static DramModuleConfig config_of(const MemoryLoad& load) {
    DramModuleConfig config;
    config.dram.controller.read_queue = load.read_queue;
    config.dram.controller.write_queue = load.write_queue;
    config.dram.controller.write_high_watermark = std::max(1U, load.write_queue * 3 / 4);
    config.dram.controller.write_low_watermark = load.write_queue / 4;
    config.to_memory = load.to_memory;
    config.from_memory = load.from_memory;
    return config;
  }

 private:
  void read_and_write(unsigned reader, LocalClock& clock) {
    Random random(reader + 1);
    const auto any_line = [&] {
      const auto bank = static_cast<unsigned>(random.below(load_.banks));
      const uint64_t row = random.below(load_.rows);
      return reference_address(bank, row, random.below(load_.columns));
    };
    for (unsigned i = 0; i < kReads; ++i) {
      clock.advance(Cycles(random.below(load_.longest_gap)));
      clock.sync();
      for (unsigned write = 0; write < load_.writes; ++write) dram_.evict_line(any_line(), Eviction::kDirty, clock);
      const PhysAddr line = any_line();
      const CycleTime asked = clock.now();
      dram_.read_line(line, RequestReason::kLoad, clock);
      seen_.push_back({reader, line, asked, clock.now()});
    }
  }

  const MemoryLoad load_;
  const ClockDomain domain_;
  const ObserverList nobody_;
  FiberGroup fibers_;
  Dram dram_;
  std::vector<std::unique_ptr<LocalClock>> clocks_;
  std::vector<SeenRead> seen_;
};

/// What the readers saw, one read a line, and last what the controller did and how many had to wait for a place in its queue.
std::string seen_by_readers(const MemoryLoad& load, LookAhead look_ahead, bool asleep = true) {
  return in_child([&] {
    LoadedMemory memory(load, look_ahead, asleep);
    std::string text;
    for (const SeenRead& read : memory.run())
      text += fmt::format("{} {} {} {}\n", read.reader, read.line.raw(), read.asked.count, read.done.count);
    const DramStats did = memory.dram().controller_stats(/*at_rest=*/true);
    return text + fmt::format("wrote {}, {} hits, {} conflicts, waited {}\n", did.writes, did.row_hits,
                              did.row_conflicts, memory.dram().stats().waited_for_queue);
  });
}

TEST(DramModule, ReadsEnterTheControllerInTheOrderOfTheirMoments) {
  const MemoryLoad load;
  std::vector<SeenRead> reads;
  std::istringstream text(seen_by_readers(load, LookAhead::kPending));
  for (SeenRead read{}; true; reads.push_back(read)) {
    uint64_t line = 0;
    if (!(text >> read.reader >> line >> read.asked.count >> read.done.count)) break;
    read.line = PhysAddr(line);
  }
  ASSERT_EQ(reads.size(), kReaders * kReads);

  // The controller alone, given the reads as they arrive.
  std::ranges::sort(reads, {}, [](const SeenRead& read) { return std::pair(read.asked, read.reader); });
  const DramModuleConfig config = LoadedMemory::config_of(load);
  const ClockDomain domain(LoadedMemory::kPeriodPs, kReaders + 1);
  DramSystem system(config.dram);
  std::vector<DramCompletion> done;
  for (size_t i = 0; i < reads.size(); ++i) {
    const uint64_t ps = domain.ps(reads[i].asked + load.to_memory);
    system.enqueue({i, reads[i].line, false}, (ps + config.dram.tck_ps - 1) / config.dram.tck_ps);
  }
  system.advance_to(~DramCycle{0} - 2, done);
  ASSERT_EQ(done.size(), reads.size());
  for (const DramCompletion& one : done)
    EXPECT_EQ(reads[one.id].done, domain.first_cycle_at(one.done * config.dram.tck_ps) + load.from_memory) << one.id;
}

MemoryLoad random_load(unsigned seed) {
  Random random(seed);
  const auto from_one_to = [&](unsigned most) { return 1 + static_cast<unsigned>(random.below(most)); };
  const auto way = [&] { return std::to_array({0, 1, 2, 3, 10, 30, 400})[random.below(7)]; };
  return {.read_queue = from_one_to(3) * from_one_to(8),
          .write_queue = from_one_to(40),
          .to_memory = Cycles(static_cast<uint64_t>(way())),
          .from_memory = Cycles(static_cast<uint64_t>(way())),
          .banks = from_one_to(16),
          .rows = from_one_to(8),
          .columns = from_one_to(8),
          .writes = from_one_to(5) - 1,
          .longest_gap = from_one_to(500)};
}

/// Compares readers that sleep, in lock-step and ahead, with those that wake when their reads arrive.
void expect_the_same_cycles(const MemoryLoad& load, const std::string& name) {
  const std::string in_step = seen_by_readers(load, LookAhead::kNone, /*asleep=*/false);
  EXPECT_EQ(std::ranges::count(in_step, '\n'), kReaders * kReads + 1) << name;
  EXPECT_EQ(in_step, seen_by_readers(load, LookAhead::kNone)) << name;
  EXPECT_EQ(in_step, seen_by_readers(load, LookAhead::kPending)) << name;
  const bool nobody_waited = in_step.ends_with(", waited 0\n");
  if (load.read_queue > kReaders || (load.read_queue < kReaders - 1 && load.longest_gap < 50)) {
    EXPECT_EQ(nobody_waited, load.read_queue > kReaders) << name;
  }
}

TEST(DramModule, GivesTheSameCyclesForRandomLoads) {
  for (unsigned seed = 1; seed <= 40; ++seed) expect_the_same_cycles(random_load(seed), fmt::format("seed {}", seed));
}

TEST(DramModule, GivesTheSameCyclesWhenRequestersRunAheadAndSleep) {
  const std::vector<MemoryLoad> loads = {
      {.writes = 1},
      {.write_queue = 24, .writes = 4, .longest_gap = 400},  // writes go on after the last read
      {.write_queue = 24, .from_memory = Cycles(400), .writes = 4, .longest_gap = 400},
      {.banks = 1, .rows = 3},                                             // they overtake each other
      {.banks = 1, .rows = 3, .longest_gap = 1000},                        // at times only
      {.banks = 2, .rows = 2, .columns = 2, .writes = 1},                  // reads are answered by writes that wait
      {.read_queue = 2, .write_queue = 2, .writes = 1, .longest_gap = 8},  // both queues are full
      {.read_queue = 4, .banks = 1, .rows = 3, .longest_gap = 30},
      {.to_memory = Cycles(0), .from_memory = Cycles(0), .banks = 1, .rows = 2, .columns = 2, .writes = 1},
      {.to_memory = Cycles(1),
       .from_memory = Cycles(0),
       .banks = 1,
       .rows = 2,
       .columns = 2,
       .writes = 1,
       .longest_gap = 4},
      {.to_memory = Cycles(2),
       .from_memory = Cycles(0),
       .banks = 1,
       .rows = 2,
       .columns = 2,
       .writes = 1,
       .longest_gap = 4},
  };
  for (size_t i = 0; i < loads.size(); ++i) expect_the_same_cycles(loads[i], fmt::format("load {}", i));
}

TEST(DramModule, AReadOnItsWayIsAnsweredByALineWrittenInTheSameCycle) {
  const std::string done = in_child([] {
    const DramModuleConfig config = LoadedMemory::config_of({});
    const ClockDomain domain(LoadedMemory::kPeriodPs, 3);
    FiberGroup fibers("requesters", domain, LookAhead::kPending);
    Dram dram("dram", config, domain, 0);
    LocalClock reader(domain, 1, LookAhead::kPending), writer(domain, 2, LookAhead::kPending);
    fibers.join(reader, kFiberStackBytes, FiberGroup::kNobody, [&] {
      while (fibers.rest(reader)) {
        reader.advance(Cycles(100));
        reader.sync();
        dram.read_line(reference_address(0, 1), RequestReason::kLoad, reader);
      }
    });
    fibers.join(writer, kFiberStackBytes, FiberGroup::kNobody, [&] {
      while (fibers.rest(writer)) {
        writer.advance(Cycles(100));
        writer.sync();
        dram.evict_line(reference_address(0, 1), Eviction::kDirty, writer);
      }
    });
    fibers.begin(reader);
    fibers.begin(writer);
    sc_core::sc_start();
    fibers.end();  // while the clocks are there
    return std::to_string(reader.now().count);
  });
  // It arrives in core cycle 130, which is in DRAM cycle 79 (65,000 / 833 ps); 80 begins in core cycle 134 (66,640 / 500 ps).
  EXPECT_EQ(done, "154");
}

}  // namespace
}  // namespace mmusim
