// SPDX-License-Identifier: MIT
#include "sim/explain/timed_access.h"

#include "sim/explain/nested_explanation.h"

namespace mmusim {

namespace {

class Recorder final : public Observer {
 public:
  uint32_t mask() const override { return kAccessNotices | kWalkNotices; }
  void walk(const WalkRecord& record) override { seen.walks.push_back(record); }
  void access(const AccessRecord& record) override { seen.record = record; }
  TimedAccess seen;
};

class OneAccess final : public Program {
 public:
  explicit OneAccess(const MemAccess& access) : access_(access) {}
  void run(Core& core) override {
    result = core.access(access_);
    core.drain();
  }
  AccessResult result;

 private:
  MemAccess access_;
};

MemAccess mem_access_of(const Explanation& e) {
  MemAccess access;
  access.va = e.va;
  access.bytes = static_cast<uint16_t>(e.bytes);
  access.kind = e.access.kind();
  access.user = e.access.is_user();
  access.implicit = e.access.privilege() == Privilege::kImplicit;
  access.stack = e.access.stack();
  return access;
}

TimedAccess carry_out(Simulation& simulation, Machine& machine, const Explanation& e) {
  Recorder recorder;
  OneAccess program(mem_access_of(e));
  machine.observe(recorder);
  simulation.run(machine, program);
  machine.stop_observing(recorder);
  recorder.seen.fault = program.result.fault;
  if (machine.host_tables() != nullptr) {
    const PhysAddr host = machine.host_tables()->address(GuestPhysAddr(e.pa.raw()));
    MMUSIM_INVARIANT(e.fault || program.result.fault || program.result.pa == host, "guest and host addresses agree");
    return recorder.seen;
  }
  MMUSIM_INVARIANT(program.result.fault == e.fault, "the machine and the pure walk agree on the outcome");
  MMUSIM_INVARIANT(e.fault || program.result.pa == e.pa, "the machine and the pure walk agree on the address");
  return recorder.seen;
}

/// The last walk for the page: one that a stale structure entry misled is followed by another.
const WalkRecord* walk_for(const TimedAccess& timed, VirtAddr va) {
  const WalkRecord* found = nullptr;
  for (const WalkRecord& walk : timed.walks) {
    const bool prefetch = walk.cause == WalkCause::kPrefetch;
    if (!prefetch && walk.va.align_down(kPageBytes) == va.align_down(kPageBytes)) found = &walk;
  }
  return found;
}

void add_sources(const TimedAccess& timed, PageExplanation& page) {
  const WalkRecord* walk = walk_for(timed, page.va);
  if (walk == nullptr) return;
  for (EntryExplanation& entry : page.entries) {
    if (entry.step.level == walk->start_level + 1) entry.source.kind = EntrySource::Kind::kStructureCache;
    for (size_t i = 0; i < walk->entries.size(); ++i) {
      const EntryRead& read = walk->entries[i];
      if (read.pa == entry.step.entry_pa && read.level == entry.step.level) {
        entry.source = {EntrySource::Kind::kRead, read.hit, read.cycles};
      }
    }
  }
}

}  // namespace

void add_timing(Simulation& simulation, Machine& machine, Explanation& e) {
  e.first = carry_out(simulation, machine, e);
  for (PageExplanation& page : e.pages) {
    add_sources(*e.first, page);
    if (machine.host_tables() != nullptr) add_nested(machine, e, page);
  }
  e.again = carry_out(simulation, machine, e);
}

}  // namespace mmusim
