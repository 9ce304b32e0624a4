// SPDX-License-Identifier: MIT
#include "sim/replay/trace_player.h"

#include <algorithm>

#include "models/x86/invalidation.h"
#include "models/x86/paging.h"

namespace mmusim {

namespace {

constexpr unsigned kPcids = 4096;
/// Beyond so many pages kernels flush everything; here it bounds the work of a damaged record.
constexpr uint64_t kMostPages = 4096;
/// Translations are recorded right before the access that uses them.
constexpr size_t kMostExpected = 64;
constexpr Invalidation kEverything{InvalidationScope::kAll, /*globals=*/true, InvalidationScope::kAll, 0, {}};

}  // namespace

TracePlayer::TracePlayer(ReplayMachine& machine, AddressSpaces* spaces, PlayerOptions options)
    : machine_(machine), spaces_(spaces), options_(options), pcid_owners_(kPcids) {
  pcid_owners_[0] = 1;  // process 0 runs at first
}

void TracePlayer::play(const TraceBatch& batch) {
  const std::span<const MemAccess> accesses(batch.accesses);
  size_t done = 0;
  for (const TraceEvent& event : batch.events) {
    if (event.before > done) {
      execute(accesses.subspan(done, event.before - done));
      done = event.before;
    }
    apply(event);
  }
  if (done < accesses.size()) execute(accesses.subspan(done));
}

void TracePlayer::execute(std::span<const MemAccess> accesses) {
  if (!expected_.empty()) {
    check(accesses.front(), machine_.execute_one(accesses.front()));
    accesses = accesses.subspan(1);
  }
  machine_.execute(accesses);
}

/// Holds the access after recorded translations to them: where it went by the machine's own translation if that is
/// known and the page is the access's first, else by the tables.
void TracePlayer::check(const MemAccess& access, const std::optional<AccessResult>& result) {
  for (const Expected& e : expected_) {
    ++stats_.checked_translations;
    const bool of_access = result && e.page == access.va.align_down(kPageBytes);
    const bool right =
        of_access ? !result->fault && pfn_of(result->pa) == e.frame : spaces_->frame_of(e.page) == e.frame;
    if (!right) ++stats_.translation_mismatches;
  }
  expected_.clear();
}

bool TracePlayer::flushes_now() {
  const bool now =
      options_.flushes == FlushPolicy::kAll || (options_.flushes == FlushPolicy::kAuto && knows_address_space_);
  ++(now ? stats_.flushes : stats_.ignored_flushes);
  return now;
}

void TracePlayer::apply(const TraceEvent& event) {
  switch (event.kind) {
    case TraceEventKind::kMap:
      return map(event);
    case TraceEventKind::kCrWrite:
      return write_control_register(event);
    case TraceEventKind::kInvlpg:
      if (flushes_now()) invalidate_pages(event.va, std::max<uint64_t>(event.value, 1));
      return;
    case TraceEventKind::kInvpcid:
      if (!flushes_now()) return;
      if (event.value == 0) return machine_.invalidate(kEverything);
      return invalidate_pages(event.va, event.value);
    case TraceEventKind::kProcess:
      return switch_to(event.value);
    case TraceEventKind::kEntryWrite:
      if (!event.has_operand) return;
      knows_address_space_ = true;
      ++stats_.entry_writes;
      return machine_.memory().store64(PhysAddr(event.operand), event.value);
    case TraceEventKind::kZero:
      if (event.has_operand) machine_.memory().fill(PhysAddr(event.operand), 0, event.value);
      return;
    case TraceEventKind::kMarker:
    case TraceEventKind::kInstruction:
      return;
  }
}

void TracePlayer::map(const TraceEvent& event) {
  if (spaces_ == nullptr || !options_.recorded_translations) {
    ++stats_.ignored_translations;
    return;
  }
  knows_address_space_ = true;
  ++stats_.translations;
  const VirtAddr page = event.va.align_down(kPageBytes);
  const Pfn frame(event.value);
  if (spaces_->frame_of(page).value_or(frame) != frame) machine_.drain();  // walks under way see the old entry
  if (spaces_->map_recorded(page, frame)) {
    ++stats_.changed_translations;
    machine_.invalidate(on_invlpg(machine_.control(), page));
  }
  std::erase_if(expected_, [&](const Expected& e) { return e.page == page; });
  if (expected_.size() == kMostExpected) expected_.clear();  // accesses are left out here
  expected_.push_back({page, frame});
}

void TracePlayer::write_control_register(const TraceEvent& event) {
  if (event.value == 3 && event.has_operand) {
    // With tables of our own, each recorded root stands for an address space; else it is the root itself.
    if (spaces_ != nullptr) return switch_to(event.operand & pte::kAddressMask);
    knows_address_space_ = true;
    ++stats_.process_switches;
    return machine_.write_cr3(event.operand);
  }
  if (event.value == 3 && flushes_now()) machine_.write_cr3(machine_.control().registers().cr3);
  if (event.value == 4 && flushes_now()) machine_.invalidate(kEverything);
}

void TracePlayer::switch_to(uint64_t space) {
  if (spaces_ == nullptr) return;
  knows_address_space_ = true;
  ++stats_.process_switches;
  machine_.drain();
  spaces_->switch_to(space);
  uint64_t cr3 = spaces_->root().raw();
  if (options_.pcids) {
    ControlRegisters registers = machine_.control().registers();
    if ((registers.cr4 & kCr4Pcide) == 0) {
      registers.cr4 |= kCr4Pcide;
      machine_.set_control(ControlState(registers, machine_.control().traits()));
    }
    const uint16_t pcid = spaces_->pcid();
    cr3 |= pcid;
    if (pcid_owners_[pcid] == space + 1) cr3 |= kCr3NoInvalidate;
    pcid_owners_[pcid] = space + 1;
  }
  machine_.write_cr3(cr3);
}

void TracePlayer::invalidate_pages(VirtAddr va, uint64_t bytes) {
  const VirtAddr first = va.align_down(kPageBytes);
  const uint64_t pages = ((va - first) + bytes + kPageBytes - 1) / kPageBytes;
  if (pages > kMostPages) return machine_.invalidate(kEverything);
  for (uint64_t i = 0; i < pages; ++i) machine_.invalidate(on_invlpg(machine_.control(), first + i * kPageBytes));
}

}  // namespace mmusim
