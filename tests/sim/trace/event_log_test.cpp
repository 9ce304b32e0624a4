// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::HasSubstr;

TEST(EventLogReader, DeliversAccessesAndWhatTheKernelDid) {
  const TraceBatch batch = read_file(data_file("events.jsonl"));
  EXPECT_EQ(batch.records, 9);
  EXPECT_EQ(described(batch),
            "marker va=0x0 value=0x1 operand=- user=false pc=0x0 text=boot\n"
            "zero va=0xffff888000001000 value=0x1000 operand=0x1000 user=false pc=0x0 text=\n"
            "entry_write va=0xffffea0000000000 value=0x80000000000001e3 operand=0x2000 user=false pc=0x0 text=\n"
            "marker va=0x0 value=0x2 operand=- user=false pc=0x0 text=touch\n"
            "write 0xffffea0000000008,8 user=false rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x0\n"
            "invlpg va=0xffffea0000000000 value=0x1000 operand=- user=false pc=0x0 text=\n"
            "read 0xffffea0000000010,4 user=false rmw=false stack=false implicit=false depends_on=1 gap=3 pc=0x0\n");
}

TEST(EventLogReader, HeaderAndLastCycleAreKnown) {
  const auto reader = open_trace(data_file("events.jsonl"));
  read_all(*reader);
  EXPECT_THAT(reader->info().header, HasSubstr(R"("configuration":{"name":"golden"})"));
  EXPECT_EQ(reader->info().last_cycle, 80);
}

TEST(EventLogReader, ALogWithoutTotalsIsTruncatedAfterItsWholeRecords) {
  const std::string log = contents(data_file("events.jsonl"));
  const size_t totals = log.find("{\"event\":\"totals\"");
  EXPECT_THAT(error_of(log.substr(0, totals)), HasSubstr("truncated after 9 records, cycle 80"));
  const size_t in_a_line = log.find("\"depends_on\"");
  EXPECT_THAT(error_of(log.substr(0, in_a_line)), HasSubstr("truncated after 8 records, cycle 71"));
}

TEST(EventLogReader, TotalsThatDoNotAgreeAreDamage) {
  std::string log = contents(data_file("events.jsonl"));
  log.replace(log.find("\"access\":2,"), 11, "\"access\":3,");
  EXPECT_THAT(error_of(log), HasSubstr("the totals tell 3 access records, the log has 2"));
}

TEST(EventLogReader, EveryKindOfEventThatRunWritesIsKnown) {
  const TraceBatch batch = read_text(
      R"({"event":"header","format":"mmusim-events","version":1}
{"event":"step","cycle":1,"core":0,"name":"sparse_init"}
{"event":"fill","cycle":2,"core":0,"va":"0xffffea0000000000","bytes":64,"value":255}
{"event":"kernel_log","cycle":2,"core":0,"level":"debug","text":"line"}
{"event":"flush","cycle":3,"core":0,"kind":"page","va":"0xffffea0000001000","bytes":4096}
{"event":"totals","cycle":4,"records":{"step":1,"fill":1,"kernel_log":1,"flush":1}}
)");
  EXPECT_EQ(batch.records, 4);
  EXPECT_EQ(described(batch), "invlpg va=0xffffea0000001000 value=0x1000 operand=- user=false pc=0x0 text=\n");
}

TEST(EventLogReader, AccessesComeInProgramOrderWithTheRestBetween) {
  const std::string log = R"({"event":"header","format":"mmusim-events","version":2}
{"event":"cr_write","cycle":1,"core":0,"access":0,"number":3,"new":"0x1000"}
{"event":"access","id":2,"core":0,"va":"0x2000","bytes":8,"kind":"read","awaited":true}
{"event":"invalidate","cycle":3,"core":0,"access":2,"va":"0x1000"}
{"event":"access","id":1,"core":0,"va":"0x1000","bytes":8,"kind":"read"}
{"event":"flush","cycle":3,"core":0,"access":2,"kind":"page","va":"0x1000","bytes":4096}
{"event":"invalidate","cycle":3,"core":0,"access":2}
{"event":"access","id":3,"core":0,"va":"0x3000","bytes":8,"kind":"write","rmw":true}
{"event":"drain","cycle":3,"core":0,"access":3}
{"event":"totals","cycle":4,"records":{"access":3,"cr_write":1,"drain":1,"flush":1,"invalidate":2}}
)";
  EXPECT_EQ(described(read_text(log)),
            "cr_write va=0x0 value=0x3 operand=0x1000 user=false pc=0x0 text=\n"
            "read 0x1000,8 user=false rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x0\n"
            "read 0x2000,8 user=false rmw=false stack=false implicit=false awaited depends_on=0 gap=0 pc=0x0\n"
            "invlpg va=0x1000 value=0x0 operand=- user=false pc=0x0 text=\n"
            "invpcid va=0x0 value=0x0 operand=- user=false pc=0x0 text=\n"
            "write 0x3000,8 user=false rmw=true stack=false implicit=false depends_on=0 gap=0 pc=0x0\n"
            "drain va=0x0 value=0x0 operand=- user=false pc=0x0 text=\n");
  std::string hole = log;
  hole.replace(hole.find("\"id\":1"), 6, "\"id\":4");
  EXPECT_THAT(error_of(hole), testing::HasSubstr("access number 1 is missing"));
  std::string twice = log;
  twice.replace(twice.find("\"id\":1"), 6, "\"id\":2");
  EXPECT_THAT(error_of(twice), testing::HasSubstr("access number 2 a second time"));
}

TEST(EventLogReader, ALogOfEntryWritesAndWalksAloneIsWhole) {
  const TraceBatch batch = read_text(
      R"({"event":"header","format":"mmusim-events","version":2,"events":"pte,walks"}
{"event":"invalidate","cycle":3,"core":0,"access":2,"va":"0x1000"}
{"event":"totals","cycle":4,"records":{"invalidate":1}}
)");
  EXPECT_EQ(described(batch), "invlpg va=0x1000 value=0x0 operand=- user=false pc=0x0 text=\n");
}

TEST(EventLogReader, SalvageDeliversWhatIsWhole) {
  const std::string log = contents(data_file("events.jsonl"));
  TraceOptions options;
  options.salvage = true;
  EXPECT_EQ(read_text(log.substr(0, log.size() - 10), options).records, 9);
}

}  // namespace
}  // namespace mmusim::trace_test
