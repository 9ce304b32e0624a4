// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mmusim {

// Names of the event log's records and their members; event_log_format.h says what they hold.

inline constexpr std::string_view kEventLogFormat = "mmusim-events";
/// Version 1 is read as well.
inline constexpr unsigned kEventLogVersion = 2;

/// Kinds of records. The totals record counts those before kHeader.
enum class EventKind : uint8_t {
  kPteWrite,
  kPteRead,
  kWalk,
  kAccess,
  kAlloc,
  kFree,
  kZero,
  kFill,
  kFlush,
  kInvalidate,
  kCrWrite,
  kDrain,
  kStep,
  kKernelLog,
  kPhase,
  kIpi,
  kCall,
  kHeader,
  kTotals,
};
inline constexpr size_t kCountedEventKinds = static_cast<size_t>(EventKind::kHeader);
inline constexpr size_t kEventKinds = kCountedEventKinds + 2;

/// By EventKind.
inline constexpr auto kEventKindNames = std::to_array<std::string_view>(
    {"pte_write", "pte_read", "walk", "access", "alloc", "free", "zero", "fill", "flush", "invalidate", "cr_write",
     "drain", "step", "kernel_log", "phase", "ipi", "call", "header", "totals"});
static_assert(kEventKindNames.size() == kEventKinds);
constexpr std::string_view name_of(EventKind kind) { return kEventKindNames[static_cast<size_t>(kind)]; }

/// Names of members. The same name stands for the same member field in every kind of record.
enum class EventField : uint8_t {
  kEvent,
  kAccess,
  kAcked,
  kArrival,
  kAwaited,
  kBeginCycle,
  kBroadcast,
  kBytes,
  kCause,
  kConfiguration,
  kContinues,
  kCore,
  kCr3,
  kCr4,
  kCycle,
  kCycles,
  kDataHit,
  kDependsOn,
  kDimension,
  kEndCycle,
  kEntry,
  kEntryPa,
  kEntryVa,
  kEvents,
  kExitCycles,
  kFormat,
  kFrom,
  kFunction,
  kGap,
  kHandled,
  kHit,
  kId,
  kImplicit,
  kIndex,
  kInterrupted,
  kInvlpg,
  kInvlpgb,
  kInvpcid,
  kKind,
  kLevel,
  kName,
  kNew,
  kNode,
  kNumber,
  kOld,
  kPa,
  kPageFaultErrorCode,
  kPageSize,
  kPageTables,
  kPages,
  kProgram,
  kQueueCycles,
  kReads,
  kReadsOmitted,
  kRecords,
  kRestartCycles,
  kRmw,
  kRound,
  kScope,
  kSeed,
  kSent,
  kSource,
  kStack,
  kStage,
  kStageCycles,
  kStartLevel,
  kStlbMiss,
  kStructureCacheCycles,
  kText,
  kTimed,
  kTlbMiss,
  kTlbsync,
  kTo,
  kTotals,
  kUpdateCycles,
  kUser,
  kVa,
  kValue,
  kVector,
  kVersion,
  kWalker,
};

/// By EventField.
inline constexpr auto kEventFieldNames = std::to_array<std::string_view>({"event",
                                                                          "access",
                                                                          "acked",
                                                                          "arrival",
                                                                          "awaited",
                                                                          "begin_cycle",
                                                                          "broadcast",
                                                                          "bytes",
                                                                          "cause",
                                                                          "configuration",
                                                                          "continues",
                                                                          "core",
                                                                          "cr3",
                                                                          "cr4",
                                                                          "cycle",
                                                                          "cycles",
                                                                          "data_hit",
                                                                          "depends_on",
                                                                          "dimension",
                                                                          "end_cycle",
                                                                          "entry",
                                                                          "entry_pa",
                                                                          "entry_va",
                                                                          "events",
                                                                          "exit_cycles",
                                                                          "format",
                                                                          "from",
                                                                          "function",
                                                                          "gap",
                                                                          "handled",
                                                                          "hit",
                                                                          "id",
                                                                          "implicit",
                                                                          "index",
                                                                          "interrupted",
                                                                          "invlpg",
                                                                          "invlpgb",
                                                                          "invpcid",
                                                                          "kind",
                                                                          "level",
                                                                          "name",
                                                                          "new",
                                                                          "node",
                                                                          "number",
                                                                          "old",
                                                                          "pa",
                                                                          "page_fault_error_code",
                                                                          "page_size",
                                                                          "page_tables",
                                                                          "pages",
                                                                          "program",
                                                                          "queue_cycles",
                                                                          "reads",
                                                                          "reads_omitted",
                                                                          "records",
                                                                          "restart_cycles",
                                                                          "rmw",
                                                                          "round",
                                                                          "scope",
                                                                          "seed",
                                                                          "sent",
                                                                          "source",
                                                                          "stack",
                                                                          "stage",
                                                                          "stages",
                                                                          "start_level",
                                                                          "stlb_miss",
                                                                          "structure_cache_cycles",
                                                                          "text",
                                                                          "timed",
                                                                          "tlb_miss",
                                                                          "tlbsync",
                                                                          "to",
                                                                          "totals",
                                                                          "update_cycles",
                                                                          "user",
                                                                          "va",
                                                                          "value",
                                                                          "vector",
                                                                          "version",
                                                                          "walker"});
static_assert(kEventFieldNames.size() == static_cast<size_t>(EventField::kWalker) + 1);

constexpr std::string_view name_of(EventField field) { return kEventFieldNames[static_cast<size_t>(field)]; }

/// `,"name":` with `Before` in place of the comma, as text that a writer copies.
template <EventField Field, char Before = ','>
inline constexpr auto kEventKeyText = [] {
  constexpr std::string_view kName = name_of(Field);
  std::array<char, kName.size() + 4> text{};
  text[0] = Before;
  text[1] = '"';
  for (size_t i = 0; i < kName.size(); ++i) text[i + 2] = kName[i];
  text[kName.size() + 2] = '"';
  text[kName.size() + 3] = ':';
  return text;
}();

/// `{"event":"name"`, with which a record of that kind begins.
template <EventKind Kind>
inline constexpr auto kEventBeginText = [] {
  constexpr std::string_view kBefore = "{\"event\":\"";
  constexpr std::string_view kName = name_of(Kind);
  std::array<char, kBefore.size() + kName.size() + 1> text{};
  for (size_t i = 0; i < kBefore.size(); ++i) text[i] = kBefore[i];
  for (size_t i = 0; i < kName.size(); ++i) text[kBefore.size() + i] = kName[i];
  text.back() = '"';
  return text;
}();

}  // namespace mmusim
