// SPDX-License-Identifier: MIT
#pragma once

// The page walk as pure steps: the caller fetches each entry, from where and at what cost is its own business.
//
//   Walk walk(control, va);                                   // or below a paging-structure-cache entry
//   while (!walk.done()) walk.feed(load(walk.entry_pa(), control.entry_bytes()));
//   if (!walk.fault()) fault = check_rights(control, walk.translation(), access);
//   if (!fault) for (const Walk::Step& step : walk.steps()) if (auto value = walk.updated(step, access)) store(...)
//
// Rules: SDM vol. 3A 4.3-4.8. On a fault nothing is stored (accessed bits of the entries passed may legally be set).

#include <cstdint>
#include <optional>
#include <span>

#include "models/base/inline_list.h"
#include "models/base/types.h"
#include "models/x86/control.h"
#include "models/x86/fault.h"
#include "models/x86/translation.h"

namespace mmusim {

/// One walk in progress or finished; a plain value. The ControlState must outlive it.
class Walk {
 public:
  /// An entry that was fed.
  struct Step {
    PhysAddr entry_pa;
    uint64_t entry = 0;
    uint64_t all = 0;   ///< AND of all entries down to this one, each with XD turned around
    uint8_t level = 0;  ///< 1 = PTE ... 5 = PML5E

    Rights rights() const { return Rights::of_entries(all); }
    /// A is set in this entry and all above it, as read.
    bool all_accessed() const { return (all & pte::kAccessed) != 0; }
  };

  /// A walk from the root: CR3, or the PDPTE register of `va` in PAE mode (which may fault at once). Without paging it
  /// is done at once, with the identity. `va` is canonical.
  Walk(const ControlState& control, VirtAddr va) : control_(&control), va_(control.linear(va)) {
    level_ = static_cast<uint8_t>(control.levels());
    table_pat_index_ = control.root_pat_index();
    if (control.mode() == PagingMode::kPae) {
      start_at_pdpte();
    } else if (control.mode() == PagingMode::kNone) [[unlikely]] {
      done_ = true;
    } else {
      enter(control.root(), level_);
    }
  }

  /// A walk that starts below `from`, a paging-structure-cache entry that matches `va`.
  Walk(const ControlState& control, VirtAddr va, StructureEntry from)
      : control_(&control), va_(control.linear(va)), all_(from.rights().entries()), table_pat_index_(from.pat_index()) {
    enter(from.table(), from.level() - 1U);
  }

  bool done() const { return done_; }
  /// Level of the entry to be fed next; once done, of the last one (the leaf, or where it faulted).
  unsigned level() const { return level_; }
  VirtAddr va() const { return va_; }  ///< wrapped at 4 GiB where linear addresses have 32 bits
  /// Address of the next entry. Not once done.
  PhysAddr entry_pa() const { return entry_pa_; }
  unsigned index() const { return control_->index(va_, level_); }
  unsigned entry_bytes() const { return control_->entry_bytes(); }
  /// 2*PCD + PWT of what referenced the table the next entry is in: the memory type to read it with.
  uint8_t table_pat_index() const { return table_pat_index_; }

  /// Takes the entry at entry_pa(); a 4-byte entry zero-extended.
  void feed(uint64_t entry) {
    const ControlState::LevelRules& rules = control_->rules(level_);
    const bool leaf = (entry & rules.leaf_bit) != 0;
    const uint64_t as_it_must_be = rules.reserved[leaf ? 1 : 0] | pte::kPresent;  // P is 1, the reserved bits are 0
    if (((entry ^ pte::kPresent) & as_it_must_be) != 0) [[unlikely]]
      return fail(entry);
    all_ &= entry ^ pte::kNoExecute;
    append(entry, all_);
    if (leaf) {
      leaf_ = entry;
      done_ = true;
      return;
    }
    table_pat_index_ = static_cast<uint8_t>(entry >> 3 & 3);
    enter(entry_address(entry), level_ - 1U);
  }

