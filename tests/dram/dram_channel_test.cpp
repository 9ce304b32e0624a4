// SPDX-License-Identifier: MIT
#include "models/dram/dram_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

/// A system on which a test enqueues and asks when each read was done.
class Bench {
 public:
  explicit Bench(const DramConfig& config) : dram(config) {}

  void read(uint64_t id, PhysAddr pa, DramCycle now) {
    if (const auto done = dram.enqueue({.id = id, .pa = pa}, now)) done_[id] = *done;
  }
  void write(PhysAddr pa, DramCycle now) { dram.enqueue({.pa = pa, .write = true}, now); }
  void advance(DramCycle to) {
    std::vector<DramCompletion> completions;
    dram.advance_to(to, completions);
    for (const DramCompletion& c : completions) done_[c.id] = c.done;
  }
  /// When that read was done; 0 if it was not yet.
  DramCycle done(uint64_t id) const { return done_.contains(id) ? done_.at(id) : 0; }

  DramSystem dram;

 private:
  std::map<uint64_t, DramCycle> done_;
};

TEST(DramChannel, IdleReadIsTheClosedFormOfItsTimingInEveryPart) {
  for (const char* name : {"reference-ddr4-2400", "reference-ddr4-3200", "ddr4-2400", "ddr4-2666", "ddr4-2933",
                           "ddr4-3200", "ddr5-4800", "ddr5-5600", "ddr5-6000"}) {
    const DramConfig config = shipped_dram(name);
    const DramTiming& t = config.timing;
    const uint64_t row_stride = config.address_map.channel_interleave_bytes == 0 ? uint64_t{1} << 17 : 1 << 24;
    DramSystem dram(config);
    const PhysAddr first(0), same_row(0), same_bank(row_stride * 4);
    EXPECT_EQ(dram.read_alone(first, 1000), 1000u + 1 + t.rcd + t.cl + t.burst) << name << " closed bank";
    EXPECT_EQ(dram.read_alone(same_row, 2000), 2000u + 1 + t.cl + t.burst) << name << " row hit";
    if (config.address_map.channel_interleave_bytes != 0) continue;  // hashed: the stride may change the bank
    EXPECT_EQ(dram.read_alone(same_bank, 3000), 3000u + 1 + t.rp + t.rcd + t.cl + t.burst) << name << " conflict";
  }
}

TEST(DramChannel, ReadThatMeetsARefreshWaitsUntilItsEnd) {
  const DramConfig config;
  const DramTiming& t = config.timing;
  const DramCycle served = DramCycle{1} + t.rcd + t.cl + t.burst;
  const auto read_at = [&](DramCycle now) { return DramSystem(config).read_alone(PhysAddr(0), now); };
  // The bank must be activated, and read, before the refresh falls due; else both wait for it.
  const DramCycle last = DramCycle{t.refi} - 1 - t.rcd - 1;
  EXPECT_EQ(read_at(last), last + served);
  const DramCycle after_refresh = DramCycle{t.refi} + t.rfc + t.rcd + t.cl + t.burst;
  EXPECT_EQ(read_at(t.refi - 1), after_refresh);
  EXPECT_EQ(read_at(t.refi + 100), after_refresh);
  EXPECT_EQ(read_at(DramCycle{t.refi} + t.rfc - 1), after_refresh);
  EXPECT_EQ(read_at(DramCycle{t.refi} + t.rfc), after_refresh + 1);
  // Activated in time but not read: tRAS, tRP and tRFC pass before it is activated again.
  EXPECT_EQ(read_at(last + 1), last + 2 + t.ras + t.rp + t.rfc + t.rcd + t.cl + t.burst);
}

