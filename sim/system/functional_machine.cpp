// SPDX-License-Identifier: MIT
#include "sim/system/functional_machine.h"

#include "models/walker/walk_procedure.h"

namespace mmusim {

/// Entries straight from memory.
class FunctionalMachine::EntryPort {
 public:
  explicit EntryPort(FunctionalMachine& machine)
      : next_page(machine.next_page_), coalescing(machine.coalescing_), machine_(machine) {}

  void looked_up() {}
  uint64_t read(const Walk& walk) {
    ++machine_.entry_reads_;
    return walk.entry_bytes() == sizeof(uint64_t) ? machine_.memory_.load64(walk.entry_pa())
                                                  : machine_.memory_.load(walk.entry_pa(), walk.entry_bytes());
  }
  bool update(PhysAddr pa, uint64_t, uint64_t to) {
    machine_.memory_.store(pa, to, machine_.control_.entry_bytes());
    return true;
  }
  uint64_t peek(PhysAddr pa) const { return machine_.memory_.load64(pa); }

  const bool next_page;
  const bool coalescing;

 private:
  FunctionalMachine& machine_;
};

FunctionalMachine::FunctionalMachine(const PlatformConfig& platform)
    : first_level_(platform.lsu.tlbs),
      second_level_(platform.second_level),
      structure_caches_(platform.walker.structure_caches, &second_level_.data()),
      next_page_(platform.walker.next_page_prefetch),
      coalescing_(platform.walker.coalescing) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  control_ = ControlState(registers, platform.processor);
}

void FunctionalMachine::set_control(const ControlState& control) {
  control_ = control;
  first_level_.forget();
}

void FunctionalMachine::execute(std::span<const MemAccess> accesses) {
  for (const MemAccess& access : accesses) {
    const PageMemos::Memo* memo = first_level_.recall(access);
    if (memo != nullptr && (access.va.raw() & (kPageBytes - 1)) + access.bytes <= kPageBytes) [[likely]] {
      memo->array->touch(memo->slot);
      ++recalled_[PageMemos::kind_of(access)];
    } else {
      access_slow(access);
    }
  }
}

AccessResult FunctionalMachine::access(const MemAccess& access) { return access_slow(access); }

AccessResult FunctionalMachine::access_slow(const MemAccess& access) {
  const AccessType type = access_type_of(access);
  ++accesses_[static_cast<unsigned>(type.kind)];
  const VirtAddr last = access.va + (access.bytes - 1U);
  if (!control_.canonical(access.va) || !control_.canonical(last)) {
    ++faults_;
    return {{}, FaultReason::kNonCanonical};
  }
  AccessResult result;
  const uint64_t to_boundary = kPageBytes - (access.va.raw() & (kPageBytes - 1));
  for (uint64_t offset = 0; offset < access.bytes; offset += to_boundary) {  // at most two pages
    const VirtAddr va = offset == 0 ? access.va : control_.linear(access.va + offset);
    const PageAnswer answer = first_level_.translate(
        va, type, control_, types_, [&](bool in_first_level) { return second_level(va, type, in_first_level); });
    if (answer.fault) {
      ++faults_;
      result.fault = answer.fault;
      return result;
    }
    if (offset == 0) result.pa = answer.translation.address(control_.linear(va));
    if (offset != 0) break;
  }
  return result;
}

PageAnswer FunctionalMachine::second_level(VirtAddr va, AccessType type, bool in_first_level) {
  const TranslateRequest request{va, type, WalkCause::kLoad, 0, in_first_level};
  if (const auto found = second_level_.lookup(request, control_)) {
    return {found->translation, std::nullopt, found->kind == EntryKind::k16K, false, true};
  }
  if (mapper_ != nullptr) mapper_->ensure_mapped(va);
  EntryPort port(*this);
  const WalkOutcome outcome = perform_walk(structure_caches_, control_, va, type, port);
  ++walks_;
  if (outcome.start_level < walks_by_start_.size()) ++walks_by_start_[outcome.start_level];
  if (outcome.fault) {
    second_level_.invalidate(on_page_fault(control_, va));
  } else {
    second_level_.fill(request, control_, outcome);
  }
  return {outcome.translation, outcome.fault, outcome.coalescible, false, false};
}

unsigned FunctionalMachine::invalidate(const Invalidation& operation) {
  return first_level_.invalidate(operation) + second_level_.invalidate(operation) +
         structure_caches_.invalidate(control_, operation);
}

void FunctionalMachine::write_cr3(uint64_t value) {
  invalidate(on_mov_cr3(control_, value));
  control_.set_cr3(value);
  first_level_.forget();
}

MachineTotals FunctionalMachine::totals() const {
  MachineTotals t;
  for (const AccessKind kind : {AccessKind::kRead, AccessKind::kWrite}) {
    const auto k = static_cast<unsigned>(kind);
    t.accesses += accesses_[k] + recalled_[k];
    t.lookups += first_level_.stats().lookups[k] + recalled_[k];
    t.l1_dtlb_misses += first_level_.stats().misses[k];
  }
  t.stlb_misses = second_level_.stats().misses;
  t.walks = walks_;
  t.entry_reads = entry_reads_;
  return t;
}

}  // namespace mmusim
