// SPDX-License-Identifier: MIT
#pragma once

// One translation of a guest-physical address through EPT or NPT, as pure steps like those of walk.h:
//
//   SubWalk walk(control, gpa);                                // or below a cached nested entry
//   while (!walk.done()) walk.feed(load(walk.entry_pa(), 8));
//   if (!walk.fault()) fault = missing_right(control, walk.translation(), use);
//   if (!fault) for (const SubWalk::Step& step : walk.steps()) if (auto value = walk.updated(step, use)) store(...)
//
// Rules: nested-paging [N-8] to [N-17], [N-25], [N-52] to [N-55].

#include <cstdint>
#include <optional>
#include <span>

#include "models/base/inline_list.h"
#include "models/x86/nested_control.h"
#include "models/x86/nested_fault.h"

namespace mmusim {

/// The result of a sub-walk, and what a nested TLB holds: where a page of guest-physical memory is, and what its nested
/// entries allow together.
struct NestedTranslation {
  PhysAddr frame;
  uint64_t rights = 0;  ///< AND of all entries, NestedControl::inverted() turned around
  uint64_t leaf = 0;    ///< the entry that maps the page: memory type, D
  PageSize size = PageSize::k4K;

  PhysAddr address(GuestPhysAddr gpa) const { return frame + (gpa.raw() & (bytes_of(size) - 1)); }
  bool operator==(const NestedTranslation&) const = default;
};

/// Entry of a nested paging-structure cache: where the table of `level - 1` is, and what the entries down to that of
/// `level` allow together. `level` 0: none.
struct NestedStructure {
  PhysAddr table;
  uint64_t rights = 0;
  uint8_t level = 0;

  explicit operator bool() const { return level != 0; }
  bool operator==(const NestedStructure&) const = default;
};

/// The right that the use needs and the entries do not give, or nullopt ([N-14 b], [N-53]).
inline std::optional<NestedFaultReason> missing_right(const NestedControl& control, uint64_t rights, NestedUse use) {
  const uint64_t missing = control.need(use) & ~rights;
  if (missing == 0) [[likely]]
    return std::nullopt;
  if (!control.is_ept() && (missing & pte::kUser) != 0) return NestedFaultReason::kNoUser;
  if (is_fetch(use)) return NestedFaultReason::kNoFetch;
  return control.counts_as_write(use) ? NestedFaultReason::kNoWrite : NestedFaultReason::kNoRead;
}

/// True if a cached translation serves the use: it has the rights and, for what counts as a write, D is set ([N-71]).
inline bool serves(const NestedControl& control, const NestedTranslation& t, NestedUse use) {
  return (control.need(use) & ~t.rights) == 0 &&
         (!control.counts_as_write(use) || (t.leaf & control.dirty_bit()) == control.dirty_bit());
}

/// One sub-walk in progress or finished; a plain value. The NestedControl must outlive it.
class SubWalk {
 public:
  /// An entry that was fed.
  struct Step {
    PhysAddr entry_pa;
    uint64_t entry = 0;
    uint64_t rights = 0;  ///< AND of all entries down to this one, as NestedTranslation::rights
    uint8_t level = 0;    ///< 1 = PTE ... 5 = PML5E
  };

  /// A sub-walk from the root.
  SubWalk(const NestedControl& control, GuestPhysAddr gpa) : control_(&control), gpa_(gpa) {
    level_ = static_cast<uint8_t>(control.levels());
    if (control.beyond_width(gpa)) [[unlikely]] {
      level_ = 0;
      fail(NestedFaultReason::kBeyondWidth);
    } else {
      enter(control.root(), level_);
    }
  }
  /// A sub-walk that starts below `from`, a cached nested entry that matches `gpa`.
  SubWalk(const NestedControl& control, GuestPhysAddr gpa, const NestedStructure& from)
      : control_(&control), gpa_(gpa), rights_(from.rights) {
    enter(from.table, from.level - 1U);
  }