TEST(DramChannel, IdleTimeCountsItsRefreshesAndClosesRows) {
  const DramConfig config;
  const DramTiming& t = config.timing;
  DramSystem dram(config);
  dram.read_alone(PhysAddr(0), 10);
  const DramCycle later = 1'000'000 * DramCycle{t.refi} + 5000;
  EXPECT_EQ(dram.read_alone(PhysAddr(0), later), later + 1 + t.rcd + t.cl + t.burst);
  EXPECT_EQ(dram.refreshes(later), 1'000'000u);
}

TEST(DramChannel, RowHitGoesBeforeAnOlderConflict) {
  Bench bench(without_refresh());
  bench.read(1, reference_address(0, 1), 0);
  bench.advance(200);
  bench.read(2, reference_address(0, 2), 200);
  bench.read(3, reference_address(0, 1, 5), 200);
  bench.advance(1000);
  EXPECT_LT(bench.done(3), bench.done(2));
}

TEST(DramChannel, OlderRequestGoesFirstAmongEquals) {
  for (const std::vector<unsigned>& banks : {std::vector<unsigned>{0, 4, 8, 12}, std::vector<unsigned>{12, 4, 8, 0}}) {
    Bench bench(without_refresh());
    for (unsigned i = 0; i < 4; ++i) bench.read(i, reference_address(banks[i], 1), 0);
    bench.advance(1000);
    for (unsigned i = 1; i < 4; ++i) EXPECT_LT(bench.done(i - 1), bench.done(i));
  }
}

TEST(DramChannel, EachCommandKeepsTheCommandBusForItsSlots) {
  for (const unsigned slots : {1u, 2u, 4u}) {
    DramConfig config = without_refresh();
    DramTiming& t = config.timing;
    t.act_slots = t.column_slots = slots;
    t.rp = t.rcd + 10;  // what follows the precharge comes after all that is looked at
    const DramCycle from_column = DramCycle{t.cl} + t.burst, from_activate = t.rcd + from_column;
    Bench bench(config);
    bench.read(0, reference_address(0, 1), 0);
    bench.advance(1000);
    bench.read(1, reference_address(0, 1, 5), 1000);  // hits, so its command goes first, in 1001
    bench.read(2, reference_address(4, 1), 1000);
    bench.advance(2000);
    bench.read(3, reference_address(8, 1), 2000);  // activated in 2001
    bench.read(4, reference_address(0, 1, 6), 2001);
    bench.advance(3000);
    bench.read(5, reference_address(0, 2), 3000);  // precharged in 3001
    bench.read(6, reference_address(12, 1), 3000);
    bench.advance(4000);
    EXPECT_EQ(bench.done(2), 1001 + slots + from_activate) << "an activate after a read";
    EXPECT_EQ(bench.done(4), 2001 + slots + from_column) << "a read after an activate";
    EXPECT_EQ(bench.done(6), 3001 + 1 + from_activate) << "an activate after a precharge, which has one slot";
  }
}

