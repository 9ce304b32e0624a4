// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "sim/trace/fetch_filter.h"
#include "sim/trace/forms/text_scan.h"
#include "sim/trace/trace_parser.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::HasSubstr;

TraceFormat format_of(const std::string& name) { return open_trace(data_file(name))->info().format; }

TEST(TraceReader, FindsEachFormByContent) {
  EXPECT_EQ(format_of("full.vmt"), TraceFormat::kVmt1);
  EXPECT_EQ(format_of("full.mmt"), TraceFormat::kBinary);
  EXPECT_EQ(format_of("full.jsonl"), TraceFormat::kJsonLines);
  EXPECT_EQ(format_of("ls.lackey"), TraceFormat::kLackey);
  EXPECT_EQ(format_of("ls.champsim"), TraceFormat::kChampSim);
  EXPECT_EQ(format_of("user.execlog"), TraceFormat::kExeclog);
  EXPECT_EQ(format_of("mem.perf"), TraceFormat::kPerf);
  EXPECT_EQ(format_of("mem.perfmem"), TraceFormat::kPerfMem);
  EXPECT_EQ(format_of("view.drmemtrace"), TraceFormat::kDrmemtrace);
  EXPECT_EQ(format_of("mem.pinatrace"), TraceFormat::kPinatrace);
  EXPECT_EQ(format_of("loop.dinero"), TraceFormat::kDinero);
  EXPECT_EQ(format_of("events.jsonl"), TraceFormat::kEventLog);
}

/// One block written by hand from the description of the format in traces/README.md.
TEST(Vmt1, HasThreePredecessorsForAddressesAndTwoForInstructions) {
  const std::string block =
      std::string("VMT1") + std::string("\x06\0\0\0", 4) +
      std::string("\x03\x0b\x13\x00\x00\x03", 6) +  // 8-byte read, 8-byte write, user 8-byte read, map, marker, read
      std::string("\x00\x00\x00\x01\x02\x00", 6) + std::string("\x07\0\0\0", 4) +
      std::string("\x80\x20\x10\x02\x04\x01\x0f", 7) + std::string("\x06\0\0\0", 4) +
      std::string("\x02\x02\x02\x14\x01\x02", 6);
  TraceOptions options;
  options.want_pc = true;
  EXPECT_EQ(described(read_text(block, options)),
            "read 0x800,8 user=false rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0xffffffff00000001\n"
            "write 0x808,8 user=false rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0xffffffff00000002\n"
            "read 0x1,8 user=true rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x3\n"
            "map va=0x2 value=0xa operand=- user=false pc=0x0 text=\n"
            "marker va=0x0 value=0x1 operand=- user=false pc=0xffffffff00000002 text=\n"
            "read 0x800,8 user=false rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0xffffffff00000003\n");
}

TEST(JsonLines, MembersWithTheirDefaultMayBeGiven) {
  TraceOptions options;
  options.salvage = true;  // no trailer
  const TraceBatch batch = read_text(
      "{\"format\":\"mmusim-trace\",\"version\":1}\n"
      "{\"access\":\"read\",\"va\":\"0x1000\",\"bytes\":8,\"gap\":0,\"depends_on\":0,\"rmw\":false,\"pc\":\"0x0\"}\n",
      options);
  ASSERT_EQ(batch.accesses.size(), 1);
  EXPECT_EQ(batch.accesses[0].gap, 0);
}

TEST(JsonLines, TheWritersFormAndOtherJsonAreReadAlike) {
  const std::string text = written(random_batch(2000, 5), TraceFormat::kJsonLines);
  std::string spaced;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin) + 1;
    spaced += "{ " + text.substr(begin + 1, end - begin - 1);
    begin = end;
  }
  TraceOptions options;
  options.want_pc = options.want_instructions = true;
  EXPECT_EQ(written(read_text(text, options), TraceFormat::kJsonLines), text);
  EXPECT_EQ(written(read_text(spaced, options), TraceFormat::kJsonLines), text);
}

