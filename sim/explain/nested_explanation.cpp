// SPDX-License-Identifier: MIT
#include "sim/explain/nested_explanation.h"

#include "models/x86/nested_walk.h"

namespace mmusim {

namespace {

/// A port of NestedWalk that notes what is read and stores nothing.
class TracingPort : public NoNestedCaches {
 public:
  TracingPort(Machine& machine, PageExplanation& page) : machine_(machine), page_(page) {}

  void begin_sub_walk(GuestPhysAddr gpa) {
    machine_.host_tables()->prepare(gpa);
    page_.nested.emplace_back().gpa = gpa;
  }
  uint64_t read_nested(const SubWalk& walk, NestedUse use) {
    const uint64_t value = machine_.physical_memory().load64(walk.entry_pa());
    SubWalkExplanation& sub_walk = page_.nested.back();
    sub_walk.final = is_final(use);
    sub_walk.entries.push_back({static_cast<uint8_t>(walk.level()), walk.entry_pa(), value, {}});
    return value;
  }
  uint64_t read_guest(const GuestEntry& entry) {
    page_.nested.back().guest_level = entry.level;
    return machine_.physical_memory().load(entry.at, entry.bytes);
  }
  bool update_guest(PhysAddr, uint64_t, uint64_t, unsigned) { return true; }
  bool update_nested(PhysAddr, uint64_t, uint64_t) { return true; }
  void keep(VirtAddr, StructureEntry) {}
  void keep(const SubWalk& walk, const NestedTranslation& page) {
    page_.nested.back().host = page.address(walk.gpa());
    page_.nested.back().size = page.size;
  }

 private:
  Machine& machine_;
  PageExplanation& page_;
};

void add_nested_sources(const TimedAccess& timed, PageExplanation& page) {
  for (const WalkRecord& walk : timed.walks) {
    for (size_t i = 0; i < walk.entries.size(); ++i) {
      const EntryRead& read = walk.entries[i];
      for (SubWalkExplanation& sub_walk : page.nested) {
        for (NestedEntryExplanation& entry : sub_walk.entries) {
          const bool same = read.dimension == Dimension::kNested && read.pa == entry.pa;
          if (same && entry.source.kind == EntrySource::Kind::kNotAsked) {
            entry.source = {EntrySource::Kind::kRead, read.hit, read.cycles};
          }
        }
        const bool own = read.dimension == Dimension::kGuest && read.pa == sub_walk.host && !sub_walk.final;
        for (EntryExplanation& entry : page.entries) {
          if (own && entry.step.level == read.level) entry.source = {EntrySource::Kind::kRead, read.hit, read.cycles};
        }
      }
    }
  }
}

}  // namespace

void add_nested(Machine& machine, const Explanation& e, PageExplanation& page) {
  TracingPort port(machine, page);
  NestedWalk walk(e.control, machine.host_tables()->control(), port);
  const NestedOutcome outcome = walk.translate(page.va, e.access);
  if (outcome.exit) page.exit = exit_of(*outcome.exit, machine.host_tables()->control());
  if (outcome.ok()) page.host_pa = outcome.pa();
  if (e.first) add_nested_sources(*e.first, page);
}

}  // namespace mmusim
