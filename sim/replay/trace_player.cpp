// SPDX-License-Identifier: MIT
#include "sim/replay/trace_player.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"
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

/// Throws InputError if no processor could have these registers, with paging on.
ControlState possible(const ControlRegisters& registers, const ProcessorTraits& traits) {
  if (const auto why = contradiction(registers, traits)) {
    throw InputError(fmt::format("control registers of the trace: {}", *why));
  }
  return {registers, traits};
}

}  // namespace

TracePlayer::TracePlayer(Target& target, AddressSpaces* spaces, PlayerOptions options)
    : target_(target),
      spaces_(spaces),
      options_(options),
      knows_address_space_(spaces == nullptr),
      pcid_owners_(options.guests, std::vector<uint64_t>(kPcids)) {
  for (auto& owners : pcid_owners_) owners[0] = 1;  // process 0 runs at first
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
    if (event.kind == TraceEventKind::kMarker && on_marker_)
      on_marker_(event.value, event.text == 0 ? std::string_view() : batch.texts[event.text - 1]);
  }
  if (done < accesses.size()) execute(accesses.subspan(done));
}

/// Deals the accesses to the guests in turn, where slices are given.
void TracePlayer::execute(std::span<const MemAccess> accesses) {
  if (options_.guests == 1 || options_.slice_accesses == 0) return execute_slice(accesses);
  while (!accesses.empty()) {
    if (slice_done_ == options_.slice_accesses) enter_guest((guest_ + 1) % options_.guests);
    const auto now = accesses.first(std::min<uint64_t>(accesses.size(), options_.slice_accesses - slice_done_));
    execute_slice(now);
    slice_done_ += now.size();
    accesses = accesses.subspan(now.size());
  }
}

void TracePlayer::execute_slice(std::span<const MemAccess> accesses) {
  accessed_ = true;
  if (!expected_.empty()) {
    check(accesses.front(), target_.execute_one(accesses.front()));
    accesses = accesses.subspan(1);
  }
  target_.execute(accesses);
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
      if (event.value == 0) return target_.invalidate(kEverything);
      return invalidate_pages(event.va, event.value);
    case TraceEventKind::kProcess:
      return switch_to(event.value);
    case TraceEventKind::kEntryWrite:
      return store_entry(event);
    case TraceEventKind::kZero:
      if (options_.recorded_tables && event.has_operand) {
        check_memory(event.operand, event.value);
        target_.memory().fill(PhysAddr(event.operand), 0, event.value);
      }
      return;
    case TraceEventKind::kTimed:
      return target_.charge(event.value == 0 ? Charge::kNothing : Charge::kCycles);
    case TraceEventKind::kDrain:
      return target_.drain();
    case TraceEventKind::kGuest:
      return enter_guest(event.value);
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
  if (spaces_->frame_of(page).value_or(frame) != frame) target_.drain();  // walks under way see the old entry
  if (spaces_->map_recorded(page, frame)) {
    ++stats_.changed_translations;
    target_.invalidate(on_invlpg(target_.control(), page));
  }
  std::erase_if(expected_, [&](const Expected& e) { return e.page == page; });
  if (expected_.size() == kMostExpected) expected_.clear();  // accesses are left out here
  expected_.push_back({page, frame});
}

void TracePlayer::store_entry(const TraceEvent& event) {
  if (!options_.recorded_tables || !event.has_operand) {
    ++stats_.ignored_translations;
    return;
  }
  ++stats_.entry_writes;
  check_memory(event.operand, kEntryBytes);
  if ((event.value & pte::kPresent) != 0) check_memory(event.value & pte::kAddressMask, 1);
  target_.entry_changed(VirtAddr(0), 0);  // it may map anything
  target_.memory().store64(PhysAddr(event.operand), event.value);
}

void TracePlayer::check_memory(uint64_t pa, uint64_t bytes) const {
  if (pa >= options_.memory_bytes || bytes > options_.memory_bytes - pa) {
    throw InputError(
        fmt::format("the trace's page tables use physical address 0x{:x}, the platform's memory ends at "
                    "0x{:x}",
                    pa, options_.memory_bytes));
  }
}