/// The line as a trace of its own: its record and the error behind it, but for the byte of the file.
std::string line_read(const std::string& line) {
  TraceOptions options;
  options.salvage = options.want_pc = true;
  const std::string text = "{\"format\":\"mmusim-trace\",\"version\":1}\n" + line;
  const auto reader = open_trace_bytes(bytes_of_text(text), "line", options);
  const std::string records = described(read_all(*reader));
  const std::string& damage = reader->info().damage;
  return records + damage.substr(0, damage.find("byte")) + damage.substr(damage.find_last_of(':') + 1);
}

TEST(JsonLines, MembersInAnyOrderAndTwiceAreReadAlikeWithBlanksAndWithout) {
  const std::string begin = R"("access":"write","va":"0x1000","bytes":8)";
  const std::string long_line = [] {
    std::string members;
    for (int i = 0; i < 100; ++i) members += R"(,"user":true)";
    return members;
  }();
  for (const std::string& rest :
       {std::string(R"(,"pc":"0x40","gap":3,"user":true)"), std::string(R"(,"gap":3,"gap":4,"pc":"0x1","pc":"0x2")"),
        std::string(R"(,"user":true,"user":false)"), std::string(R"(,"depends_on":[3,2],"depends_on":9)"),
        std::string(R"(,"depends_on":7,"rmw":true,"stack":true,"awaited":true,"continues":true,"implicit":true)"),
        std::string(R"(,"pc":"0x12345678123456789")"), std::string(R"(,"pc":"0x4g")"), std::string(R"(,"gap":65536)"),
        std::string(R"(,"users":true)"), std::string(","), std::string(), long_line}) {
    for (const char* end : {"}\n", "}\r\n", "}", "} \n", "}}\n"}) {
      EXPECT_EQ(line_read("{" + begin + rest + end), line_read("{ " + begin + rest + end)) << rest << end;
    }
  }
}

TEST(JsonLines, NumbersThatAreNoneOfJsonAreRefused) {
  const std::string text = written(random_batch(1, 5), TraceFormat::kJsonLines);
  for (const char* number : {"0", "08", "70000", "-8", "8.0"}) {
    std::string wrong = text;
    const size_t at = wrong.find("\"bytes\":") + 8;
    wrong.replace(at, wrong.find_first_of(",}", at) - at, number);
    EXPECT_THROW(read_text(wrong), InputError) << number;
  }
}

TEST(TextScan, HexadecimalDigitsInAnyNumber) {
  for (const std::string_view digits :
       {"0", "12ab34c", "12Ab34cD", "12ab34cd5", "0123456789abcdef", "ffffffffffffffff"}) {
    std::string text = std::string(digits) + "g";
    std::string_view rest = text;
    uint64_t value = 0;
    ASSERT_TRUE(scan::hex(rest, value)) << digits;
    EXPECT_EQ(value, std::stoull(std::string(digits), nullptr, 16));
    EXPECT_EQ(rest, "g");
  }
  for (size_t at = 0; at < 8; ++at) {
    for (const char none : {'g', '/', ':', '@', 'G', '`', '\xb0'}) {
      std::string text = "12ab34cd";
      text[at] = none;
      std::string_view rest = text;
      uint64_t value = 0;
      EXPECT_EQ(scan::hex(rest, value), at != 0);
      EXPECT_EQ(rest.size(), 8 - at);
    }
  }
  std::string_view long_number = "00123456789abcdef";
  uint64_t value = 0;
  EXPECT_FALSE(scan::hex(long_number, value));
}

TEST(Lackey, KindsSizesAndInstructionAddresses) {
  TraceOptions options;
  options.want_pc = true;
  EXPECT_EQ(described(read_text(
                "==1== Lackey\nI  04001090,3\n L 1ffefffe7e,8\n M 0421c7cc,4\nI  04001093,5\n S 10,16\n", options)),
            "fetch 0x4001090,3 user=true rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x4001090\n"
            "read 0x1ffefffe7e,8 user=true rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x4001090\n"
            "write 0x421c7cc,4 user=true rmw=true stack=false implicit=false depends_on=0 gap=0 pc=0x4001090\n"
            "fetch 0x4001093,5 user=true rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x4001093\n"
            "write 0x10,16 user=true rmw=false stack=false implicit=false depends_on=0 gap=0 pc=0x4001093\n");
}

