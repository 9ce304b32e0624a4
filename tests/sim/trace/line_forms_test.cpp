// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/trace/trace_parser.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Read {
  TraceBatch batch;
  TraceInfo info;
};

Read read_whole(std::string_view text, TraceOptions options = {}) {
  options.want_pc = true;
  const auto reader = open_trace_bytes(bytes_of_text(text), "test", options);
  Read read{read_all(*reader), {}};
  read.info = reader->info();
  return read;
}

/// "read 0x10,8 pc 0x400000; ...", and the processes between.
std::string shown(const TraceBatch& batch) {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < batch.accesses.size(); ++i) {
    for (; next < batch.events.size() && batch.events[next].before <= i; ++next) {
      out += fmt::format("{} {}; ", name_of(batch.events[next].kind), batch.events[next].value);
    }
    const MemAccess& access = batch.accesses[i];
    out += fmt::format("{}{} {:x},{}", access.rmw ? "rmw " : "", name_of(access.kind), access.va.raw(), access.bytes);
    out += fmt::format(" pc {:x}{}; ", batch.pcs[i], access.user ? "" : " kernel");
  }
  return out;
}

std::string shown(std::string_view text, const TraceOptions& options = {}) {
  return shown(read_whole(text, options).batch);
}

TEST(LackeyLines, SuperblocksProcessPrefixesAndTimesOfValgrind) {
  const Read read = read_whole(
      "==00:00:00:00.000 7== Lackey\n--7-- a warning\n**7** a message\nSB 0401ab70\nI  0401ab70,3\n==7==  L 10,8\n"
      "==7== Counted 1 call\n\n");
  EXPECT_EQ(read.info.format, TraceFormat::kLackey);
  EXPECT_EQ(shown(read.batch), "fetch 401ab70,3 pc 401ab70; read 10,8 pc 401ab70; ");
  EXPECT_EQ(read.info.skipped.own, 6);
  EXPECT_EQ(read.info.skipped.foreign, 0);
}

TEST(LackeyLines, ProgramOutputBetweenIsPassedOverOnlyOnRequest) {
  const std::string text =
      "I  401000,3\nhello\n== not valgrind\n L 10,8\n" + std::string(3 << 20, 'x') + "\n S 20,4\nbye\n";
  EXPECT_THAT(error_of(text), HasSubstr("record 2, byte 12: unexpected line \"hello\""));
  EXPECT_THAT(error_of(text), HasSubstr("--skip-foreign"));
  TraceOptions options;
  options.skip_foreign = true;
  const Read read = read_whole(text, options);
  EXPECT_EQ(shown(read.batch), "fetch 401000,3 pc 401000; read 10,8 pc 401000; write 20,4 pc 401000; ");
  EXPECT_EQ(read.info.skipped.foreign, 4);
  EXPECT_EQ(read.info.skipped_text(), "4 lines that are none of this form");
}

TEST(LackeyLines, OutputBeforeTheFirstRecordIsPassedOverToo) {
  TraceOptions options;
  options.skip_foreign = true;
  EXPECT_EQ(shown("starting\n\xff\xfe not UTF-8\nI  401000,3\n", options), "fetch 401000,3 pc 401000; ");
}

TEST(LackeyLines, AMarkOfUtf8IsNoPartOfTheFirstLine) { EXPECT_EQ(shown("\xef\xbb\xbfI  1,1\n"), "fetch 1,1 pc 1; "); }

TEST(ExeclogLines, RegisterChangesAndValuesStandAnywhereBehindTheInstruction) {
  const Read read = read_whole(
      "0, 0x401000, 0x4889e7, \"movq %rsp, %rdi\", rdi -> 0x00007ffc0b9aa8d0\n"
      "0, 0x401003, 0xe8580d00, \"callq 0x401d60\", store, 0x7ffc0b9aa8c8, rsp -> 0x00007ffc0b9aa8c8\n"
      "0, 0x401007, 0x48, \"vmov\", xmm0 -> 0x000102030405060708090a0b0c0d0e0f, load, 0x10, value=0x1, store, 0x20\n");
  EXPECT_EQ(shown(read.batch),
            "fetch 401000,1 pc 401000; fetch 401003,1 pc 401003; write 7ffc0b9aa8c8,1 pc 401003; "
            "fetch 401007,1 pc 401007; read 10,1 pc 401007; write 20,1 pc 401007; ");
  EXPECT_THAT(read.info.notes, Not(HasSubstr("physical")));
}