  bool done() const { return done_; }
  /// Level of the entry to be fed next; once done, of the last one. 0: no entry was read.
  unsigned level() const { return level_; }
  GuestPhysAddr gpa() const { return gpa_; }
  PhysAddr entry_pa() const { return entry_pa_; }  ///< not once done

  /// Takes the entry at entry_pa(). Not present is told before misconfigured; what lies below is not read ([N-15]).
  void feed(uint64_t entry) {
    const NestedControl::LevelRules& rules = control_->rules(level_);
    const bool leaf = (entry & rules.leaf_bit) != 0;
    rights_ &= entry ^ control_->inverted();
    append(entry);
    if ((entry & control_->present_mask()) == 0) [[unlikely]]
      return fail(NestedFaultReason::kNotPresent);
    if ((entry & rules.reserved[leaf ? 1 : 0]) != 0) [[unlikely]]
      return fail(NestedFaultReason::kReservedBit);
    if (control_->bad_rights(entry)) [[unlikely]]
      return fail((entry & ept::kWrite) != 0 ? NestedFaultReason::kWriteWithoutRead : NestedFaultReason::kExecuteOnly);
    if (leaf) {
      if (control_->bad_type(entry)) [[unlikely]]
        return fail(NestedFaultReason::kMemoryType);
      done_ = true;
      return;
    }
    enter(entry_address(entry), level_ - 1U);
  }

  /// Everything but missing rights, which depend on the use: missing_right().
  std::optional<NestedFaultReason> fault() const { return failed_ ? std::optional(fault_) : std::nullopt; }
  /// AND of the entries fed, as NestedTranslation::rights.
  uint64_t rights() const { return rights_; }
  /// The entry that maps the page; of a walk that is done without fault().
  uint64_t leaf() const { return steps_.back().entry; }
  NestedTranslation translation() const {
    const NestedControl::LevelRules& rules = control_->rules(level_);
    return {PhysAddr(leaf() & rules.frame_mask), rights_, leaf(), rules.size};
  }
  std::span<const Step> steps() const { return steps_; }
  /// Returns the entry that a nested structure cache may hold of a step that was no leaf, once the sub-walk succeeded.
  static NestedStructure structure(const Step& step) { return {entry_address(step.entry), step.rights, step.level}; }

  /// The new value of an entry after a sub-walk that succeeded: A in all entries, D in the leaf if the use counts as a
  /// write, where the nested dimension has these flags. nullopt if nothing changes.
  std::optional<uint64_t> updated(const Step& step, NestedUse use) const {
    uint64_t value = step.entry | control_->accessed_bit();
    if (step.level == level_ && control_->counts_as_write(use)) value |= control_->dirty_bit();
    if (value == step.entry) return std::nullopt;
    return value;
  }

 private:
  void enter(PhysAddr table, unsigned level) {
    level_ = static_cast<uint8_t>(level);
    entry_pa_ = control_->entry_pa(table, gpa_, level);
  }
  void append(uint64_t entry) {
    Step& step = steps_.append();
    step.entry_pa = entry_pa_;
    step.entry = entry;
    step.rights = rights_;
    step.level = level_;
  }
  void fail(NestedFaultReason reason) {
    fault_ = reason;
    failed_ = done_ = true;
  }

  const NestedControl* control_;
  GuestPhysAddr gpa_;
  PhysAddr entry_pa_;
  uint64_t rights_ = ~uint64_t{0};
  uint8_t level_ = 0;
  bool done_ = false;
  bool failed_ = false;
  NestedFaultReason fault_{};  // if it failed
  InlineList<Step, kMaxLevels> steps_;
};

/// Memory type of an access to a page that a nested leaf maps, before MTRRs. `guest` is the type that the guest's PAT
/// bits select (WB without guest paging). EPT [N-41]: the leaf's type in the place of the MTRRs, or alone with IPAT.
/// NPT [N-63]: both PAT types combined; MTRRs come on top.
MemoryType nested_memory_type(const NestedControl& control, const NestedTranslation& page, MemoryType guest);

}  // namespace mmusim
