// SPDX-License-Identifier: MIT
#include "sim/events/event_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "models/base/errors.h"
#include "sim/host/interrupts.h"
#include "tests/support/log_files.h"
#include "tests/support/sample_events.h"

namespace mmusim {
namespace {

TEST(EventLog, FirstRecordIsTheHeaderAndLastTheTotals) {
  const ScratchDir dir;
  EventLog log(dir / "events.jsonl.zst", all_events(), sample_header());
  log_one_of_each(log);
  log.close(CycleTime(99), /*interrupted=*/false, {{"accesses", 2}, {"walks", 2}});
  bool whole = false;
  const auto records = records_of(unzstd(slurp(dir / "events.jsonl.zst"), &whole));
  EXPECT_TRUE(whole);
  ASSERT_EQ(records.size(), 25u);
  EXPECT_EQ(records.front()["event"], "header");
  EXPECT_EQ(records.front()["version"], 2);
  EXPECT_EQ(records.front()["seed"], 7);
  EXPECT_EQ(records.front()["configuration"]["platform"]["core"]["ghz"], 2.45);
  EXPECT_EQ(records.back()["event"], "totals");
  EXPECT_EQ(records.back()["cycle"], 99);
  EXPECT_EQ(records.back()["interrupted"], false);
  EXPECT_EQ(records.back()["records"]["walk"], 2);
  EXPECT_EQ(records.back()["totals"]["accesses"], 2);
}

TEST(EventLog, RecordsSayWhatTheyWereGiven) {
  const ScratchDir dir;
  EventLog log(dir / "events.jsonl.zst", all_events(), sample_header());
  log_one_of_each(log);
  log.close(CycleTime(99), false, {});
  const auto records = records_of(unzstd(slurp(dir / "events.jsonl.zst")));
  const auto& write = records[2];
  EXPECT_EQ(write.dump(),
            R"({"access":0,"bytes":4096,"cause":"vmemmap_pte_populate","core":0,"cycle":3,"entry_pa":"0x12345018",)"
            R"("entry_va":"0xffff888012345018","event":"pte_write","index":3,"level":1,"new":"0x8000000000003163",)"
            R"("old":"0x0","va":"0xffffea0000003000"})");
  const auto& walk = records[4];
  EXPECT_EQ(walk["end_cycle"].get<int>() - walk["begin_cycle"].get<int>(), 31);
  EXPECT_EQ(walk["start_level"], 2);
  EXPECT_EQ(walk["reads"][1].dump(),
            R"({"cycles":15,"hit":"DRAM","level":1,"pa":"0x1200010","value":"0x80000000013001e3"})");
  EXPECT_EQ(walk["page_size"], "4K");
  EXPECT_EQ(records[5]["page_fault_error_code"], "0x2");
  EXPECT_EQ(records[6]["stages"].dump(), R"({"data":8,"l1_tlb":1})");
  EXPECT_EQ(records[8]["node"], 1);
  EXPECT_EQ(records[23]["text"], "a \"quoted\" line\twith a tab");
}

TEST(EventLog, CategoriesThatWereNotSelectedAreLeftOut) {
  const ScratchDir dir;
  EventLog log(dir / "events.jsonl.zst", EventSelection::parse("pte"), sample_header());
  log_one_of_each(log);
  log.close(CycleTime(99), false, {});
  for (const auto& r : records_of(unzstd(slurp(dir / "events.jsonl.zst")))) {
    EXPECT_NE(r["event"], "walk");
    EXPECT_NE(r["event"], "access");
    EXPECT_NE(r["event"], "pte_read");
  }
}

TEST(EventLog, SelectionNamesTheWordItDoesNotKnow) {
  EXPECT_TRUE(EventSelection::parse("none").empty());
  EXPECT_TRUE(EventSelection::parse("pte,walks").has(EventCategory::kWalks));
  EXPECT_FALSE(EventSelection::parse("pte,walks").has(EventCategory::kEntryReads));
  EXPECT_TRUE(EventSelection::parse("tables").has(EventCategory::kEntryWrites));
  EXPECT_THROW(
      {
        try {
          EventSelection::parse("pte,wolks");
        } catch (const InputError& e) {
          EXPECT_NE(std::string(e.what()).find("\"wolks\""), std::string::npos);
          throw;
        }
      },
      InputError);
  EXPECT_THROW(EventSelection::parse(""), InputError);
}

TEST(EventLog, SameCallsGiveTheSameFile) {
  const ScratchDir dir;
  for (const char* name : {"a", "b"}) {
    EventLog log(dir / name, all_events(), sample_header());
    for (uint64_t i = 0; i < 20000; ++i) {
      log.walk(sample_walk(i));
      if (name[0] == 'b' && i % 5000 == 0) ::usleep(20000);  // time must not show
    }
    log.close(CycleTime(1), false, {});
  }
  EXPECT_EQ(slurp(dir / "a"), slurp(dir / "b"));
}

TEST(EventLog, ManyRecordsComeBackInOrder) {
  const ScratchDir dir;
  EventLog log(dir / "log", all_events(), sample_header());
  constexpr uint64_t kRecords = 30000;
  for (uint64_t i = 0; i < kRecords; ++i) log.entry_write({CycleTime(i)}, sample_entry_write(i));
  log.close(CycleTime(kRecords), false, {});
  const auto records = records_of(unzstd(slurp(dir / "log")));
  ASSERT_EQ(records.size(), kRecords + 2);
  for (uint64_t i = 0; i < kRecords; ++i) ASSERT_EQ(records[i + 1]["cycle"], i);
}

/// Runs `body` in a child and returns its wait status.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(EventLog, KillMidStreamLeavesWholeRecordsWithoutTotals) {
  const ScratchDir dir;
  const int status = in_child([&] {
    EventLog log(dir / "log", all_events(), sample_header());
    for (uint64_t i = 0; i < 100000; ++i) log.entry_write({CycleTime(i)}, sample_entry_write(i));
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  bool whole = true;
  const std::string text = unzstd(slurp(dir / "log"), &whole);
  EXPECT_FALSE(whole);
  const auto records = records_of(text);
  // 100,000 records that take more than 100 bytes as reported; at most the writer's queue and two blocks are lost.
  const size_t lost_at_most = (ZstdWriter::kQueueBlocks + 2) * EventLog::kBlockBytes / 100;
  ASSERT_GT(records.size(), 100000 - lost_at_most);
  for (uint64_t i = 1; i < records.size(); ++i) ASSERT_EQ(records[i]["cycle"], i - 1);
  EXPECT_NE(records.back()["event"], "totals");
}

TEST(EventLog, EachPhaseReachesTheFileAtOnce) {
  const ScratchDir dir;
  EventLog log(dir / "log", all_events(), sample_header());
  log.walk(sample_walk(1));
  log.phase({CycleTime(5), "workload-1", "workload"});
  for (int tries = 0; tries < 500; ++tries) {
    if (records_of(unzstd(slurp(dir / "log"))).size() == 3) break;
    ::usleep(10000);
  }
  const auto records = records_of(unzstd(slurp(dir / "log")));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[2]["stage"], "workload-1");
}

TEST(EventLog, FullDiskIsAnEnvironmentErrorWithPathAndReason) {
  EventLog log("/dev/full", all_events(), sample_header());
  try {
    for (uint64_t i = 0; i < 1000000; ++i) log.walk(sample_walk(i));
    log.close(CycleTime(1), false, {});
    FAIL() << "nothing was reported";
  } catch (const EnvironmentError& e) {
    EXPECT_NE(std::string(e.what()).find("/dev/full"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("No space left"), std::string::npos) << e.what();
  }
}

TEST(EventLog, FileSizeLimitIsAnEnvironmentErrorAndTheLogStaysReadable) {
  const ScratchDir dir;
  const int status = in_child([&] {
    install_signal_handlers();
    const rlimit limit{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      EventLog log(dir / "log", all_events(), sample_header());
      for (uint64_t i = 0; i < 1000000; ++i) log.walk(sample_walk(i));
      log.close(CycleTime(1), false, {});
    } catch (const EnvironmentError&) {
      ::_exit(3);
    }
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_GT(records_of(unzstd(slurp(dir / "log"))).size(), 1000u);
}

TEST(EventLog, CannotCreateNamesThePath) {
  EXPECT_THROW(EventLog("/no/such/directory/log", all_events(), sample_header()), EnvironmentError);
}

}  // namespace
}  // namespace mmusim
