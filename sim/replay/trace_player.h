// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "sim/machine/target.h"
#include "sim/replay/address_space.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

/// Says if recorded removals of cached translations (MOV to control registers, INVLPG, INVPCID) are carried out.
enum class FlushPolicy : uint8_t {
  kAuto,  ///< with given tables; else once the trace has told something about its address space: a translation, a
          ///< process, an entry, a root
  kAll,
  kNone,
};

/// Counts of a played trace beside its accesses.
struct PlayerStats {
  uint64_t translations = 0;          ///< recorded translations put into the page tables
  uint64_t changed_translations = 0;  ///< of these, those that replaced another one; the page was invalidated
  uint64_t ignored_translations =
      0;  ///< recorded translations and entries that had no place: other page sizes, given tables
  uint64_t checked_translations = 0;    ///< recorded translations compared with where the next access went
  uint64_t translation_mismatches = 0;  ///< of these, those that went elsewhere or faulted
  uint64_t flushes = 0;                 ///< recorded removals of cached translations that were carried out
  uint64_t ignored_flushes = 0;         ///< and those that were not
  uint64_t process_switches = 0;        ///< changes to another recorded process or root table
  uint64_t guest_switches = 0;          ///< changes to another guest
  uint64_t refused_cr3_writes = 0;      ///< recorded MOV to CR3 that this processor answers with #GP(0)
  uint64_t entry_writes = 0;            ///< recorded stores to paging-structure entries that were made again

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("translations", translations, "recorded translations put into the page tables");
    v("changed_translations", changed_translations, "of these, those that replaced another one");
    v("ignored_translations", ignored_translations, "recorded translations and entries that were not used");
    v("checked_translations", checked_translations, "recorded translations compared with where the next access went");
    v("translation_mismatches", translation_mismatches, "of these, those that went elsewhere or faulted");
    v("flushes", flushes, "recorded removals of cached translations that were carried out");
    v("ignored_flushes", ignored_flushes, "recorded removals of cached translations that were not carried out");
    v("process_switches", process_switches, "changes to another recorded address space");
    v("guest_switches", guest_switches, "changes to another guest of the same core");
    v("refused_cr3_writes", refused_cr3_writes, "recorded values of CR3 with bits that this processor reserves");
    v("entry_writes", entry_writes, "recorded stores to paging-structure entries, made again");
  }
};

/// Says which of the trace's own address-space events to apply.
struct PlayerOptions {
  FlushPolicy flushes = FlushPolicy::kAuto;
  bool recorded_translations = true;  ///< kMap events become entries (needs address spaces with 4 KiB pages)
  /// The trace itself makes the page tables of this fresh machine: entries, zeroing, root table, CR4.
  bool recorded_tables = false;
  uint64_t memory_bytes = ~uint64_t{0};  ///< physical addresses of recorded tables lie below
  unsigned max_levels = 5;               ///< that CR4 may ask for
  bool pcids = true;                     ///< a change of process keeps the other processes' translations
  bool one_process = false;              ///< other cores run the same one: a change of process is refused
  unsigned guests = 1;                   ///< that share the core; more than one need address spaces
  uint64_t slice_accesses = 0;           ///< after so many accesses the next guest runs; 0: where the trace says so
};

/// Makes the records of a trace again on a target, in their order: the accesses, and what the events between them do
/// to address spaces and TLBs.
///
/// kMap       the page is mapped to that frame from here on; a page that had another frame is invalidated (INVLPG)
/// kCrWrite   CR3: a change of address space. The new root is seldom recorded: then translations that are not global
///            go, as without PCIDs, and the address space goes on. CR4: everything goes, as when CR4.PGE changes
/// kInvlpg    the pages are invalidated; kInvpcid without an address: everything goes
/// kProcess   the process's own tables become the current ones
/// kEntryWrite, kZero  the bytes are stored, if the trace makes the tables and knows the physical address
/// kDrain     what is under way is waited for
/// kTimed     whether what removes translations takes time
/// kGuest     that guest's memory and address spaces are the current ones, after a VM exit and entry
class TracePlayer {
 public:
  /// `spaces` may be nullptr: the tables are what they are, or what the trace makes them. A recorded root then counts
  /// only if the trace made it; else the kernel's part is the same in all address spaces, so the root that is there
  /// stands for them.
  TracePlayer(Target& target, AddressSpaces* spaces, PlayerOptions options);

  /// Call from Target::run(). A batch without accesses only follows the events.
  void play(const TraceBatch& batch);

  /// Has `call` make the address spaces of the guest that the target has just entered, or find them again. Needed where
  /// several guests run.
  void on_guest(std::function<AddressSpaces&(unsigned guest)> call) { on_guest_ = std::move(call); }
  /// Has `call` hear of each marker, number and name, before what follows it.
  void on_marker(std::function<void(uint64_t number, std::string_view name)> call) { on_marker_ = std::move(call); }

  const PlayerStats& stats() const { return stats_; }

 private:
  struct Expected {
    VirtAddr page;
    Pfn frame;
  };

  void execute(std::span<const MemAccess> accesses);
  void check(const MemAccess& access, const std::optional<AccessResult>& result);
  void apply(const TraceEvent& event);
  void map(const TraceEvent& event);
  void write_control_register(const TraceEvent& event);
  void write_cr4(uint64_t value);
  void store_entry(const TraceEvent& event);
  void check_memory(uint64_t pa, uint64_t bytes) const;
  void switch_to(uint64_t space);
  void enter_guest(uint64_t guest);
  void execute_slice(std::span<const MemAccess> accesses);
  void invalidate_pages(VirtAddr va, uint64_t bytes);
  bool flushes_now();

  Target& target_;
  AddressSpaces* spaces_;
  const PlayerOptions options_;
  PlayerStats stats_;
  std::function<void(uint64_t, std::string_view)> on_marker_;
  std::function<AddressSpaces&(unsigned)> on_guest_;
  bool knows_address_space_;
  bool accessed_ = false;
  unsigned guest_ = 0;                              // that runs
  uint64_t slice_done_ = 0;                         // accesses of the current slice
  std::vector<Expected> expected_;                  // recorded since the last access
  std::vector<std::vector<uint64_t>> pcid_owners_;  // of each guest: process + 1 that used a PCID last
};

}  // namespace mmusim
