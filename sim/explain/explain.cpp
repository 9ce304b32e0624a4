// SPDX-License-Identifier: MIT
#include "models/x86/translate.h"
#include "sim/explain/entry_text.h"
#include "sim/explain/explanation.h"

namespace mmusim {

namespace {

/// Returns true if an entry withholds the right whose lack is the fault.
bool withholds(const Walk::Step& step, FaultReason fault) {
  switch (fault) {
    case FaultReason::kSupervisorPage:
      return (step.entry & pte::kUser) == 0;
    case FaultReason::kReadOnly:
      return (step.entry & pte::kWritable) == 0;
    case FaultReason::kNoExecute:
      return (step.entry & pte::kNoExecute) != 0;
    default:
      return false;
  }
}

PageExplanation explain_page(const ControlState& control, const MemoryTypes& types, PhysMem& memory, VirtAddr va,
                             AccessType access) {
  PageExplanation page;
  page.va = va;
  const PhysMemEntries entries{memory};
  Walk walk(control, va);
  while (!walk.done()) walk.feed(entries.load_entry(walk.entry_pa(), control.entry_bytes()));
  const unsigned lowest = walk.fault() ? 1 : walk.level();
  for (unsigned level = control.levels(); level >= lowest; --level) page.indices.push_back(control.index(va, level));
  page.fault = walk.fault();
  if (page.fault) {
    page.fault_level = walk.level();
  } else {
    page.translation = walk.translation();
    page.memory_type = types.at(walk.translation().address(va), walk.translation().pat_index());
    page.fault = check_rights(control, walk.translation(), access);
  }
  for (const Walk::Step& step : walk.steps()) {
    EntryExplanation entry;
    entry.step = step;
    entry.index = control.index(va, step.level);
    if ((step.entry & pte::kPresent) != 0) {
      entry.leaf = maps_page(control, step.level, step.entry);
      entry.target = entry_target(control, step.level, step.entry);
      entry.reserved = reserved_bits_set(control, step.level, step.entry);
    }
    if (!page.fault) entry.after = walk.updated(step, access);
    if (page.fault && withholds(step, *page.fault)) page.restrictions.push_back(step.level);
    page.entries.push_back(entry);
  }
  return page;
}

}  // namespace

Explanation explain_access(const ControlState& control, const MemoryTypes& types, PhysMem& memory, VirtAddr va,
                           unsigned bytes, AccessType access) {
  Explanation e;
  e.control = control;
  e.access = access;
  e.bytes = bytes;
  e.va = control.linear(va);
  const VirtAddr last = control.linear(e.va + (bytes - 1));
  const auto stopped = [&](FaultReason reason, VirtAddr at) {
    e.fault = reason;
    e.fault_va = at;
    e.exception = exception_of(reason, access, control, at);
  };
  if (!control.canonical(e.va) || !control.canonical(last)) {
    stopped(FaultReason::kNonCanonical, e.va);
    return e;
  }
  e.pages.push_back(explain_page(control, types, memory, e.va, access));
  const VirtAddr second = last.align_down(kPageBytes);
  if (!e.pages[0].fault && second != e.va.align_down(kPageBytes)) {
    e.pages.push_back(explain_page(control, types, memory, second, access));
  }
  for (const PageExplanation& page : e.pages) {
    if (page.fault) stopped(*page.fault, page.va);
  }
  if (!e.fault) e.pa = e.pages[0].translation->address(e.va);
  return e;
}

}  // namespace mmusim
