// SPDX-License-Identifier: MIT
#pragma once

// Entries that operations of the hypervisor must remove from one core: nested-paging [N-72], [N-78] to [N-81]. What
// stands in "combined" goes from TLBs and the guest's paging-structure caches. Guest operations (INVLPG, MOV CR3, ...) are
// those of invalidation.h, act on the guest's own VPID or ASID, and leave guest-physical mappings alone.

#include <cstdint>
#include <optional>

#include "models/x86/invalidation.h"

namespace mmusim {

/// A guest as the tags of its cached mappings name it.
struct GuestTag {
  uint16_t vpid = 0;    ///< VPID or ASID; 0 of guests without tags
  uint64_t tables = 0;  ///< EP4TA: address of the root of its nested tables; of AMD's guests 0, the ASID says it
  bool operator==(const GuestTag&) const = default;
};

/// The guests whose mappings an operation removes.
struct GuestScope {
  enum class Kind : uint8_t {
    kAll,
    kTagged,  ///< every VPID but 0
    kVpid,    ///< one VPID or ASID, whatever the nested tables
    kTables,  ///< one EP4TA, whatever the VPID
  };
  Kind kind = Kind::kAll;
  uint16_t vpid = 0;
  uint64_t tables = 0;

  static constexpr GuestScope of_vpid(uint16_t vpid) { return {Kind::kVpid, vpid, 0}; }
  static constexpr GuestScope of_tables(uint64_t tables) { return {Kind::kTables, 0, tables}; }
  constexpr bool covers(const GuestTag& guest) const {
    switch (kind) {
      case Kind::kAll:
        return true;
      case Kind::kTagged:
        return guest.vpid != 0;
      case Kind::kVpid:
        return guest.vpid == vpid;
      case Kind::kTables:
        return guest.tables == tables;
    }
    return false;
  }
};

struct NestedInvalidation {
  Invalidation combined;
  bool guest_physical = false;  ///< the guests' entries leave the nested TLB and the nested structure caches
  GuestScope guests = {};
};

namespace nested_invalidation {
inline constexpr Invalidation kAllCombined{InvalidationScope::kAll, true, InvalidationScope::kAll, 0, VirtAddr()};
inline constexpr Invalidation kNotGlobal{InvalidationScope::kAll, false, InvalidationScope::kAll, 0, VirtAddr()};
}  // namespace nested_invalidation

/// INVEPT of all EPTPs (type 2): combined and guest-physical mappings.
constexpr NestedInvalidation on_invept() { return {nested_invalidation::kAllCombined, true}; }
/// INVEPT of one EPTP (type 1): those of its EP4TA, of every VPID.
constexpr NestedInvalidation on_invept(uint64_t eptp) {
  return {nested_invalidation::kAllCombined, true, GuestScope::of_tables(eptp & pte::kAddressMask)};
}
/// INVVPID of all VPIDs but 0 (type 2): combined mappings of every PCID; with `keep_globals` (type 3, which names one
/// VPID) not the global ones. Never guest-physical ones.
constexpr NestedInvalidation on_invvpid(bool keep_globals) {
  return {keep_globals ? nested_invalidation::kNotGlobal : nested_invalidation::kAllCombined, false,
          GuestScope{GuestScope::Kind::kTagged, 0, 0}};
}
/// INVVPID of one VPID (types 1 and 3), of every EP4TA.
constexpr NestedInvalidation on_invvpid(uint16_t vpid, bool keep_globals) {
  NestedInvalidation what = on_invvpid(keep_globals);
  what.guests = GuestScope::of_vpid(vpid);
  return what;
}
/// INVVPID of one address (type 0), and AMD's INVLPGA: combined mappings of `va` in every PCID, global ones too. As with
/// INVLPG, the structure caches lose what `va` uses.
constexpr NestedInvalidation on_invvpid_address(uint16_t vpid, VirtAddr va) {
  return {{InvalidationScope::kAddressOfAll, true, InvalidationScope::kAddressOfAll, 0, va},
          false,
          GuestScope::of_vpid(vpid)};
}
/// VM entry or exit: with VPIDs or ASIDs nothing; without them the combined mappings of VPID 0.
constexpr NestedInvalidation on_vm_transition(bool tagged) {
  return tagged ? NestedInvalidation{}
                : NestedInvalidation{nested_invalidation::kAllCombined, false, GuestScope::of_vpid(0)};
}
/// VMRUN with TLB_CONTROL of the VMCB ([N-78]): 0 nothing, 1 everything of all ASIDs, 3 this ASID, 7 this ASID without its
/// global translations. Nullopt for values that are reserved. Nested mappings belong to the ASID ([N-77]).
constexpr std::optional<NestedInvalidation> on_tlb_control(uint8_t control, uint16_t asid) {
  switch (control) {
    case 0:
      return NestedInvalidation{};
    case 1:
      return NestedInvalidation{nested_invalidation::kAllCombined, true};
    case 3:
      return NestedInvalidation{nested_invalidation::kAllCombined, true, GuestScope::of_vpid(asid)};
    case 7:
      return NestedInvalidation{nested_invalidation::kNotGlobal, true, GuestScope::of_vpid(asid)};
    default:
      return std::nullopt;
  }
}

/// The instructions with their operands as the processor takes them. Nullopt where they fail ([N-73]): INVVPID for a type
/// above 3, VPID 0 in types 0, 1 and 3, bits 63:16 of the descriptor's first word, a non-canonical address in type 0; INVEPT
/// for a type that is neither 1 nor 2, and in type 1 for an EPTP that VM entry would refuse.
std::optional<NestedInvalidation> invvpid(uint64_t type, uint64_t descriptor_vpid, VirtAddr descriptor_va,
                                          const ControlState& control);
std::optional<NestedInvalidation> invept(uint64_t type, uint64_t descriptor_eptp, unsigned phys_bits);

}  // namespace mmusim