TEST(ExeclogLines, ADeviceNameMakesAddressesPhysical) {
  const Read read = read_whole("0, 0xa14, 0xf87f, \"cmp r4, r6\", load, 0x00003414, RAM, store, 0x20, RAM\n");
  EXPECT_EQ(read.batch.accesses.size(), 3);
  EXPECT_THAT(read.info.notes, HasSubstr("physical"));
}

TEST(ExeclogLines, SeveralProcessorsAreSaidOrOneIsTaken) {
  const Read all = read_file(data_file("two-cpus.execlog")).records == 3
                       ? read_whole(contents(data_file("two-cpus.execlog")))
                       : Read();
  EXPECT_THAT(all.info.notes, HasSubstr("accesses of 2 CPUs, in the order of the file"));
  EXPECT_EQ(all.info.streams.at(0), 2);
  EXPECT_EQ(all.info.streams.at(1), 1);
  TraceOptions options;
  options.stream = 1;
  EXPECT_EQ(shown(contents(data_file("two-cpus.execlog")), options),
            "fetch 401000,1 pc 401000; read 7ffc0b9ba8c8,1 pc 401000; ");
}

TEST(ExeclogLines, AnInstructionOfManyAccessesFillsSeveralBatches) {
  std::string line = "0, 0x401000, 0xa5f3, \"rep movsl\"";
  for (unsigned i = 0; i < 300; ++i) line += fmt::format(", load, 0x{:x}", 0x1000 + i);
  TraceOptions options;
  options.batch_accesses = 16;
  EXPECT_EQ(read_text(line + "\n" + line + "\n", options).accesses.size(), 602);
  EXPECT_EQ(read_text(line + "\n", options).records, 1);
}

TEST(DrmemtraceLines, ViewOfOneThread) {
  const Read read = read_whole(contents(data_file("view.drmemtrace")));
  EXPECT_EQ(read.info.format, TraceFormat::kDrmemtrace);
  EXPECT_EQ(shown(read.batch),
            "fetch 7f3c1d2a5090,3 pc 7f3c1d2a5090; fetch 7f3c1d2a5093,5 pc 7f3c1d2a5093; "
            "write 7ffc0b9aa8c8,8 pc 7f3c1d2a5093; fetch 7f3c1d2a5df0,1 pc 7f3c1d2a5df0; "
            "write 7ffc0b9aa8c0,8 pc 7f3c1d2a5df0; fetch 7f3c1d2a5df1,4 pc 7f3c1d2a5df1; "
            "read 7ffc0b9aa8c0,8 pc 7f3c1d2a5df1; ");
  EXPECT_EQ(read.info.skipped.own, 12);
}

TEST(DrmemtraceLines, PrefetchesFlushesAndSpilledBytesAreNoAccesses) {
  const Read read = read_whole(
      "           9           1:       12345 ifetch      11 byte(s) @ 0x00007f00 48 b8 00 00 mov\n"
      "           9           1:       12345                                 00 00 00\n"
      "          10           1:       12345 pref-r-L1    1 byte(s) @ 0x00007ffc by PC 0x00007f00\n"
      "          11           1:       12345 dflush      64 byte(s) @ 0x00007ffc by PC 0x00007f00\n"
      "          12           1:       12345 ifetch       2 byte(s) @ 0x00007f0b non-fetched instruction\n"
      "          13           2:   W1.T12346 read         4 byte(s) @ 0x00008000 by PC 0x00007f0b\n"
      "T257 ifetch       2 byte(s) @ 0x00007f10 eb fe jmp\n"
      "          14           2:       12345 <thread 12345 exited>\n");
  EXPECT_EQ(shown(read.batch), "fetch 7f00,11 pc 7f00; process 1; read 8000,4 pc 7f0b; fetch 7f10,2 pc 7f10; ");
  EXPECT_THAT(read.info.notes, HasSubstr("3 threads"));
}

