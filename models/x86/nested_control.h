// SPDX-License-Identifier: MIT
#pragma once

// The nested dimension: what EPT and NPT entries look like and what selects their rules.
// Sources: Intel SDM vol. 3C chapter 28 (28.2 for the formats), AMD APM vol. 2 15.25; rules [N-1] to [N-65] of
// nested-paging.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "models/base/types.h"
#include "models/x86/control.h"
#include "models/x86/memory_type.h"

namespace mmusim {

/// An address that the guest calls physical. What nested tables hold is a PhysAddr: a host-physical one.
using GuestPhysAddr = Address<struct GuestPhysSpace>;

enum class NestedKind : uint8_t { kEpt, kNpt };
const char* name_of(NestedKind kind);  ///< "EPT", "NPT"

/// Bits of an EPT entry (SDM vol. 3C tables 28-1 to 28-6). NPT entries have the ordinary format (pte::).
namespace ept {
inline constexpr uint64_t kRead = uint64_t{1} << 0;
inline constexpr uint64_t kWrite = uint64_t{1} << 1;
inline constexpr uint64_t kExecute = uint64_t{1} << 2;  ///< of supervisor-mode addresses only, under MBEC
inline constexpr uint64_t kIgnorePat = uint64_t{1} << 6;
inline constexpr uint64_t kLargePage = uint64_t{1} << 7;
inline constexpr uint64_t kAccessed = uint64_t{1} << 8;
inline constexpr uint64_t kDirty = uint64_t{1} << 9;
inline constexpr uint64_t kUserExecute = uint64_t{1} << 10;  ///< with MBEC
inline constexpr uint64_t kShadowStack = uint64_t{1} << 60;  ///< SSS
inline constexpr unsigned kTypeShift = 3;                    ///< memory type of a leaf, bits 5:3

// EPTP, VMCS field 201AH.
inline constexpr uint64_t kPointerWriteBack = 6;
inline constexpr uint64_t kPointer4Levels = uint64_t{3} << 3;
inline constexpr uint64_t kPointer5Levels = uint64_t{4} << 3;
inline constexpr uint64_t kPointerAccessedDirty = uint64_t{1} << 6;
inline constexpr uint64_t kPointerShadowStack = uint64_t{1} << 7;
}  // namespace ept

/// Use that a GPA is translated for. It decides which rights the sub-walk needs, which flags it sets ([N-19] to [N-24],
/// [N-53], [N-54]) and how a failure is reported.
enum class NestedUse : uint8_t {
  kEntryRead,    ///< reads a guest paging-structure entry
  kEntryUpdate,  ///< sets accessed or dirty flags in one
  kPdpteLoad,    ///< MOV to CR3 reads the PDPTEs of a PAE guest (EPT)
  kFinalRead,    ///< the access itself
  kFinalWrite,
  kFinalUserFetch,  ///< a fetch from a user-mode address (U/S=1 in all guest entries; without paging all are)
  kFinalSupervisorFetch,
};
inline constexpr unsigned kNestedUses = 7;
constexpr bool is_final(NestedUse use) { return use >= NestedUse::kFinalRead; }
constexpr bool is_fetch(NestedUse use) { return use >= NestedUse::kFinalUserFetch; }
/// The use of the final sub-walk of an access to an address whose guest entries allow `rights` together.
constexpr NestedUse final_use(AccessType access, Rights rights) {
  if (access.is_fetch()) return rights.user() ? NestedUse::kFinalUserFetch : NestedUse::kFinalSupervisorFetch;
  return access.is_write() ? NestedUse::kFinalWrite : NestedUse::kFinalRead;
}

/// Registers that select the nested tables and their rules.
struct NestedRegisters {
  NestedKind kind = NestedKind::kEpt;
  /// EPTP (VMCS 201AH) or nCR3 (VMCB B0H).
  uint64_t root = ept::kPointerWriteBack | ept::kPointer4Levels;
  bool gib_pages = true;  ///< 1-GByte leaves: capability MSR 48CH bit 17; CPUID 80000001H:EDX[26]

