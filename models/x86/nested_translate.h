// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "models/x86/nested_walk.h"
#include "models/x86/translate.h"

namespace mmusim {

/// Entries of both dimensions straight from memory, nothing cached. Counts the entries read.
template <EntryMemory M>
class PureNestedPort : public NoNestedCaches {
 public:
  explicit PureNestedPort(M& memory) : memory_(memory) {}

  uint64_t read_guest(const GuestEntry& entry) {
    ++reads_;
    return memory_.load_entry(entry.at, entry.bytes);
  }
  uint64_t read_nested(const SubWalk& walk, NestedUse) {
    ++reads_;
    return memory_.load_entry(walk.entry_pa(), kEntryBytes);
  }
  bool update_guest(PhysAddr at, uint64_t from, uint64_t to, unsigned bytes) { return update(at, from, to, bytes); }
  bool update_nested(PhysAddr at, uint64_t from, uint64_t to) { return update(at, from, to, kEntryBytes); }
  unsigned reads() const { return reads_; }

 private:
  /// A table of both dimensions at once may have changed by the flags that were set since it was read.
  bool update(PhysAddr at, uint64_t from, uint64_t to, unsigned bytes) {
    if (memory_.load_entry(at, bytes) != from) return false;
    memory_.store_entry(at, to, bytes);
    return true;
  }

  M& memory_;
  unsigned reads_ = 0;
};

/// Outcome of one access of a guest: at most one of `fault` and `exit` is set.
struct NestedAccessOutcome {
  std::optional<FaultReason> fault;     ///< the guest's own exception
  VirtAddr fault_va;                    ///< with a fault: the byte that CR2 would name
  std::optional<NestedFault> exit;      ///< the nested tables: exit_of() has what the hypervisor is told
  NestedOutcome first;                  ///< page of the first byte, if it was translated
  std::optional<NestedOutcome> second;  ///< the second 4 KiB page, if the access reaches it
  unsigned entry_reads = 0;             ///< of both dimensions and pages
};

/// A whole access of 1 to 4096 bytes of a guest with cold caches: canonical check of first and last byte, then the
/// lower page completely, in both dimensions, then the upper one ([N-38]).
template <EntryMemory M>
NestedAccessOutcome translate_nested(const ControlState& guest, const NestedControl& nested, VirtAddr va,
                                     unsigned bytes, AccessType access, M&& memory) {
  MMUSIM_INVARIANT(bytes >= 1 && bytes <= kPageBytes, "access of 1 to 4096 bytes");
  NestedAccessOutcome outcome;
  const VirtAddr first = guest.linear(va);
  const VirtAddr last = guest.linear(va + (bytes - 1));
  if (!guest.canonical(first) || !guest.canonical(last)) {
    outcome.fault = FaultReason::kNonCanonical;
    outcome.fault_va = first;
    return outcome;
  }
  PureNestedPort port(memory);
  NestedWalk walk(guest, nested, port);
  const auto translated = [&](VirtAddr at, NestedOutcome& page) {
    page = walk.translate(at, access);
    outcome.entry_reads = port.reads();
    outcome.fault = page.fault;
    outcome.fault_va = at;
    outcome.exit = page.exit;
    return page.ok();
  };
  if (!translated(first, outcome.first)) return outcome;
  const VirtAddr second = last.align_down(kPageBytes);
  if (second != first.align_down(kPageBytes)) translated(second, outcome.second.emplace());
  return outcome;
}

}  // namespace mmusim