TEST(Lackey, FetchesBecomeTheGapOfTheNextDataAccess) {
  TraceOptions options;
  options.keep_fetches = false;
  const TraceBatch batch = read_text("I  1,1\nI  2,1\nI  3,1\n L 10,8\n S 20,8\nI  4,1\n L 30,8\n", options);
  ASSERT_EQ(batch.accesses.size(), 3);
  EXPECT_EQ(batch.records, 7);
  EXPECT_EQ(batch.accesses[0].gap, 2);  // of three instructions the third is the one that loads
  EXPECT_EQ(batch.accesses[1].gap, 0);
  EXPECT_EQ(batch.accesses[2].gap, 0);
}

TEST(FetchFilter, AdjustsDependencesOverDroppedFetches) {
  TraceBatch batch;
  batch.accesses.resize(5);
  batch.accesses[1].kind = batch.accesses[2].kind = AccessKind::kFetch;
  batch.accesses[3].depends_on = 3;  // on access 0
  batch.accesses[4].depends_on = 2;  // on a fetch
  batch.events.resize(2);
  batch.events[0].before = 2;
  batch.events[1].before = 5;
  FetchFilter().apply(batch);
  ASSERT_EQ(batch.accesses.size(), 3);
  EXPECT_EQ(batch.accesses[1].depends_on, 1);
  EXPECT_EQ(batch.accesses[2].depends_on, 0);
  EXPECT_EQ(batch.events[0].before, 1);
  EXPECT_EQ(batch.events[1].before, 3);
}

TEST(ChampSim, RegistersGiveDependencesOnTheirLoads) {
  const auto record = [](uint8_t destination, uint8_t source, uint64_t load, uint64_t store) {
    std::string bytes(64, '\0');
    bytes[0] = 0x10;
    bytes[10] = static_cast<char>(destination);
    bytes[12] = static_cast<char>(source);
    bytes.replace(16, 8, reinterpret_cast<const char*>(&store), 8);
    bytes.replace(32, 8, reinterpret_cast<const char*>(&load), 8);
    return bytes;
  };
  TraceOptions options;
  options.keep_fetches = false;
  const std::string chase = record(3, 3, 0x1000, 0) + record(3, 3, 0x2000, 0);
  const std::string through_alu = record(7, 3, 0, 0) + record(0, 7, 0, 0x3000);
  const TraceBatch batch = read_text(chase + through_alu + record(9, 8, 0x4000, 0), options);
  ASSERT_EQ(batch.accesses.size(), 4);
  EXPECT_EQ(batch.accesses[0].depends_on, 0);
  EXPECT_EQ(batch.accesses[1].depends_on, 1);
  EXPECT_EQ(batch.accesses[2].depends_on, 1);  // a store whose address came through an instruction without memory
  EXPECT_EQ(batch.accesses[2].kind, AccessKind::kWrite);
  EXPECT_EQ(batch.accesses[3].depends_on, 0);
}

TEST(ChampSim, AllLoadsThatARegisterNeedsAreProducers) {
  const auto record = [](std::array<uint8_t, 2> sources, uint8_t destination, uint64_t load, uint64_t second = 0) {
    std::string bytes(64, '\0');
    bytes[0] = 0x10;
    bytes[10] = static_cast<char>(destination);
    bytes[12] = static_cast<char>(sources[0]);
    bytes[13] = static_cast<char>(sources[1]);
    bytes.replace(32, 8, reinterpret_cast<const char*>(&load), 8);
    bytes.replace(40, 8, reinterpret_cast<const char*>(&second), 8);
    return bytes;
  };
  TraceOptions options;
  options.keep_fetches = false;
  const std::string two = record({0, 0}, 3, 0x1000) + record({0, 0}, 4, 0x2000);
  const std::string both = record({3, 4}, 5, 0);  // no access: hands on what it needs
  const std::string uses = record({5, 4}, 6, 0x3000, 0x4000) + record({6, 0}, 7, 0x5000);
  const TraceBatch batch = read_text(two + both + uses, options);
  ASSERT_EQ(batch.accesses.size(), 5);
  using Further = std::array<uint16_t, 4>;
  EXPECT_EQ(batch.accesses[2].depends_on, 1);
  EXPECT_EQ(batch.accesses[2].also_depends_on, (Further{2}));
  EXPECT_FALSE(batch.accesses[2].continues);
  EXPECT_EQ(batch.accesses[3].depends_on, 2);
  EXPECT_EQ(batch.accesses[3].also_depends_on, (Further{3}));
  EXPECT_TRUE(batch.accesses[3].continues) << "the second load of one instruction";
  EXPECT_EQ(batch.accesses[4].depends_on, 1) << "the result needs both loads";
  EXPECT_EQ(batch.accesses[4].also_depends_on, (Further{2}));
}