  // EPT only.
  bool mode_based_execute = false;   ///< MBEC, secondary control 22
  bool execute_only = true;          ///< capability bit 0
  bool advanced_information = true;  ///< capability bit 22: qualification bits 9 to 11

  // NPT only: host registers at VMRUN.
  uint64_t host_cr4 = kCr4Pae;  ///< LA57: 5 levels; SMEP: bit 4 of EXITINFO1
  uint64_t host_efer = kEferLme | kEferLma | kEferNxe;
  uint64_t host_pat = kPatAtReset;

  uint64_t guest_pat = kPatAtReset;  ///< the guest's IA32_PAT, or G_PAT of the VMCB
  bool operator==(const NestedRegisters&) const = default;
};

/// Why VM entry would refuse these registers, or mmusim does: a sentence naming the register; nullopt for good ones.
/// `phys_bits` is the processor's MAXPHYADDR.
std::optional<std::string> contradiction(const NestedRegisters& registers, unsigned phys_bits);

/// Registers decoded once, so that a step of a sub-walk is a few loads and masks. Takes any registers that
/// contradiction() lets pass.
class NestedControl {
 public:
  using LevelRules = ControlState::LevelRules;

  NestedControl() : NestedControl(NestedRegisters{}, ProcessorTraits{}) {}
  /// `traits`: MAXPHYADDR is the only thing that counts.
  NestedControl(const NestedRegisters& registers, const ProcessorTraits& traits);

  const NestedRegisters& registers() const { return registers_; }
  bool is_ept() const { return registers_.kind == NestedKind::kEpt; }
  unsigned levels() const { return levels_; }
  PhysAddr root() const { return root_; }
  const LevelRules& rules(unsigned level) const { return rules_[level]; }
  /// True if a GPA has bits that no table of this depth translates.
  bool beyond_width(GuestPhysAddr gpa) const { return width_ < 64 && gpa.raw() >> width_ != 0; }
  PhysAddr entry_pa(PhysAddr table, GuestPhysAddr gpa, unsigned level) const {
    return table + ((gpa.raw() >> rules_[level].shift & (kEntriesPerTable - 1)) << 3);
  }

  /// Bits of which one makes an entry present.
  uint64_t present_mask() const { return present_; }
  /// Bits that forbid where they are 1 and that are turned around before entries are ANDed: XD of NPT.
  uint64_t inverted() const { return inverted_; }
  uint64_t accessed_bit() const { return accessed_; }  ///< 0 where the nested dimension has no A and D
  uint64_t dirty_bit() const { return dirty_; }
  bool accessed_dirty() const { return accessed_ != 0; }
  /// Bits that the AND of all entries must have for this use.
  uint64_t need(NestedUse use) const { return need_[static_cast<unsigned>(use)]; }
  /// True if the use sets D in the leaf and is reported as a write.
  bool counts_as_write(NestedUse use) const { return (writes_ >> static_cast<unsigned>(use) & 1) != 0; }

  /// True if R, W, X and XU of a present EPT entry are a combination that is misconfigured ([N-13] a and b).
  bool bad_rights(uint64_t entry) const {
    const auto row = static_cast<unsigned>((entry & 7) | (entry >> 7 & 8));
    return (bad_rights_ >> row & 1) != 0;
  }
  /// True if the memory type of an EPT leaf is none ([N-13] d).
  bool bad_type(uint64_t leaf) const { return (bad_types_ >> (leaf >> ept::kTypeShift & 7) & 1) != 0; }

 private:
  void decode_ept(unsigned phys_bits);
  void decode_npt(const ProcessorTraits& traits);

  std::array<LevelRules, kMaxLevels + 1> rules_ = {};
  std::array<uint64_t, kNestedUses> need_ = {};
  uint64_t present_ = 0, inverted_ = 0, accessed_ = 0, dirty_ = 0;
  PhysAddr root_;
  uint16_t bad_rights_ = 0;
  uint8_t bad_types_ = 0;
  uint8_t writes_ = 0;  // bit n: use n
  uint8_t levels_ = 4;
  uint8_t width_ = 48;
  NestedRegisters registers_;
};

}  // namespace mmusim
