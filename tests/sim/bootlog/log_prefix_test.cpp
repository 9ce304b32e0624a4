// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_prefix.h"

#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "sim/bootlog/log_boots.h"
#include "tests/sim/bootlog/log_support.h"

namespace mmusim {
namespace {

using nlohmann::json;

constexpr const char* kMessage = "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable";

std::string message_of(const std::string& line) { return line.substr(log_prefix(line).length); }

TEST(LogPrefix, MessageIsWhatIsLeft) {
  for (const char* prefix : {"",
                             "  ",
                             "[    0.000000] ",
                             "[    0.000000][    T0] ",
                             "[    0.000000] [    C3] ",
                             "[  +0.000001] ",
                             "[    0.000000 <    0.000000>] ",
                             "[Tue Mar  3 08:15:22 2026] ",
                             "[Mi Jan 30 19:12:10 2019] ",
                             "[mar. janv. 30 19:12:10 2019] ",
                             "[2012-03-20 00:46:33]\t",
                             "kern  :info  : [    0.000000] ",
                             "kern  :info  : [Tue Mar  3 08:15:22 2026] ",
                             "<6>[    0.000000] ",
                             "<6>",
                             "6,123,0,-;",
                             "6,123,0,-,caller=T1;",
                             "Mar  3 08:15:22 lab kernel: ",
                             "Mar 03 08:15:22 labnode kernel: [    0.000000] ",
                             "2026-03-03T08:15:22.123456+01:00 lab kernel: ",
                             "2026-03-03T08:15:22+0100 lab kernel: ",
                             "2025-11-20T10:11:12,345678+00:00 db7 kernel: ",
                             "Tue 2026-03-03 08:15:22 CET lab kernel: ",
                             "<6>1 2026-03-03T08:15:22.123456+01:00 lab kernel - - - ",
                             "1700000000.000000 lab kernel: ",
                             "M\xc3\xa4r 03 08:15:22 lab kernel: ",
                             "> [    0.000000] ",
                             "> > [  +0.000001] ",
                             ">>> ",
                             "| [    0.000000] ",
                             "+[    0.000000] ",
                             "  12  [    0.000000] ",
                             "12:[    0.000000] ",
                             "MESSAGE=",
                             "08:15:22.123 ",
                             "2023-01-01T00:00:00.0000000Z [    0.000000] ",
                             "node7 conman: [    0.000000] ",
                             "Mar 3 08:15:22 lab kernel[0]: ",
                             "kernel: [    0.000000] "}) {
    EXPECT_EQ(message_of(std::string(prefix) + kMessage), kMessage) << prefix;
  }
}

TEST(LogPrefix, WhatBelongsToTheMessageStays) {
  for (const char* message :
       {"[mem 0xebff1000-0xfe9fffff] available for PCI devices",
        "[ffffea0000000000-ffffea0008ffffff] PMD -> [ffff880233600000-ffff88023b5fffff] on node 0",
        "0: 0x00000010 -> 0x0000009f", "node   0: [mem 0x0000000000001000-0x000000000009ffff]",
        "[gap 0xa0000000-0xfedfffff] available for PCI devices"}) {
    EXPECT_EQ(message_of(message), message);
    EXPECT_EQ(message_of(std::string("[    0.000000]   ") + message), message);
  }
}

TEST(LogPrefix, TheKernelsClockIsRead) {
  EXPECT_EQ(log_prefix("[   12.345678] x").seconds, 12.345678);
  EXPECT_EQ(log_prefix("Mar  3 08:15:22 lab kernel: [    1.500000] x").seconds, 1.5);
  EXPECT_FALSE(log_prefix("[  +0.000001] x").seconds);
  EXPECT_FALSE(log_prefix("[Tue Mar  3 08:15:22 2026] x").seconds);
}

TEST(LogPrefix, AQuotationMarkIsNoDress) {
  EXPECT_FALSE(log_prefix("> usable").dressed);
  EXPECT_TRUE(log_prefix("> [    0.000000] x").dressed);
}

TEST(LogBoots, EveryDressGivesTheSameScenario) {
  const std::string log = two_nodes();
  const json plain = scenario_of(log);
  for (const char* prefix : {"[Tue Mar  3 08:15:22 2026] ", "Mar  3 08:15:22 labnode kernel: ", "<6>", "> ",
                             "[Mi Jan 30 19:12:10 2019] ", "2026-03-03T08:15:22.123456+01:00 lab kernel: "}) {
    EXPECT_EQ(scenario_of(dressed(log, prefix, true)), plain) << prefix;
    EXPECT_EQ(scenario_of(dressed(log, prefix, false)), plain) << prefix;
    EXPECT_EQ(scenario_of(dressed(log, prefix, true, "\n")), plain) << prefix << "double-spaced";
  }
}

size_t boots_in(const std::string& log) { return boots_of(messages_of(log)).size(); }

TEST(LogBoots, BootsBeginWhereAKernelStarts) {
  const std::string log = two_nodes();
  EXPECT_EQ(boots_in(log), 1U);
  EXPECT_EQ(boots_in(log + log + log), 3U);
  EXPECT_EQ(boots_in("-- Boot 0123 --\n" + log + "-- Boot 4567 --\n" + log), 2U);
  const std::string no_version = without_lines(log, "Linux version");
  EXPECT_EQ(boots_in(no_version + no_version), 2U);
  EXPECT_EQ(boots_in(log + "[    5.000000] usb 1-1: new device\n[    6.000000] done\n" + no_version), 2U);
}

TEST(LogBoots, EachLineTwiceIsOneBoot) {
  std::string twice;
  for (const std::string& line : split_lines(two_nodes())) twice += line + "\n" + line + "\n";
  EXPECT_EQ(boots_in(twice), 1U);
  const DerivedScenario derived = scenario_from_boot_log(twice, "server");
  EXPECT_EQ(json::parse(derived.json), scenario_of(two_nodes()));
  EXPECT_TRUE(has(derived.notes[0], " agree"));
}

TEST(LogBoots, AnyBootCanBeChosen) {
  const std::string other = replaced(two_nodes(), "6.1.0-18", "6.12.3");
  const std::string log = two_nodes() + other;
  const auto release = [&](BootNumber boot) {
    Evidence evidence;
    add_boot_log(evidence, log, "server", boot);
    return evidence.facts.release;
  };
  EXPECT_EQ(release({}), "6.12.3-amd64");
  EXPECT_EQ(release(0), "6.12.3-amd64");
  EXPECT_EQ(release(1), "6.1.0-18-amd64");
  EXPECT_EQ(release(2), "6.12.3-amd64");
  EXPECT_EQ(release(-1), "6.1.0-18-amd64");
  EXPECT_THROW(release(3), InputError);
  EXPECT_THROW(release(-2), InputError);
  EXPECT_TRUE(has(notes_of(scenario_from_boot_log(log, "server")), "holds 2 boots"));
}

TEST(LogBoots, ALastBootThatIsCutBeforeItsMapIsNotTaken) {
  const std::string log = two_nodes() + "[    0.000000] Linux version 6.1.0-18-amd64 (builder@build) (gcc-12) #1 SMP\n";
  EXPECT_EQ(scenario_of(log), scenario_of(two_nodes()));
}

std::string journal(const std::string& log, const std::string& boot, int indent) {
  std::string out;
  for (const std::string& line : split_lines(log)) {
    const json entry = {{"MESSAGE", line.substr(15)}, {"_BOOT_ID", boot}, {"_TRANSPORT", "kernel"}};
    out += entry.dump(indent) + "\n" + json{{"MESSAGE", "noise"}, {"_TRANSPORT", "stdout"}}.dump(indent) + "\n";
  }
  return out;
}

TEST(LogJson, FormsOfTheJournalAndOfDmesg) {
  const json plain = scenario_of(two_nodes());
  EXPECT_EQ(scenario_of(journal(two_nodes(), "a", -1)), plain);
  EXPECT_EQ(scenario_of(journal(two_nodes(), "a", 4)), plain);
  EXPECT_EQ(boots_in(*lines_of_json_log(journal(two_nodes(), "a", -1) + journal(two_nodes(), "b", -1))), 2U);
  json dmesg;
  for (const std::string& line : split_lines(two_nodes())) {
    dmesg["dmesg"].push_back({{"pri", 6}, {"time", 0.0}, {"msg", line.substr(15)}});
  }
  EXPECT_EQ(scenario_of(dmesg.dump()), plain);
  EXPECT_EQ(scenario_of(dmesg.dump(3)), plain);
}

TEST(LogJson, MessagesThatAreBytesAreRead) {
  const json entry = {{"MESSAGE", {65, 255, 66}}, {"_TRANSPORT", "kernel"}};
  EXPECT_EQ(lines_of_json_log(entry.dump() + "\n"),
            "A\xff"
            "B\n");
}

TEST(LogJson, ARecordedKernelIsNoLog) {
  EXPECT_FALSE(lines_of_json_log(R"({"stages":[],"msg":"x"})"));
  EXPECT_FALSE(lines_of_json_log("[    0.000000] Linux version \"msg\""));
}

}  // namespace
}  // namespace mmusim