TEST(Execlog, InstructionsWithTheirLoadsAndStores) {
  const TraceBatch batch = read_file(data_file("user.execlog"));
  EXPECT_EQ(batch.records, 5);
  ASSERT_EQ(batch.accesses.size(), 12);
  EXPECT_EQ(batch.accesses[4].kind, AccessKind::kWrite);
  EXPECT_EQ(batch.accesses[4].va, VirtAddr(0x40008000f8));
}

TEST(Execlog, PhysicalAddressesOfSystemEmulationAreSaidToBe) {
  const auto reader = open_trace(data_file("user.execlog"));
  TraceBatch batch;
  while (reader->next(batch)) {
  }
  EXPECT_THAT(reader->info().notes, HasSubstr("no access sizes"));
  TraceOptions options;
  EXPECT_EQ(read_text("0, 0xa14, 0xf87f42b4, \"ldr r3, [r0, #0x44]\", load, 0x200000e4, RAM\n").accesses.size(), 2);
}

TEST(Perf, SamplesOfPebsAndOfPageFaults) {
  TraceOptions options;
  options.want_pc = true;
  const TraceBatch memory = read_file(data_file("mem.perf"), options);
  ASSERT_EQ(memory.accesses.size(), 3);
  EXPECT_EQ(memory.accesses[0].va, VirtAddr(0x7ffd3c2d3e48));
  EXPECT_EQ(memory.pcs[0], 0x7f6b2d0c5b9a);
  EXPECT_EQ(memory.accesses[1].kind, AccessKind::kWrite);
  EXPECT_FALSE(memory.accesses[2].user);
  ASSERT_EQ(memory.events.size(), 2);  // the process changes once
  EXPECT_EQ(memory.events[0].value, 2315);
  const TraceBatch faults = read_file(data_file("page-faults.perf"), options);
  EXPECT_EQ(faults.accesses.size(), 33);
  EXPECT_EQ(faults.accesses[0].va, VirtAddr(0x55d9c960c018));
}

TEST(Perf, AnInstructionPointerIsNotTakenForAnAddress) {
  EXPECT_THAT(
      error_of("t_pf 26597  3283.806306:  1 page-faults:  ffffffff8177539a elf_load+0x28a ([kernel.kallsyms])\n"),
      HasSubstr("none of 1 samples has a data address"));
}

TEST(TraceReader, TheSizeOfBatchesChangesNothing) {
  for (const char* name : {"full.vmt", "full.mmt", "full.jsonl", "ls.lackey", "ls.champsim", "user.execlog", "mem.perf",
                           "events.jsonl", "view.drmemtrace", "loop.dinero", "mem.perfmem"}) {
    TraceOptions options;
    options.want_pc = true;
    const std::string whole = described(read_file(data_file(name), options));
    options.batch_accesses = 16;
    EXPECT_EQ(described(read_file(data_file(name), options)), whole) << name;
  }
}

TEST(TraceReader, BatchesFollowEachOtherWithoutGap) {
  const auto reader = open_trace(shipped_file("bootinit-512m-4l.vmt.xz"));
  TraceBatch batch;
  uint64_t records = 0;
  while (reader->next(batch)) {
    EXPECT_EQ(batch.first_record, records);
    records += batch.records;
    EXPECT_LE(batch.accesses.size(), kTraceBatchAccesses);
  }
  EXPECT_EQ(records, 1226865);
  EXPECT_TRUE(batch.accesses.empty());
}

TEST(TraceReader, CanBeLeftBeforeTheEnd) {
  const auto reader = open_trace(shipped_file("big-8g-4l.vmt.xz"));
  TraceBatch batch;
  EXPECT_TRUE(reader->next(batch));
}

}  // namespace
}  // namespace mmusim::trace_test