TEST(PinatraceLines, WithAndWithoutSizes) {
  const Read plain = read_whole("0x401000: R 0x7f3c1d2a5090\n0x401003: W 0x7f3c1d2a5098\n0x401005: R (nil)\n#eof\n");
  EXPECT_EQ(plain.info.format, TraceFormat::kPinatrace);
  EXPECT_EQ(shown(plain.batch), "read 7f3c1d2a5090,1 pc 401000; write 7f3c1d2a5098,1 pc 401003; ");
  EXPECT_THAT(plain.info.notes, HasSubstr("no access sizes"));
  EXPECT_EQ(plain.info.skipped.no_address, 1);
  const Read sizes = read_whole(contents(data_file("mem.pinatrace")));
  EXPECT_EQ(shown(sizes.batch), "read 7f3c1d2a5090,8 pc 401000; ");
  EXPECT_THAT(sizes.info.notes, IsEmpty());
}

TEST(DineroLines, TraditionalAndExtended) {
  const Read read = read_whole(contents(data_file("loop.dinero")));
  EXPECT_EQ(read.info.format, TraceFormat::kDinero);
  EXPECT_EQ(shown(read.batch),
            "fetch 401000,1 pc 401000; read 7f3c1d2a5090,1 pc 401000; write 7f3c1d2a5098,1 pc 401000; "
            "fetch 401003,1 pc 401003; read 7f3c1d2a50a0,8 pc 401003; write 7ffc0b9aa8c0,16 pc 401003; "
            "fetch 401007,4 pc 401007; read 601000,1 pc 401007; ");
  EXPECT_THAT(error_of("r 10 8\nr 10\n"), HasSubstr("unexpected line"));
  EXPECT_THAT(error_of("r 10 8\nr 10 0\n"), HasSubstr("unexpected line"));
}

TEST(PerfMemLines, TheFirstLinesAddressHasThreeDigitsTooMany) {
  const Read read = read_whole(contents(data_file("mem.perfmem")));
  EXPECT_EQ(read.info.format, TraceFormat::kPerfMem);
  EXPECT_EQ(read.batch.accesses.size(), 19);
  EXPECT_EQ(read.batch.accesses[0].va, VirtAddr(0x564aa7a985c0));
  EXPECT_FALSE(read.batch.accesses[0].user);
  EXPECT_EQ(read.batch.accesses[1].va, VirtAddr(0x7f6ab69c4110));
  EXPECT_TRUE(read.batch.accesses[3].user);
  EXPECT_EQ(read.batch.events.size(), 1);
}

TEST(PerfMemLines, OperationsSeparatorsAndMoreColumns) {
  EXPECT_EQ(shown("# PID, TID, IP, ADDR, LOCAL WEIGHT, DSRC, SYMBOL\n"
                  " 1234  1234 0x55d0c0ffee10 0x7f3c1d2a5090    10 0x68100842 /usr/bin/sort:main\n"
                  "1234,1234,0x55d0c0ffee1a,0x7f3c1d2a6090,123456,0x5080144,/usr/bin/my sort:main(int, char)\n"
                  "1234 1234 55d0c0ffee10 7f3c1d2a5090 10 68100850 sort:main\n"
                  "1234 1234 0x55 0x7f3c1d2a5098 0x0000000012345000 4K N/A 7 0x5080144 ???:???\n"
                  "1234 1234 0x55 0x0 7 0x5080144 ???:???\n"),
            "process 1234; read 7f3c1d2a5090,1 pc 55d0c0ffee10; write 7f3c1d2a6090,1 pc 55d0c0ffee1a; "
            "fetch 7f3c1d2a5090,1 pc 55d0c0ffee10; write 7f3c1d2a5098,1 pc 55; ");
}

