// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/phys_mem.h"
#include "models/base/types.h"
#include "models/x86/walk.h"

namespace mmusim {

/// Memory that holds entries: load and store of 4 or 8 aligned bytes.
template <class M>
concept EntryMemory = requires(M& memory, PhysAddr pa, uint64_t value, unsigned bytes) {
  { memory.load_entry(pa, bytes) } -> std::convertible_to<uint64_t>;
  memory.store_entry(pa, value, bytes);
};

/// PhysMem as an EntryMemory.
struct PhysMemEntries {
  PhysMem& memory;
  uint64_t load_entry(PhysAddr pa, unsigned bytes) const {
    return bytes == 8 ? memory.load64(pa) : memory.load(pa, bytes);
  }
  void store_entry(PhysAddr pa, uint64_t value, unsigned bytes) { memory.store(pa, value, bytes); }
};

/// Outcome of one translation of one page.
struct PageOutcome {
  std::optional<FaultReason> fault;
  Translation translation;  ///< meaningful without a fault
  unsigned level = 0;       ///< of the leaf, or of the entry that faulted; 0 if no entry is to blame
  unsigned entry_reads = 0;
};

/// Walks from the root, checks rights, and stores A and D if (and only if) the access is allowed.
template <EntryMemory M>
PageOutcome translate_page(const ControlState& control, VirtAddr va, AccessType access, M&& memory) {
  const unsigned bytes = control.entry_bytes();
  Walk walk(control, va);
  while (!walk.done()) walk.feed(memory.load_entry(walk.entry_pa(), bytes));
  PageOutcome outcome{walk.fault(), walk.translation(), walk.level(), static_cast<unsigned>(walk.steps().size())};
  if (!outcome.fault) outcome.fault = check_rights(control, outcome.translation, access);
  if (outcome.fault || !walk.needs_update(access)) return outcome;
  for (const Walk::Step& step : walk.steps()) {
    if (const auto value = walk.updated(step, access)) memory.store_entry(step.entry_pa, *value, bytes);
  }
  if (access.is_write()) outcome.translation.set_dirty();
  return outcome;
}

/// Outcome of one access.
struct Outcome {
  std::optional<FaultReason> fault;
  VirtAddr fault_va;            ///< with a fault: the byte that CR2 would name
  unsigned fault_level = 0;     ///< of the entry to blame; 0 for a non-canonical address
  PhysAddr pa;                  ///< of the first byte
  std::optional<PhysAddr> pa2;  ///< of the first byte in the second 4 KiB page, if the access reaches it
  unsigned entry_reads = 0;
};

/// A whole access of 1 to 4096 bytes with cold caches: canonical check of first and last byte, then the lower page
/// completely, then the upper one. A fault on the second page leaves the A and D of the first.
template <EntryMemory M>
Outcome translate(const ControlState& control, VirtAddr va, unsigned bytes, AccessType access, M&& memory) {
  MMUSIM_INVARIANT(bytes >= 1 && bytes <= kPageBytes, "access of 1 to 4096 bytes");
  Outcome outcome;
  const VirtAddr first = control.linear(va);
  const VirtAddr last = control.linear(va + (bytes - 1));
  const auto stopped = [&](FaultReason reason, VirtAddr at, unsigned level) {
    outcome.fault = reason;
    outcome.fault_va = at;
    outcome.fault_level = level;
    return outcome;
  };
  if (!control.canonical(first) || !control.canonical(last)) return stopped(FaultReason::kNonCanonical, first, 0);
  const PageOutcome low = translate_page(control, first, access, memory);
  outcome.entry_reads = low.entry_reads;
  if (low.fault) return stopped(*low.fault, first, low.level);
  outcome.pa = low.translation.address(first);
  const VirtAddr second = last.align_down(kPageBytes);
  if (second == first.align_down(kPageBytes)) return outcome;
  const PageOutcome high = translate_page(control, second, access, memory);
  outcome.entry_reads += high.entry_reads;
  if (high.fault) return stopped(*high.fault, second, high.level);
  outcome.pa2 = high.translation.address(second);
  return outcome;
}

/// The PAE PDPTE registers as MOV to CR3 loads them from the table at CR3[31:5]; nullopt if one of them is present with
/// a reserved bit set, which raises #GP(0) and leaves the registers as they were.
template <EntryMemory M>
std::optional<std::array<uint64_t, 4>> load_pdptes(uint64_t cr3, const ProcessorTraits& traits, M&& memory) {
  std::array<uint64_t, 4> pdptes{};
  const PhysAddr table(cr3 & 0xffff'ffe0);
  for (unsigned i = 0; i < pdptes.size(); ++i) {
    pdptes[i] = memory.load_entry(table + i * kEntryBytes, kEntryBytes);
    if ((pdptes[i] & pte::kPresent) != 0 && (pdptes[i] & pdpte_reserved_bits(traits.phys_bits)) != 0)
      return std::nullopt;
  }
  return pdptes;
}

/// The state after MOV to CR3 of `source`: in PAE mode the PDPTEs are loaded. nullopt where it raises #GP(0) and
/// nothing changes: reserved bits in `source` or in a present PDPTE (SDM vol. 3A 4.4.1).
template <class M>
std::optional<ControlState> load_cr3(const ControlState& before, uint64_t source, M&& memory) {
  if (!cr3_is_valid(before, source)) return std::nullopt;
  ControlState after = before;
  after.set_cr3(source);
  if (after.mode() == PagingMode::kPae) {
    const auto pdptes = load_pdptes(source, after.traits(), memory);
    if (!pdptes) return std::nullopt;
    after.set_pdptes(*pdptes);
  }
  return after;
}

}  // namespace mmusim
