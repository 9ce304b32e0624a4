// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/access.h"
#include "models/base/inline_list.h"
#include "models/base/types.h"

namespace mmusim {

/// Place that served a read of memory.
enum class HitLevel : uint8_t { kL1, kL2, kL3, kDram, kUncached };
template <>
inline constexpr size_t kCountOf<HitLevel> = 5;

constexpr const char* name_of(HitLevel level) {
  switch (level) {
    case HitLevel::kL1:
      return "L1";
    case HitLevel::kL2:
      return "L2";
    case HitLevel::kL3:
      return "L3";
    case HitLevel::kDram:
      return "DRAM";
    case HitLevel::kUncached:
      return "uncached";
  }
  return "?";
}

/// Whose entry a walk read.
enum class Dimension : uint8_t {
  kGuest,   ///< an ordinary paging-structure entry
  kNested,  ///< one of EPT or NPT, on behalf of a guest's walk
};
constexpr const char* name_of(Dimension dimension) { return dimension == Dimension::kGuest ? "guest" : "nested"; }

/// One paging-structure entry read by a walk.
struct EntryRead {
  uint8_t level = 0;  ///< 1 = PTE ... 5 = PML5E
  HitLevel hit = HitLevel::kL1;
  Dimension dimension = Dimension::kGuest;
  PhysAddr pa;         ///< of the entry
  uint64_t value = 0;  ///< as read
  Cycles cycles;
};

/// Requester's reason for a walk.
enum class WalkCause : uint8_t { kLoad, kStore, kFetch, kPrefetch };
template <>
inline constexpr size_t kCountOf<WalkCause> = 4;

constexpr const char* name_of(WalkCause cause) {
  switch (cause) {
    case WalkCause::kLoad:
      return "load";
    case WalkCause::kStore:
      return "store";
    case WalkCause::kFetch:
      return "fetch";
    case WalkCause::kPrefetch:
      return "prefetch";
  }
  return "?";
}

constexpr WalkCause cause_of(AccessKind kind) {
  if (kind == AccessKind::kFetch) return WalkCause::kFetch;
  return kind == AccessKind::kWrite ? WalkCause::kStore : WalkCause::kLoad;
}

/// One page walk. end - begin = queue + structure_caches + restarts + sum of reads + updates + exits.
struct WalkRecord {
  uint64_t id = 0;
  uint64_t access = 0;  ///< number of the access that asked (0: a prefetch)
  CycleTime begin;
  CycleTime end;
  uint32_t core = 0;
  VirtAddr va;
  WalkCause cause = WalkCause::kLoad;
  bool user = false;
  uint8_t walker = 0;                             ///< which walker served it
  uint8_t start_level = 0;                        ///< level of the first entry read, after the paging-structure caches
  Cycles queue;                                   ///< waited for a free walker
  Cycles structure_caches;                        ///< looked into the paging-structure caches
  Cycles restarts;                                ///< read entries that a restart from the root made void
  Cycles updates;                                 ///< set accessed and dirty flags
  Cycles exits;                                   ///< of a guest: the hypervisor made nested entries
  bool guest = false;                             ///< the reads are of both dimensions
  uint32_t omitted = 0;                           ///< reads beyond those in `entries`
  std::optional<PageSize> page_size;              ///< of the leaf; empty when the walk faulted
  std::optional<uint32_t> page_fault_error_code;  ///< when it faulted
  /// Those it read, in order, after the last restart. Last, so that a copy may end with those that are there: a guest's walk reads up to 35.
  InlineList<EntryRead, 48> entries;

  /// Bytes of this record that mean something.
  size_t used_bytes() const {
    return static_cast<size_t>(entries.end_of_use() - reinterpret_cast<const std::byte*>(this));
  }
};

/// The stages of an access. Their cycles add up to its total.
enum class Stage : uint8_t { kTlb, kStlb, kWalkQueue, kStructureCaches, kEntryReads, kUpdates, kData, kStall };
template <>
inline constexpr size_t kCountOf<Stage> = 8;

constexpr const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::kTlb:
      return "l1_tlb";
    case Stage::kStlb:
      return "stlb";
    case Stage::kWalkQueue:
      return "walk_queue";
    case Stage::kStructureCaches:
      return "structure_caches";
    case Stage::kEntryReads:
      return "entry_reads";
    case Stage::kUpdates:
      return "ad_updates";
    case Stage::kData:
      return "data";
    case Stage::kStall:
      return "stall";
  }
  return "?";
}

/// Cycles of one access by stage.
using StageCycles = EnumArray<Stage, Cycles>;

/// One access, stamped where it waits, delivered once when it retires.
struct AccessRecord {
  uint64_t id = 0;  ///< 1, 2, ... in program order of its core
  uint32_t core = 0;
  MemAccess access;
  CycleTime begin;
  CycleTime end;
  StageCycles stage{};
  PhysAddr pa;
  HitLevel data_hit = HitLevel::kL1;
  bool tlb_miss = false;
  bool stlb_miss = false;
  std::optional<uint32_t> page_fault_error_code;
};

}  // namespace mmusim