/// Each with the same sample: a read of 7f3c1d2a5090 by the instruction at 55d0c0ffee10.
TEST(PerfLines, AnyColumnsThatHaveTheAddress) {
  const std::string sample = "read 7f3c1d2a5090,1 pc 55d0c0ffee10; ";
  const std::string of_process = "process 1234; " + sample;
  const std::string alone = "read 7f3c1d2a5090,1 pc 0; ";
  const std::string both = "    7f3c1d2a5090     55d0c0ffee10";
  EXPECT_EQ(shown(both + " \n"), sample);  // -F addr,ip
  EXPECT_EQ(shown("            sort " + both + "\n"), sample);
  EXPECT_EQ(shown("            sort    1234/1240    " + both + "\n"), of_process);
  EXPECT_EQ(shown("page-faults: " + both + "\n"), sample);
  EXPECT_EQ(shown("sort 1234 [003]  100.000001: " + both + " main+0x10 (/usr/bin/sort)\n"), of_process);
  EXPECT_EQ(shown("sort  1234  100.000001:   10003 " + both + "\n"), of_process);  // a period, no event
  EXPECT_EQ(shown("sort  1234 K      100.000001:   1 page-faults:u: " + both + "\n"), of_process);
  EXPECT_EQ(shown("Web Content: 1234/1240 [003]  100.000001:  1 page-faults: " + both + " main+0x10\n"), of_process);
  EXPECT_EQ(shown("sort 1234 100.000001: 1 page-faults:     7f3c1d2a5090 [heap] ([heap])     55d0c0ffee10 "
                  "operator new(unsigned long)+0x8 (/usr/bin/sort)\n"),
            of_process);
  // Alone, the address ends 16 columns behind the blank after the column before it; an instruction pointer ends at 17.
  EXPECT_EQ(shown("    7f3c1d2a5090\n"), alone);
  EXPECT_EQ(shown("            sort     7f3c1d2a5090\n"), alone);
  EXPECT_EQ(shown("sort  1234  100.000001: page-faults:     7f3c1d2a5090\n"), "process 1234; " + alone);
  EXPECT_THAT(error_of("sort  1234  100.000001: page-faults:      7f3c1d2a5090\n"), HasSubstr("none of 1 samples"));
}

TEST(PerfLines, CallChainsAreLinesOfTheirOwn) {
  const Read read = read_whole(
      "ls 14665  1037.005611:          1 page-faults:     558cd5fbb5c0 __progname+0x0 (/usr/bin/ls)\n"
      "\tffffffff81752b6a elf_load+0x28a ([kernel.kallsyms])\n\t    7f3e2aef2ad7 [unknown] ([unknown])\n\n");
  EXPECT_EQ(shown(read.batch), "process 14665; read 558cd5fbb5c0,1 pc 0; ");
  EXPECT_EQ(read.info.skipped.own, 3);
}

TEST(PerfLines, WeightsOfAnySizeAreNoInstructionPointers) {
  const std::string source = "68100842 |OP LOAD|LVL L1 hit|SNP None|TLB L1 or L2 hit|LCK No|BLK  N/A  ";
  const std::string head = "sort  1234/1234  100.000001: 30 cpu/mem-loads,ldlat=30/P:     7f3c1d2a5090         ";
  for (const char* weight : {"7", "61", "12345", "123456", "4294967295"}) {
    for (const char* rest : {"     55d0c0ffee10\n", "     55d0c0ffee10 main+0x10 (/usr/bin/sort)\n"}) {
      const std::string line = head + source + fmt::format("{:>16} ", weight) + rest;
      EXPECT_EQ(shown(line), "process 1234; read 7f3c1d2a5090,1 pc 55d0c0ffee10; ") << line;
    }
  }
  EXPECT_EQ(shown(head + source + "  10  55d0c0ffee10 12f3a5090 \n"),  // a physical address behind it
            "process 1234; read 7f3c1d2a5090,1 pc 55d0c0ffee10; ");
  EXPECT_THAT(error_of("sort 1234/1234 100.000001: 30 mem-loads:         " + source + " 55d0c0ffee10 main\n"),
              HasSubstr("none of 1 samples has a data address"));
}

TEST(PerfLines, SamplesWithoutAddressAreCounted) {
  const Read read = read_whole(
      "sort 1234/1234 100.000001: cycles:      55d0c0ffee10 main+0x10 (/usr/bin/sort)\n"
      "sort 1234/1234 100.000002: cpu-clock:                0 ffffffff8157a541\n"
      "sort 1234/1234 100.000003: sched:sched_switch: prev_comm=sort prev_pid=1234\n"
      "sort 1234/1234 100.000004: 1 branches:uH:   55d0c0ffee10 main+0x10 (/bin/a) =>     55d0c0ffee40 f+0x0 (/bin/a)\n"
      "sort 1234/1234 100.000005: cpu/mem-stores/P:     7f3c1d2a5090     55d0c0ffee10\n");
  EXPECT_EQ(shown(read.batch), "process 1234; write 7f3c1d2a5090,1 pc 55d0c0ffee10; ");
  EXPECT_EQ(read.info.skipped.no_address, 4);
  EXPECT_EQ(read.info.skipped_text(), "4 records without a data address");
}

