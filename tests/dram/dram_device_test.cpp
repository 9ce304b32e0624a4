// SPDX-License-Identifier: MIT
#include "models/dram/dram_device.h"

#include <gtest/gtest.h>

#include "tests/dram/dram_support.h"

namespace mmusim {
namespace {

using enum DramCommand;

/// Two ranks, every parameter different from every other, so that no rule can stand in for another.
DramConfig distinct() {
  DramConfig c = without_refresh();
  c.geometry.ranks = 2;
  c.timing = {.cl = 23,
              .cwl = 15,
              .burst = 4,
              .rcd = 19,
              .rp = 21,
              .ras = 47,
              .rc = 71,
              .ccd_s = 5,
              .ccd_l = 8,
              .ccd_l_wr = 10,
              .rrd_s = 6,
              .rrd_l = 9,
              .faw = 37,
              .wtr_s = 3,
              .wtr_l = 11,
              .wr = 25,
              .rtp = 13,
              .ppd = 2,
              .refi = 0,
              .rfc = 400,
              .rtrs = 2,
              .rtw = 3};
  return c;
}

struct Step {
  DramCommand command;
  unsigned bank;
  uint64_t row = 0;
};

// Banks of the reference geometry: 0..3 are bank group 0, 4..7 group 1, 16.. rank 1.
struct Row {
  const char* rule;
  std::vector<Step> before;  ///< the last one is what holds `then` back
  Step then;
  DramCycle after;  ///< the last of `before`, in cycles
};

std::vector<Row> rows() {
  const DramTiming t = distinct().timing;
  const std::vector<Step> open0{{kActivate, 0}};
  const std::vector<Step> open01{{kActivate, 0}, {kActivate, 1}};
  const std::vector<Step> open04{{kActivate, 0}, {kActivate, 4}};
  const std::vector<Step> open0_16{{kActivate, 0}, {kActivate, 16}};
  const auto with = [](std::vector<Step> steps, Step last) {
    steps.push_back(last);
    return steps;
  };
  const DramCycle write_end = t.cwl + t.burst;
  const DramCycle read_end = t.cl + t.burst;
  return {
      {"tRCD read", open0, {kRead, 0}, t.rcd},
      {"tRCD write", open0, {kWrite, 0}, t.rcd},
      {"tRAS", open0, {kPrecharge, 0}, t.ras},
      {"tRRD_L", open0, {kActivate, 1}, t.rrd_l},
      {"tRRD_S", open0, {kActivate, 4}, t.rrd_s},
      {"tRP", with(open0, {kPrecharge, 0}), {kActivate, 0}, t.rp},
      {"tPPD", with(open01, {kPrecharge, 0}), {kPrecharge, 1}, t.ppd},
      {"tRTP", with(open0, {kRead, 0}), {kPrecharge, 0}, t.rtp},
      {"tWR", with(open0, {kWrite, 0}), {kPrecharge, 0}, write_end + t.wr},
      {"tCCD_L same bank", with(open0, {kRead, 0}), {kRead, 0}, t.ccd_l},
      {"tCCD_L same group", with(open01, {kRead, 0}), {kRead, 1}, t.ccd_l},
      {"tCCD_S", with(open04, {kRead, 0}), {kRead, 4}, t.ccd_s},
      {"tCCD_L_WR", with(open01, {kWrite, 0}), {kWrite, 1}, t.ccd_l_wr},
      {"tCCD_S write", with(open04, {kWrite, 0}), {kWrite, 4}, t.ccd_s},
      {"tWTR_L", with(open01, {kWrite, 0}), {kRead, 1}, write_end + t.wtr_l},
      {"tWTR_S", with(open04, {kWrite, 0}), {kRead, 4}, write_end + t.wtr_s},
      {"read to write", with(open04, {kRead, 0}), {kWrite, 4}, read_end + t.rtw - t.cwl},
      {"tRTRS reads", with(open0_16, {kRead, 0}), {kRead, 16}, DramCycle{t.burst} + t.rtrs},
      {"tRTRS writes", with(open0_16, {kWrite, 0}), {kWrite, 16}, DramCycle{t.burst} + t.rtrs},
      {"other rank, read to write", with(open0_16, {kRead, 0}), {kWrite, 16}, read_end + t.rtw - t.cwl},
      {"other rank, write to read", with(open0_16, {kWrite, 0}), {kRead, 16}, 0},
  };
}

/// Sends a command that only the test's table knows.
void issue(DramDevice& device, DramCommand command, unsigned bank, uint64_t row, DramCycle now) {
  switch (command) {
    case kActivate:
      return device.issue<kActivate>(bank, row, now);
    case kPrecharge:
      return device.issue<kPrecharge>(bank, row, now);
    case kRead:
      return device.issue<kRead>(bank, row, now);
    case kWrite:
      return device.issue<kWrite>(bank, row, now);
    case kRefresh:
      FAIL() << "refreshes come from catch_up_refresh()";
  }
}

/// Sends the steps so far apart that only the last still holds anything back; returns when it was sent.
DramCycle send(DramDevice& device, const std::vector<Step>& steps) {
  DramCycle at = 5000;
  for (const Step& step : steps) {
    at += 1000;
    EXPECT_LE(device.earliest(step.command, step.bank), at);
    issue(device, step.command, step.bank, step.row, at);
  }
  return at;
}

TEST(DramDevice, EachConstraintBlocksAtTMinus1AndIsReadyAtT) {
  for (const Row& row : rows()) {
    DramDevice device(distinct());
    const DramCycle sent = send(device, row.before);
    const DramCycle ready = sent + row.after;
    EXPECT_LE(device.earliest(row.then.command, row.then.bank), std::max(ready, sent + 1)) << row.rule;
    if (row.after == 0) continue;
    EXPECT_EQ(device.earliest(row.then.command, row.then.bank), ready) << row.rule;
    DramDevice copy = device;
    EXPECT_DEATH(issue(copy, row.then.command, row.then.bank, 0, ready - 1), "before its time") << row.rule;
    issue(device, row.then.command, row.then.bank, 0, ready);
  }
}

TEST(DramDevice, TrcHoldsBackTheNextActivateOfABankWhenItIsTheLongest) {
  DramConfig config = distinct();
  config.timing.rc = 200;
  DramDevice device(config);
  device.issue<kActivate>(0, 1, 100);
  device.issue<kPrecharge>(0, 0, 100 + config.timing.ras);
  EXPECT_EQ(device.earliest(kActivate, 0), 300u);
}

TEST(DramDevice, FawLetsTheFifthActivateOfARankWaitForTheFirst) {
  const DramConfig config = distinct();
  DramDevice device(config);
  DramCycle at = 10;
  for (const unsigned bank : {0u, 4u, 8u, 12u}) {
    EXPECT_EQ(device.earliest(kActivate, bank), bank == 0 ? 0 : at);
    device.issue<kActivate>(bank, 0, at);
    at += config.timing.rrd_s;
  }
  EXPECT_EQ(device.earliest(kActivate, 1), 10u + config.timing.faw) << "four activates in the window";
  EXPECT_LT(device.earliest(kActivate, 16), at) << "the other rank has a window of its own";
}

TEST(DramDevice, NextCommandFollowsFromTheState) {
  DramDevice device(without_refresh());
  EXPECT_EQ(device.next_command(3, 7, kRead), kActivate);
  device.issue<kActivate>(3, 7, 1);
  EXPECT_EQ(device.next_command(3, 7, kRead), kRead);
  EXPECT_EQ(device.next_command(3, 7, kWrite), kWrite);
  EXPECT_EQ(device.next_command(3, 8, kRead), kPrecharge);
}

TEST(DramDevice, AutoPrechargeClosesAsEarlyAsAPrechargeCould) {
  const DramConfig config = distinct();
  DramDevice by_command(config), by_itself(config);
  for (DramDevice* device : {&by_command, &by_itself}) {
    device->issue<kActivate>(0, 1, 100);
    device->issue<kWrite>(0, 0, 100 + config.timing.rcd);
  }
  by_command.issue<kPrecharge>(0, 0, by_command.earliest(kPrecharge, 0));
  by_itself.auto_precharge(0);
  EXPECT_FALSE(by_itself.is_open(0));
  EXPECT_EQ(by_itself.earliest(kActivate, 0), by_command.earliest(kActivate, 0));
}

TEST(DramDevice, RefreshOfAnIdleRankBlocksItForTrfc) {
  const DramConfig config;
  DramDevice device(config);
  EXPECT_EQ(device.next_refresh(), config.timing.refi);
  device.catch_up_refresh(config.timing.refi, 0);
  EXPECT_EQ(device.earliest(kActivate, 5), DramCycle{config.timing.refi} + config.timing.rfc);
  EXPECT_EQ(device.next_refresh(), 2 * config.timing.refi);
}

TEST(DramDevice, RefreshWaitsForOpenBanksToCloseAndClosesThem) {
  const DramConfig config;
  const DramTiming& t = config.timing;
  DramDevice device(config);
  const DramCycle due = t.refi, activated = due - 5;
  device.issue<kActivate>(2, 9, activated);
  device.catch_up_refresh(due, activated + 1);
  EXPECT_FALSE(device.is_open(2));
  EXPECT_EQ(device.earliest(kActivate, 7), activated + t.ras + t.rp + t.rfc);
}

TEST(DramDevice, RanksTakeTurnsInRefreshing) {
  DramConfig config;
  config.geometry.ranks = 2;
  DramDevice device(config);
  const DramCycle refi = config.timing.refi;
  device.catch_up_refresh(refi, 0);
  EXPECT_EQ(device.next_refresh(), refi + refi / 2) << "the other rank";
  EXPECT_EQ(device.earliest(kActivate, 16), 0u);
}

TEST(DramDevice, CatchingUpWithManyRefreshesEqualsOneByOne) {
  for (const unsigned ranks : {1u, 2u}) {
    DramConfig config;
    config.geometry.ranks = ranks;
    const DramCycle refi = config.timing.refi;
    DramDevice at_once(config), one_by_one(config);
    for (DramDevice* device : {&at_once, &one_by_one}) {
      device->issue<kActivate>(0, 3, refi - 2);
      if (ranks == 2) device->issue<kActivate>(20, 3, refi - 1);
    }
    const DramCycle end = 1000 * refi + 17;
    at_once.catch_up_refresh(end, refi);
    while (one_by_one.next_refresh() <= end) one_by_one.catch_up_refresh(one_by_one.next_refresh(), refi);
    EXPECT_EQ(at_once.refreshes(), one_by_one.refreshes());
    EXPECT_EQ(at_once.next_refresh(), one_by_one.next_refresh());
    for (unsigned bank = 0; bank < config.geometry.banks(); ++bank)
      EXPECT_EQ(at_once.earliest(kActivate, bank), one_by_one.earliest(kActivate, bank)) << bank;
  }
}

TEST(DramDevice, RefreshesOfSeveralRanksComeInTheOrderOfTheirTimes) {
  DramConfig config;
  config.geometry.ranks = 2;
  const DramTiming& t = config.timing;
  const unsigned other = config.geometry.banks_per_rank();  // the first bank of rank 1
  const DramCycle due = t.refi + t.refi / 2, second = DramCycle{2} * t.refi;
  DramDevice often(config), late(config);
  for (DramDevice* device : {&often, &late}) {
    device->catch_up_refresh(t.refi, 0);  // of rank 0, which has a row open from then on
    device->issue<DramCommand::kActivate>(0, 1, t.refi + t.rfc);
  }
  const DramCycle now = second + 100, bus_free = t.refi + t.rfc + 1;
  often.catch_up_refresh(due, bus_free);
  often.catch_up_refresh(now, bus_free);
  late.catch_up_refresh(now, bus_free);
  EXPECT_EQ(late.refreshes(), 3u);
  // Rank 1 was refreshed at `due`; after that only the precharge-all of rank 0 holds it up.
  EXPECT_EQ(often.earliest(DramCommand::kActivate, other), second);
  EXPECT_EQ(late.earliest(DramCommand::kActivate, other), second);
}

}  // namespace
}  // namespace mmusim
