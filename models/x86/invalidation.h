// SPDX-License-Identifier: MIT
#pragma once

// Entries that each operation must remove from TLBs and paging-structure caches, as data: SDM vol. 3A 4.10.4.1 and the
// INVLPG and INVPCID pages of vol. 2; APM vol. 2 5.5.3 where AMD demands more. Each descriptor names the least
// that must go: everything else may stay, so that software's missing invalidations show.

#include <cstdint>
#include <optional>

#include "models/base/types.h"
#include "models/x86/control.h"

namespace mmusim {

enum class InvalidationScope : uint8_t {
  kNothing,
  kAddress,       ///< what `va` uses, in one PCID
  kAddressOfAll,  ///< what `va` uses, in every PCID
  kPcid,          ///< one PCID
  kAll,           ///< every PCID
};

constexpr bool names_address(InvalidationScope scope) {
  return scope == InvalidationScope::kAddress || scope == InvalidationScope::kAddressOfAll;
}
constexpr bool names_pcid(InvalidationScope scope) {
  return scope == InvalidationScope::kAddress || scope == InvalidationScope::kPcid;
}

struct Invalidation {
  InvalidationScope tlb = InvalidationScope::kNothing;
  /// True if global translations go too. They belong to no PCID: with an address those for `va`, else all of them.
  bool globals = false;
  InvalidationScope structures = InvalidationScope::kNothing;  ///< paging-structure caches (never global)
  uint16_t pcid = 0;                                           ///< for kAddress and kPcid
  VirtAddr va;                                                 ///< for kAddress and kAddressOfAll
  uint16_t global_space = SpaceTag::kFirstGlobal;              ///< of the global translations that go, where `globals`
  /// Where guests share a core: the only spaces that lose anything, in place of `pcid` and `global_space`
  /// (GuestSpaces::confine).
  const SpaceSet* spaces = nullptr;

  bool nothing() const { return tlb == InvalidationScope::kNothing && structures == InvalidationScope::kNothing; }
  bool operator==(const Invalidation&) const = default;
};

/// True if a TLB entry must go. `space` is the number it is kept under (SpaceTag), `page` an address of the page, `shift`
/// the lowest linear-address bit above the *mapping* it came from: an entry that holds a fragment of a large page goes
/// with any address of that page.
inline bool removes_translation(const Invalidation& what, uint16_t space, bool global, VirtAddr page, unsigned shift) {
  if (what.tlb == InvalidationScope::kNothing || (global && !what.globals)) return false;
  if (what.spaces != nullptr) {
    if (!what.spaces->test(space)) return false;
  } else if (global ? space != what.global_space : names_pcid(what.tlb) && space != what.pcid) {
    return false;
  }
  return !names_address(what.tlb) || (page.raw() ^ what.va.raw()) >> shift == 0;
}
inline bool removes_translation(const Invalidation& what, uint16_t space, bool global, VirtAddr page, PageSize size) {
  return removes_translation(what, space, global, page, shift_of(size));
}

/// True if a paging-structure-cache entry must go. `covered` is an address it is used for, `shift` the lowest
/// linear-address bit of its tag (21, 30, 39, 48; 22 in 32-bit paging).
inline bool removes_structure(const Invalidation& what, uint16_t space, VirtAddr covered, unsigned shift) {
  if (what.structures == InvalidationScope::kNothing) return false;
  if (what.spaces != nullptr ? !what.spaces->test(space) : names_pcid(what.structures) && space != what.pcid)
    return false;
  return !names_address(what.structures) || (covered.raw() ^ what.va.raw()) >> shift == 0;
}

// Each function takes the state before the operation.

/// MOV to CR3 of `source`, bit 63 included (with CR4.PCIDE=1 it keeps everything). Also a task switch.
Invalidation on_mov_cr3(const ControlState& before, uint64_t source);
/// MOV to CR4: PGE either way and PCIDE 1 to 0 remove everything; PAE, and SMEP 0 to 1, the current PCID and globals.
Invalidation on_mov_cr4(const ControlState& before, uint64_t cr4);
/// MOV to CR0: PG 1 to 0 removes everything. WP needs nothing.
Invalidation on_mov_cr0(const ControlState& before, uint64_t cr0);
/// WRMSR EFER: a change of NXE removes everything (the architecture leaves it to software; entries cached under the
/// other meaning of bit 63 must not live on here).
Invalidation on_write_efer(const ControlState& before, uint64_t efer);
/// INVLPG: nothing for a non-canonical address. AMD's EFER.TCE narrows what leaves the paging-structure caches.
Invalidation on_invlpg(const ControlState& control, VirtAddr va);
/// INVPCID of `type` with the two words of its descriptor; nullopt where it raises #GP(0): type above 3, reserved
/// descriptor bits, a non-canonical address (type 0), a PCID other than 0 with CR4.PCIDE=0 (types 0 and 1).
std::optional<Invalidation> on_invpcid(const ControlState& control, uint64_t type, uint64_t descriptor_pcid,
                                       VirtAddr descriptor_va);
/// A page fault at `va` drops what was cached for that page, under the tag of the running address space.
Invalidation on_page_fault(const ControlState& control, VirtAddr va);

}  // namespace mmusim