TEST(PerfLines, RealOutputWithSymbols) {
  const Read read = read_whole(contents(data_file("symbols.perf")));
  EXPECT_EQ(read.info.format, TraceFormat::kPerf);
  EXPECT_EQ(read.batch.accesses.size(), 20);
  EXPECT_EQ(read.batch.accesses[0].va, VirtAddr(0x5574ebc465c0));
  EXPECT_EQ(read.batch.pcs[0], 0xffffffff81752b6a);
  EXPECT_THAT(read.info.notes, HasSubstr("-F +pid"));  // only the thread was printed
}

TEST(PerfLines, PageFaultTracepointsOfPerfAndOfFtrace) {
  EXPECT_EQ(shown("ls 10182 [001] 2996.754853: exceptions:page_fault_user: address=0x564aa7a985c0 ip=0x7f6ab69c4110 "
                  "error_code=0x6\n"),
            "process 10182; write 564aa7a985c0,1 pc 7f6ab69c4110; ");
  const Read read = read_whole(
      "# tracer: nop\n"
      "              ls-10182   [001] .....  2996.754853: page_fault_user: address=0x564aa7a985c0 ip=0x7f6ab69c4110 "
      "error_code=0x14\n"
      "          my-ls-10183 (  10182) [001] .....  2996.8: page_fault_kernel: address=0x1000 ip=__put_user_8 "
      "error_code=0x0\n"
      "              ls-10182   [001] d....  2996.754853: page_fault_kernel: address=vmalloc_area ip=f "
      "error_code=0x2\n");
  EXPECT_EQ(shown(read.batch), "process 10182; fetch 564aa7a985c0,1 pc 7f6ab69c4110; read 1000,1 pc 0 kernel; ");
  EXPECT_EQ(read.info.skipped.no_address, 1);
}

TEST(ForeignFiles, AreNamedWithWhatToDo) {
  const std::pair<const char*, const char*> kCases[] = {
      {"acc.csv", "comma-separated"},
      {"addrs.txt", "bare addresses"},
      {"cgtrace.txt", "a word, an address and a size"},
      {"cycle-addr.txt", "a cycle and addresses"},
      {"damo.txt", "DAMON"},
      {"damon.txt", "PTWRITE"},
      {"dram-own.txt", "mmusim dram"},
      {"dramsim3.trace", "mmusim dram"},
      {"dramsys.stl", "mmusim dram"},
      {"gem5-exec.txt", "gem5's Exec output"},
      {"gem5-like.txt", "gem5"},
      {"gem5-memtrace.txt", "gem5's packet trace"},
      {"gem5-tlb.txt", "gem5"},
      {"intelpt-insn.txt", "none of 1 samples has a data address"},
      {"intelpt.txt", "none of 1 samples has a data address"},
      {"ramulator-cpu.trace", "Ramulator's processor trace"},
      {"ramulator1.trace", "mmusim dram"},
      {"ramulator2.trace", "mmusim dram"},
      {"spike-commit.txt", "Spike"},
      {"spike-log.txt", "Spike"},
  };
  for (const auto& [file, name] : kCases) {
    const std::string error = error_of(contents(data_file(std::string("foreign/") + file)));
    EXPECT_THAT(error, HasSubstr("this looks like")) << file;
    EXPECT_THAT(error, HasSubstr(name)) << file;
  }
}

TEST(ForeignFiles, BinaryOnesToo) {
  EXPECT_THAT(error_of(std::string("PERFILE2\0\0\0\0", 12)), HasSubstr("perf script -F +addr,+ip"));
  EXPECT_THAT(error_of(std::string("PK\x03\x04\0\0\0\0", 8)), HasSubstr("zip archive"));
  EXPECT_THAT(error_of(std::string("\xff\xfeI\0 \0 \0", 8)), HasSubstr("UTF-16"));
  EXPECT_THAT(error_of(std::string("\x01\x02\x00\x03", 4)), HasSubstr("binary data of no known form"));
}

TEST(ForeignFiles, UnknownTextIsShownEscaped) {
  const std::string error = error_of("what\xff is\x1b[31m this\n");
  EXPECT_THAT(error, HasSubstr("text of no tool that is known here, \"what\\xff is\\x1b[31m this\""));
  EXPECT_THAT(error, HasSubstr("r|w|i HEXADDRESS HEXSIZE"));
  EXPECT_THAT(error_of("\n\n# nothing\n"), HasSubstr("nothing but lines without meaning"));
}

}  // namespace
}  // namespace mmusim::trace_test
