// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/x86/control.h"
#include "models/x86/nested_control.h"
#include "models/x86/translate.h"

namespace mmusim {

/// The processor that a case means when its line does not say one.
struct CaseDefaults {
  std::optional<ProcessorTraits> traits;  ///< none: each case must name `maxpa` and `g1`
  /// Registers of a machine whose tables are in `tables`: cases may leave out cr0, cr3, cr4, efer and mem.
  std::optional<ControlRegisters> registers;
  const PhysMem* tables = nullptr;  ///< outlives what is made with it
};

/// One entry of a case's memory.
struct ListedEntry {
  PhysAddr pa;
  uint64_t value = 0;
  unsigned bytes = kEntryBytes;  ///< 4 in 32-bit paging
};

/// The memory of one case: the listed entries, everything else zero, or as in the tables of a machine, which no case
/// changes. Stores to addresses that are in neither cannot happen, since only present entries are updated.
class ListedMemory {
 public:
  explicit ListedMemory(const PhysMem* tables = nullptr) : tables_(tables) {}

  void clear() {
    entries_.clear();
    stored_.clear();
    guest_entries_ = 0;
  }
  void add(PhysAddr pa, uint64_t value, unsigned bytes = kEntryBytes) { entries_.push_back({pa, value, bytes}); }
  /// The first `count` entries are the guest's, the others nested ones.
  void first_are_guest_entries(size_t count) { guest_entries_ = count; }
  /// Call once all entries are there: nullopt, or an address that is listed twice.
  std::optional<PhysAddr> index();

  uint64_t load_entry(PhysAddr pa, unsigned bytes) const;
  void store_entry(PhysAddr pa, uint64_t value, unsigned bytes);
  std::span<const ListedEntry> entries() const { return entries_; }
  std::span<const ListedEntry> guest_entries() const { return entries().first(guest_entries_); }
  std::span<const ListedEntry> nested_entries() const { return entries().subspan(guest_entries_); }

 private:
  static constexpr size_t kScanned = 16;  // up to that many a scan is faster than a search
  const ListedEntry* find(PhysAddr pa) const;
  uint64_t load_from_tables(PhysAddr pa, unsigned bytes) const;

  const PhysMem* tables_;
  std::vector<std::pair<PhysAddr, uint64_t>> stored_;  // entries of the tables that the case changed
  std::vector<ListedEntry> entries_;
  size_t guest_entries_ = 0;
  std::vector<std::pair<PhysAddr, size_t>> sorted_;
};

/// One line of input, understood. The keys: docs/page-walk-cases.md.
struct WalkCase {
  std::string_view id;  ///< points into the parser's document
  ProcessorTraits traits;
  ControlRegisters registers;
  AccessType access;
  VirtAddr va;
  unsigned bytes = 0;
  bool is_nested = false;  ///< the registers are a guest's, `nested` counts, see nested_case.h
  NestedRegisters nested;
};

/// Runs one case against its memory. A PAE case loads its PDPTE registers first, which may end it with #GP.
struct CaseResult {
  std::optional<Exception> exception;
  PhysAddr pa;
  std::optional<PhysAddr> pa2;
};
CaseResult run_case(const WalkCase& c, ListedMemory& memory);

/// Appends `{"id":...,"out":...}` and a newline.
void append_result(const WalkCase& c, const CaseResult& result, const ListedMemory& memory, std::string& out);
/// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string_view text, std::string& out);
/// Appends `,"key":"value in hex"`.
void append_hex_member(std::string_view key, uint64_t value, std::string& out);
/// Appends `,"key":["value in hex",...]`.
void append_values(std::string_view key, std::span<const ListedEntry> entries, std::string& out);
/// Appends `{"id":...,"out":"..."`.
void append_outcome(const WalkCase& c, std::string_view outcome, std::string& out);
/// "ss", "gp" or "pf".
std::string_view outcome_name(const Exception& exception);

}  // namespace mmusim