TEST(DramChannel, StarvationIsBounded) {
  for (const unsigned bound : {500u, 2000u, 1'000'000u}) {
    DramConfig config = without_refresh();
    config.controller.starvation_cycles = bound;
    Bench bench(config);
    bench.read(0, reference_address(0, 1), 0);
    bench.advance(100);
    bench.read(1, reference_address(0, 2), 100);
    // Row hits in the same bank, faster than it can serve them (tCCD_L): there is always one queued.
    uint64_t id = 2;
    for (DramCycle now = 100; now < 10'000; now += 5) {
      if (bench.dram.can_accept(reference_address(0, 1), false, now))
        bench.read(id, reference_address(0, 1, id % 128), now), ++id;
    }
    bench.advance(10'000);
    const DramTiming& t = config.timing;
    if (bound < 10'000) {
      EXPECT_GE(bench.done(1), 100u + bound) << "not before its bound";
      EXPECT_LE(bench.done(1), 100u + bound + t.ccd_l + t.rtp + t.ras + t.rp + t.rcd + t.cl + t.burst);
      EXPECT_GT(bench.dram.stats().overdue_requests, 0u);
    } else {
      EXPECT_EQ(bench.done(1), 0u) << "row hits go first for ever";
    }
  }
}

TEST(DramChannel, ARequestGoesFirstFromTheCycleOfItsBoundOn) {
  DramConfig config = without_refresh();
  DramTiming& t = config.timing;
  t.ccd_l = 40;
  t.rtp = 1;
  config.controller.starvation_cycles = 15;
  Bench bench(config);
  bench.read(0, reference_address(0, 1), 0);
  bench.advance(1000);
  bench.read(1, reference_address(0, 2), 1000);
  bench.read(2, reference_address(0, 1, 5), 1000);  // a hit, in 1001
  bench.read(3, reference_address(0, 1, 6), 1000);  // the next one, not before 1041
  bench.advance(2000);
  EXPECT_EQ(bench.done(1), DramCycle{1000} + 15 + t.rp + t.rcd + t.cl + t.burst);
}

TEST(DramChannel, WritesWaitForTheHighWatermarkWhileReadsCome) {
  DramConfig config = without_refresh();
  config.controller.write_high_watermark = 12;
  config.controller.write_low_watermark = 4;
  Bench bench(config);
  DramCycle now = 0;
  // A read is always waiting: one more than can be served at first, then one every 54 cycles keeps its bank busy for
  // tRC, 56.
  for (unsigned i = 0; i < 3; ++i) bench.read(1000 + i, reference_address(0, 1000 + i), now);
  for (unsigned i = 0; i < 200; ++i, now += 54) {
    bench.read(i, reference_address(0, i + 1), now);
    if (i < 11) bench.write(reference_address(4 + i, 3), now);
  }
  EXPECT_EQ(bench.dram.stats().writes, 0u) << "eleven writes stay below the watermark";
  bench.write(reference_address(15, 9), now);
  bench.advance(now + 2000);
  EXPECT_EQ(bench.dram.stats().write_drains, 1u);
  EXPECT_EQ(bench.dram.stats().writes, 8u) << "drained to the low watermark";
}

TEST(DramChannel, IdleControllerDrainsToTheLowWatermarkAndFlushDrainsAll) {
  DramConfig config = without_refresh();
  Bench bench(config);
  const unsigned low = config.controller.write_low_watermark;
  for (unsigned i = 0; i < low + 10; ++i) bench.write(reference_address(i % 16, i), i);
  EXPECT_FALSE(bench.dram.has_reads());
  bench.advance(10'000);
  EXPECT_EQ(bench.dram.stats().writes, 10u);
  EXPECT_EQ(bench.dram.next_event(), std::nullopt);
  bench.dram.flush();
  bench.advance(20'000);
  EXPECT_EQ(bench.dram.stats().writes, low + 10);
}

TEST(DramChannel, ReadOfAQueuedWriteIsAnsweredFromTheQueue) {
  Bench bench(without_refresh());
  bench.write(reference_address(3, 7, 1), 10);
  bench.write(reference_address(3, 7, 1), 11);
  bench.read(1, reference_address(3, 7, 1), 20);
  bench.read(2, reference_address(3, 7, 2), 20);
  bench.advance(1000);
  EXPECT_EQ(bench.done(1), 21u);
  EXPECT_GT(bench.done(2), 21u) << "another line of the row";
  EXPECT_EQ(bench.dram.stats().forwarded_reads, 1u);
  EXPECT_EQ(bench.dram.stats().merged_writes, 1u);
  bench.dram.flush();
  bench.advance(2000);
  EXPECT_EQ(bench.dram.stats().writes, 1u) << "both have one place in the queue";
}

TEST(DramChannel, SlotIsFreeFromTheCycleAfterTheColumnCommand) {
  DramConfig config = without_refresh();
  config.controller.read_queue = 1;
  DramSystem dram(config);
  dram.enqueue({.id = 0, .pa = PhysAddr(0)}, 0);
  const DramCycle column = 1 + config.timing.rcd;
  EXPECT_FALSE(dram.can_accept(PhysAddr(0), false, column - 1));
  EXPECT_FALSE(dram.can_accept(PhysAddr(0), false, column));
  EXPECT_TRUE(dram.can_accept(PhysAddr(0), true, column)) << "writes have a queue of their own";
  EXPECT_TRUE(dram.can_accept(PhysAddr(0), false, column + 1));
}

TEST(DramChannel, ClosedPageLeavesNoRowOpenBehind) {
  DramConfig config = without_refresh();
  config.controller.page_policy = PagePolicy::kClosed;
  const DramTiming& t = config.timing;
  DramSystem dram(config);
  const DramCycle closed_bank = DramCycle{1} + t.rcd + t.cl + t.burst;
  EXPECT_EQ(dram.read_alone(reference_address(0, 1), 1000), 1000 + closed_bank);
  EXPECT_EQ(dram.read_alone(reference_address(0, 1), 2000), 2000 + closed_bank) << "same row, opened again";
  EXPECT_EQ(dram.read_alone(reference_address(0, 2), 3000), 3000 + closed_bank) << "other row, no precharge";
  // At once: the precharge itself starts at tRAS, the next activate tRP later.
  const DramCycle activated = 3001;
  EXPECT_EQ(dram.read_alone(reference_address(0, 3), 3030), activated + t.ras + t.rp + t.rcd + t.cl + t.burst);
}

TEST(DramChannel, EndlessStreamReachesThePinLimitLessRefresh) {
  for (const char* name : {"ddr4-2400", "ddr4-2666", "ddr4-2933", "ddr4-3200", "ddr5-4800", "ddr5-5600", "ddr5-6000"}) {
    DramConfig config = shipped_dram(name);
    const DramTiming& t = config.timing;
    config.geometry.channels = 1;
    Bench bench(config);
    const uint64_t lines = 60'000;
    DramCycle now = 0;
    for (uint64_t i = 0; i < lines; ++now) {
      if (!bench.dram.can_accept(PhysAddr(i * kLineBytes), false, now)) continue;
      bench.read(i, PhysAddr(i * kLineBytes), now);
      ++i;
    }
    bench.advance(now + 100'000);
    const double cycles = static_cast<double>(bench.dram.last_data());
    const double data = static_cast<double>(lines * t.burst);
    // With two ranks a refresh stops the stream only when the stream meets it: half of them, or all at the most.
    const double stopped = static_cast<double>(t.rp + t.rfc + t.rcd) / t.refi;
    EXPECT_GE(data / cycles, (1 - stopped) * 0.98) << name;
    EXPECT_LE(data / cycles, 1.0) << name;
  }
}

TEST(DramChannel, StreamInOneBankGroupIsBoundByTccdL) {
  const DramConfig config = without_refresh();
  Bench bench(config);
  for (uint64_t i = 0; i < 64; ++i) bench.read(i, reference_address(0, 5, i), i);
  bench.advance(10'000);
  EXPECT_EQ(bench.done(63) - bench.done(0), 63 * config.timing.ccd_l);
}

TEST(DramChannel, RandomReadsAreBoundByTfaw) {
  const DramConfig config = without_refresh();
  Bench bench(config);
  Random random(3);
  DramCycle now = 0;
  const uint64_t reads = 20'000;
  for (uint64_t i = 0; i < reads; ++now) {
    const PhysAddr pa(random.below(4 * kGiB) & ~uint64_t{63});
    while (!bench.dram.can_accept(pa, false, now)) ++now;
    bench.read(i++, pa, now);
  }
  bench.advance(now + 10'000);
  const double per_read = static_cast<double>(bench.dram.last_data()) / static_cast<double>(reads);
  EXPECT_GE(per_read, config.timing.faw / 4.0);
  EXPECT_LE(per_read, config.timing.faw / 4.0 * 1.02);
}

}  // namespace
}  // namespace mmusim