  /// Not-present or reserved-bit; permissions are check_rights()'s business.
  std::optional<FaultReason> fault() const { return failed_ ? std::optional(fault_) : std::nullopt; }
  /// Of a walk that is done without fault(). D is as read: a caller that stores it sets it there too.
  Translation translation() const {
    if (steps_.empty()) [[unlikely]]  // no paging
      return Translation({.frame = PhysAddr(va_.raw()).align_down(kPageBytes), .dirty = true});
    const ControlState::LevelRules& rules = control_->rules(level_);
    const uint64_t entry = leaf_;
    PhysAddr frame(entry & rules.frame_mask);
    if (rules.size == PageSize::k4M) [[unlikely]]
      frame += (entry >> 13 & 0xff) << 32;  // PSE-36
    const uint64_t pat_index = (entry >> 3 & 3) | (entry >> rules.pat_shift & 1) << 2;
    return Translation({.frame = frame,
                        .size = rules.size,
                        .rights = Rights::of_entries(all_),
                        .key = static_cast<uint8_t>(entry >> pte::kKeyShift & pte::kKeyMask),
                        .pat_index = static_cast<uint8_t>(pat_index),
                        .dirty = (entry & pte::kDirty) != 0,
                        .global = (entry & pte::kGlobal) != 0 && control_->pge()});
  }

  /// The entries fed so far, root first.
  std::span<const Step> steps() const { return steps_; }
  /// Returns the entry that a paging-structure cache may hold of a step that was no leaf and did not fault. Only allowed
  /// there when `step.all_accessed()`, or once the walk succeeded and its accessed bits are stored.
  static StructureEntry structure_entry(const Step& step) {
    return {entry_address(step.entry), step.level, step.rights(), step.entry >> 3 & 3};
  }
  /// Of the last entry fed, while the walk is not done.
  StructureEntry structure_entry() const { return structure_entry(steps_.back()); }

  /// True if an allowed access must store accessed or dirty bits.
  bool needs_update(AccessType access) const {
    return (all_ & pte::kAccessed) == 0 || (access.is_write() && (leaf_ & pte::kDirty) == 0);
  }
  /// The new value of an entry after an allowed access: A in all entries, D in the leaf for a write; both in one store.
  /// nullopt if nothing changes.
  std::optional<uint64_t> updated(const Step& step, AccessType access) const {
    uint64_t value = step.entry | pte::kAccessed;
    if (access.is_write() && step.level == level_) value |= pte::kDirty;
    if (value == step.entry) return std::nullopt;
    return value;
  }

 private:
  void start_at_pdpte() {
    const uint64_t pdpte = control_->registers().pdpte[va_.raw() >> 30 & 3];
    if ((pdpte & pte::kPresent) == 0) return fault_now(FaultReason::kNotPresent);
    table_pat_index_ = static_cast<uint8_t>(pdpte >> 3 & 3);
    enter(entry_address(pdpte), 2);
  }
  /// The next entry is in `table`, of that level.
  void enter(PhysAddr table, unsigned level) {
    level_ = static_cast<uint8_t>(level);
    entry_pa_ = control_->entry_pa(table, va_, level);
  }
  void fail(uint64_t entry) {
    append(entry, all_ & ~pte::kAccessed);
    fault_now((entry & pte::kPresent) == 0 ? FaultReason::kNotPresent : FaultReason::kReservedBit);
  }
  void append(uint64_t entry, uint64_t all) {
    Step& step = steps_.append();
    step.entry_pa = entry_pa_;
    step.entry = entry;
    step.all = all;
    step.level = level_;
  }
  void fault_now(FaultReason reason) {
    fault_ = reason;
    failed_ = done_ = true;
  }

  const ControlState* control_;
  VirtAddr va_;
  PhysAddr entry_pa_;
  uint64_t all_ = ~uint64_t{0};  // as Step::all
  uint8_t level_ = 0;
  uint8_t table_pat_index_ = 0;
  bool done_ = false;
  bool failed_ = false;
  FaultReason fault_{};           // if it failed
  uint64_t leaf_ = ~uint64_t{0};  // entry that maps the page; without paging it is dirty too
  InlineList<Step, kMaxLevels> steps_;
};

}  // namespace mmusim
