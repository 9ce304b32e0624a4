// SPDX-License-Identifier: MIT
#pragma once

#include "sim/events/event_log.h"

namespace mmusim {

inline WalkRecord sample_walk(uint64_t id) {
  WalkRecord w;
  w.id = id;
  w.access = id + 1;
  w.begin = CycleTime(100 * id);
  w.end = CycleTime(100 * id + 31);
  w.va = VirtAddr(0xffffea0004000000 + id * 64);
  w.start_level = 2;
  w.entries.append() = {2, HitLevel::kL2, Dimension::kGuest, PhysAddr(0x1000008), 0x8000000001200063, Cycles(14)};
  w.entries.append() = {1, HitLevel::kDram, Dimension::kGuest, PhysAddr(0x1200010), 0x80000000013001e3, Cycles(15)};
  w.structure_caches = Cycles(2);
  w.page_size = PageSize::k4K;
  return w;
}

inline AccessRecord sample_access(uint64_t id) {
  AccessRecord a;
  a.id = id;
  a.access.va = VirtAddr(0xffff888000000000 + id * 8);
  a.access.kind = AccessKind::kWrite;
  a.begin = CycleTime(10 * id);
  a.end = CycleTime(10 * id + 9);
  a.stage[Stage::kTlb] = Cycles(1);
  a.stage[Stage::kData] = Cycles(8);
  a.pa = PhysAddr(id * 8);
  return a;
}

inline mm::EntryWrite sample_entry_write(uint64_t n) {
  return {1,
          VirtAddr(0xffffea0000000000 + n * 4096),
          4096,
          VirtAddr(0xffff888012345000 + n % 512 * 8),
          PhysAddr(0x12345000 + n % 512 * 8),
          static_cast<unsigned>(n % 512),
          0,
          0x8000000000000163 | (n << 12),
          "vmemmap_pte_populate"};
}

inline EventSelection all_events() { return EventSelection::parse("all"); }

inline EventLogHeader sample_header() { return {"0.1.0", R"({"platform":{"core":{"ghz":2.45}}})", 7, "all"}; }

/// One record of each kind.
inline void log_one_of_each(EventLog& log) {
  log.phase({CycleTime(0), "boot", "boot"});
  log.entry_write({CycleTime(3)}, sample_entry_write(3));
  log.entry_read({CycleTime(5)}, {2, VirtAddr(0xffffea0000000000), VirtAddr(0xffff888000001000), PhysAddr(0x1000), 0,
                                  0x63, "vmemmap_pmd_populate"});
  log.walk(sample_walk(1));
  WalkRecord faulting = sample_walk(2);
  faulting.page_size.reset();
  faulting.page_fault_error_code = 2;
  faulting.restarts = Cycles(3);
  log.walk(faulting);
  log.access(sample_access(1));
  AccessRecord fault = sample_access(2);
  fault.page_fault_error_code = 2;
  fault.access.rmw = fault.access.stack = fault.access.implicit = fault.access.awaited = true;
  fault.access.depends_on = fault.access.gap = 1;
  log.access(fault);
  const mm::AllocEvent table{mm::AllocSource::kMemblock, PhysAddr(0x7000), 4096, 1, "vmemmap_alloc_block_zero"};
  log.alloc({CycleTime(9)}, table);
  log.free({CycleTime(10), 1}, table);
  log.fill({CycleTime(11)}, {VirtAddr(0xffff888000007000), PhysAddr(0x7000), 4096, 0, "vmemmap_alloc_block_zero"});
  log.fill({CycleTime(12)}, {VirtAddr(0xffffea0000000000), PhysAddr(0x8000), 64, 0xff, "page_init_poison"});
  mm::FlushEvent range{.scope = mm::FlushScope::kRange,
                       .va = VirtAddr(0xffffea0000000000),
                       .end = VirtAddr(0xffffea0000001000),
                       .entry = "flush_tlb_kernel_range",
                       .cause = "vmemmap_remap_range",
                       .round = 1};
  range.invlpg = 1;
  range.invpcid = 1;
  log.flush({CycleTime(13)}, range);
  mm::FlushEvent all{.entry = "flush_tlb_all", .cause = "remove_pagetable", .round = 2, .initiator = 1, .cpu = 2};
  all.cr4 = 2;
  log.flush({CycleTime(14)}, all);
  mm::FlushEvent broadcast{.entry = "flush_tlb_all", .cause = "remove_pagetable", .round = 3, .broadcast = true};
  broadcast.cr3 = broadcast.invlpgb = broadcast.tlbsync = 1;
  log.flush({CycleTime(14)}, broadcast);
  log.ipi({CycleTime(2100)}, {{0, mm::kCallFunctionVector, 150, 1350, 1650}, 2});
  log.call({CycleTime(14)}, {"vmemmap_free", VirtAddr(0xffffea0000000000), VirtAddr(0xffffea0000200000)});
  log.call({CycleTime(14)}, {"hugetlb_vmemmap_restore_folios"});
  log.invalidate({CycleTime(14), 0, 2}, {InvalidationScope::kAddress, true, {}, 0, VirtAddr(0xffffea0000000000)}, true);
  log.invalidate({CycleTime(14), 0, 2}, {InvalidationScope::kAll, true, InvalidationScope::kAll, 0, {}}, false);
  log.control_write({CycleTime(14), 0, 2}, 3, 0x1000, false);
  log.drain({CycleTime(14), 0, 2});
  log.step({CycleTime(15)}, "memmap_init");
  log.kernel_log({CycleTime(16)}, mm::LogLevel::kInfo, "a \"quoted\" line\twith a tab");
}

/// Records with the members that log_one_of_each() has no use for: a guest's walk, an access with several producers.
inline void log_rare_members(EventLog& log) {
  WalkRecord guests = sample_walk(3);
  guests.guest = true;
  guests.entries.append() = {1, HitLevel::kL1, Dimension::kNested, PhysAddr(0x1400018), 0x1300037, Cycles(4)};
  guests.exits = Cycles(3000);
  guests.omitted = 2;
  log.walk(guests);
  AccessRecord access = sample_access(3);
  access.access.continues = true;
  access.access.depends_on = 1;
  access.access.also_depends_on[0] = 3;
  log.access(access);
}

}  // namespace mmusim
