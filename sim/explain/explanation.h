// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/base/records.h"
#include "models/x86/fault.h"
#include "models/x86/memory_type.h"
#include "models/x86/nested_fault.h"
#include "models/x86/walk.h"

namespace mmusim {

/// The place from which a walk of the explained access got one entry.
struct EntrySource {
  enum class Kind : uint8_t {
    kNotAsked,        ///< a TLB answered, or a paging-structure cache answered below
    kStructureCache,  ///< a paging-structure cache held what this entry says
    kRead,
  };
  Kind kind = Kind::kNotAsked;
  HitLevel hit = HitLevel::kL1;  ///< kRead
  Cycles cycles{};               ///< kRead
};

/// The kernel code that gave an entry its value.
struct EntryWriter {
  const char* function = "";  ///< static storage
  CycleTime cycle;            ///< of the simulation
  unsigned core = 0;
};

/// One entry on the way.
struct EntryExplanation {
  Walk::Step step;
  unsigned index = 0;
  bool leaf = false;
  PhysAddr target;                ///< of the table or page it points to
  uint64_t reserved = 0;          ///< reserved bits that are set
  std::optional<uint64_t> after;  ///< its value after the access, where that differs
  EntrySource source;
  std::optional<EntryWriter> writer;  ///< missing: of an image, or tables that were there before the scenario
};

/// One entry of the nested tables on the way.
struct NestedEntryExplanation {
  uint8_t level = 0;
  PhysAddr pa;  ///< host-physical
  uint64_t value = 0;
  EntrySource source;
};

/// The sub-walk for one guest-physical address: of a guest entry, or of the data.
struct SubWalkExplanation {
  GuestPhysAddr gpa;
  bool final = false;
  unsigned guest_level = 0;  ///< of the guest entry
  std::vector<NestedEntryExplanation> entries;
  PhysAddr host;
  PageSize size = PageSize::k4K;
};

/// The part of an access within one page.
struct PageExplanation {
  VirtAddr va;
  std::vector<unsigned> indices;  ///< top level first, down to the leaf; to the bottom if there is none
  std::vector<EntryExplanation> entries;
  std::optional<Translation> translation;  ///< there if the walk found a page, allowed or not
  MemoryType memory_type = MemoryType::kWriteBack;
  std::optional<FaultReason> fault;
  unsigned fault_level = 0;                ///< of the entry that stopped the walk; 0 otherwise
  std::vector<SubWalkExplanation> nested;  ///< of a guest
  std::optional<NestedExit> exit;          ///< of a guest, if the nested tables stop it
  std::optional<PhysAddr> host_pa;         ///< of a guest, if nothing does
  std::vector<unsigned> restrictions;      ///< levels of the entries that withhold the right that is missing
};

/// One access as the machine carried it out.
struct TimedAccess {
  AccessRecord record;
  std::vector<WalkRecord> walks;
  std::optional<FaultReason> fault;
};

/// The object that Linux keeps at the address.
struct KernelView {
  std::string region;  ///< "vmemmap", "direct map", ...
  struct StructPage {
    Pfn pfn;                       ///< of the page it describes
    unsigned offset = 0;           ///< of the address within the struct page
    std::string field;             ///< the field there; empty if not known
    uint64_t section = 0;          ///< 128 MiB section of the page it describes
    bool memory = false;           ///< whether there is memory at that page
    std::optional<unsigned> node;  ///< empty: no memory, or not known
  };
  std::optional<StructPage> struct_page;
};

/// One access told step by step.
struct Explanation {
  VirtAddr va;
  unsigned bytes = 0;
  AccessType access;
  ControlState control;
  std::vector<PageExplanation> pages;  ///< one, or two if it crosses; none if the address is not canonical
  std::optional<FaultReason> fault;    ///< of the whole access
  VirtAddr fault_va;
  std::optional<Exception> exception;
  PhysAddr pa;                       ///< of the first byte, without a fault; guest-physical in a guest
  std::optional<TimedAccess> first;  ///< as the caches were
  std::optional<TimedAccess> again;  ///< the same access once more
  std::optional<KernelView> kernel;
};

/// Walks the tables in `memory` for an access; stores nothing. Timing is added by add_timing().
Explanation explain_access(const ControlState& control, const MemoryTypes& types, PhysMem& memory, VirtAddr va,
                           unsigned bytes, AccessType access);

enum class Colour : uint8_t { kOff, kOn };
/// Whose words for entries and their bits.
enum class Names : uint8_t {
  kIntel,  ///< the processor manual's: PML4E, PDE, R/W, XD
  kLinux,  ///< the kernel's: pgd, pmd, RW, NX
};
/// For a person: a few lines of text, of 100 columns at most.
std::string explanation_text(const Explanation& e, Colour colour, Names names = Names::kIntel);
/// One JSON object on one line; numbers of addresses and entries as hex strings.
std::string explanation_json(const Explanation& e);

}  // namespace mmusim