/// The first content is what the machine starts with; nothing is cached then.
void TracePlayer::write_cr4(uint64_t value) {
  const Invalidation removed = on_mov_cr4(target_.control(), value);
  ControlRegisters registers = target_.control().registers();
  registers.cr4 = value;
  const ControlState control = possible(registers, target_.control().traits());
  if (control.levels() > options_.max_levels) {
    throw InputError(fmt::format("the trace's page tables have {} levels, the platform's processor has {}",
                                 control.levels(), options_.max_levels));
  }
  target_.set_control(control);
  if (accessed_ && !removed.nothing()) target_.invalidate(removed);
}

void TracePlayer::write_control_register(const TraceEvent& event) {
  // With tables of our own, each recorded root stands for an address space; else it is the root itself.
  if (event.value == 3 && event.has_operand && spaces_ != nullptr) return switch_to(event.operand & pte::kAddressMask);
  if (event.value == 3 && event.has_operand && options_.recorded_tables) {
    ++stats_.process_switches;
    check_memory(event.operand & pte::kAddressMask, kPageBytes);
    // Recorded with PCIDs on, made again without: then bit 63 asks for nothing.
    const uint64_t cr3 = target_.control().pcide() ? event.operand : event.operand & ~kCr3NoInvalidate;
    if (!target_.write_cr3(cr3)) ++stats_.refused_cr3_writes;
    return;
  }
  if (event.value == 4 && event.has_operand && options_.recorded_tables) return write_cr4(event.operand);
  if (event.value == 3 && flushes_now()) target_.write_cr3(target_.control().registers().cr3);
  if (event.value == 4 && flushes_now()) target_.invalidate(kEverything);
}

void TracePlayer::switch_to(uint64_t space) {
  if (spaces_ == nullptr) return;
  if (options_.one_process) {
    throw InputError("--core-per-stream: the trace changes its address space, expected the threads of one process");
  }
  knows_address_space_ = true;
  ++stats_.process_switches;
  target_.drain();
  spaces_->switch_to(space);
  uint64_t cr3 = spaces_->root().raw();
  if (options_.pcids) {
    ControlRegisters registers = target_.control().registers();
    if ((registers.cr4 & kCr4Pcide) == 0) {
      registers.cr4 |= kCr4Pcide;
      target_.set_control(ControlState(registers, target_.control().traits()));
    }
    const uint16_t pcid = spaces_->pcid();
    cr3 |= pcid;
    uint64_t& owner = pcid_owners_[guest_][pcid];
    if (owner == space + 1) cr3 |= kCr3NoInvalidate;
    owner = space + 1;
  }
  const bool loaded = target_.write_cr3(cr3);
  MMUSIM_INVARIANT(loaded, "our own root table is a valid CR3");
}

void TracePlayer::enter_guest(uint64_t guest) {
  if (guest >= options_.guests) {
    throw InputError(fmt::format("the trace runs guest {}: expected at most {}, as /virtualization/guests is {}", guest,
                                 options_.guests - 1, options_.guests));
  }
  slice_done_ = 0;
  if (guest == guest_) return;
  ++stats_.guest_switches;
  expected_.clear();
  target_.drain();
  guest_ = static_cast<unsigned>(guest);
  target_.enter_guest(guest_);
  spaces_ = &on_guest_(guest_);
}

void TracePlayer::invalidate_pages(VirtAddr va, uint64_t bytes) {
  const VirtAddr first = va.align_down(kPageBytes);
  const uint64_t pages = ((va - first) + bytes + kPageBytes - 1) / kPageBytes;
  if (pages > kMostPages) return target_.invalidate(kEverything);
  for (uint64_t i = 0; i < pages; ++i) target_.invalidate(on_invlpg(target_.control(), first + i * kPageBytes));
}

}  // namespace mmusim
