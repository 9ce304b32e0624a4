// SPDX-License-Identifier: MIT
#include "sim/events/kernel_recorder.h"

#include <gtest/gtest.h>

#include "sim/events/event_log.h"
#include "tests/support/log_files.h"
#include "tests/support/sample_events.h"

namespace mmusim {
namespace {

constexpr VirtAddr kBase{0xffffea0000000000};

mm::EntryWrite write_at(unsigned level, VirtAddr va, uint64_t old_value, uint64_t new_value, const char* cause) {
  mm::EntryWrite w = sample_entry_write(0);
  w.level = level;
  w.va = va;
  w.old_value = old_value;
  w.new_value = new_value;
  w.cause = cause;
  return w;
}

TEST(KernelRecorder, CyclesBetweenEventsBelongToTheFunctionThatReports) {
  uint64_t now = 1000;
  KernelRecorder recorder([&] { return EventStamp{CycleTime(now), 0}; }, kBase, kTiB, nullptr, nullptr);
  recorder.begin_phase();
  now += 5;
  recorder.phase("init_mem_mapping");
  now += 20;
  recorder.entry_write(write_at(2, VirtAddr(0xffff888000000000), 0, 0x1e3, "phys_pmd_init"));
  now += 3;
  recorder.phase("sparse_init");
  now += 100;
  recorder.fill({VirtAddr(0xffff888000007000), PhysAddr(0x7000), 4096, 0, "vmemmap_alloc_block_zero"});
  now += 10;
  recorder.entry_write(write_at(2, kBase, 0, 0x7063, "vmemmap_pmd_populate"));
  now += 7;
  recorder.entry_write(write_at(1, kBase, 0, 0x8063, "vmemmap_pte_populate"));
  now += 2;
  const KernelPhase phase = recorder.end_phase();
  EXPECT_EQ(phase.totals.entry_writes, 2u);
  EXPECT_EQ(phase.totals.other_entry_writes, 1u);
  EXPECT_EQ(phase.totals.table_pages, 1u);
  EXPECT_EQ(phase.totals.bytes_zeroed, 4096u);
  EXPECT_EQ(phase.totals.direct_map_cycles, 23u);
  EXPECT_EQ(phase.totals.populate_cycles, 5u + 100 + 10 + 7) << "the last 2 are of sparse_init itself";
  uint64_t sum = 0;
  for (const FunctionTime& f : phase.functions) sum += f.cycles;
  EXPECT_EQ(sum, now - 1000) << "every cycle of the phase belongs to one function";
}

TEST(KernelRecorder, TablesAreCountedWhenHookedAndUnhooked) {
  KernelRecorder recorder([] { return EventStamp{}; }, kBase, kTiB, nullptr, nullptr);
  recorder.begin_phase();
  recorder.entry_write(write_at(2, kBase, 0x8000000001200163 | 0x80, 0x7063, "vmemmap_split_pmd"));  // leaf to table
  recorder.entry_write(write_at(2, kBase, 0x7063, 0x8000000001200163 | 0x80, "vmemmap_merge_pmd"));  // and back
  recorder.entry_write(write_at(3, kBase, 0x7063, 0x7063, "set_pud"));                               // unchanged
  recorder.entry_write(write_at(1, kBase, 0, 0x7063, "vmemmap_pte_populate"));                       // level 1: a page
  const KernelPhase phase = recorder.end_phase();
  EXPECT_EQ(phase.totals.table_pages, 1u);
  EXPECT_EQ(phase.totals.tables_freed, 1u);
}

TEST(KernelRecorder, EachPhaseStartsAtZero) {
  KernelRecorder recorder([] { return EventStamp{}; }, kBase, kTiB, nullptr, nullptr);
  recorder.begin_phase();
  recorder.entry_write(sample_entry_write(1));
  const KernelPhase first = recorder.end_phase();
  recorder.begin_phase();
  const KernelPhase second = recorder.end_phase();
  EXPECT_EQ(first.totals.entry_writes, 1u);
  EXPECT_EQ(second.totals.entry_writes, 0u);
  EXPECT_TRUE(second.functions.empty());
}

TEST(KernelRecorder, EventsReachTheLogStamped) {
  const ScratchDir dir;
  EventLog log(dir / "log", all_events(), sample_header());
  KernelRecorder recorder([] { return EventStamp{CycleTime(77), 3}; }, kBase, kTiB, &log, nullptr);
  recorder.begin_phase();
  recorder.entry_write(sample_entry_write(1));
  log.close(CycleTime(80), false, {});
  const auto records = records_of(unzstd(slurp(dir / "log")));
  EXPECT_EQ(records[1]["event"], "pte_write");
  EXPECT_EQ(records[1]["cycle"], 77);
  EXPECT_EQ(records[1]["core"], 3);
}

}  // namespace
}  // namespace mmusim
