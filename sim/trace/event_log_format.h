// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "models/base/access.h"
#include "models/base/enum_array.h"
#include "models/base/records.h"
#include "sim/trace/event_log_names.h"

namespace mmusim {

// The format of the event log `events.jsonl.zst`: one table of its kinds of records and their members. The writer
// (sim/events), the parser, the counts of the totals record, the JSON Schema (`mmusim schema events`) and the table of
// traces/README.md take names and meanings from here. Who adds a kind or a member adds it here first.

/// Values of a member.
enum class EventForm : uint8_t {
  kCount,        ///< number of 64 bits
  kHex,          ///< string "0x..." of 64 bits, lower case, no leading zeros
  kPageLevel,    ///< 1 to 5
  kLevelOrNone,  ///< 0 to 5
  kTableIndex,   ///< 0 to 511
  kFlag,
  kFalse,  ///< false; absent means true
  kString,
  kWord,       ///< one of `words`
  kRegister,   ///< 3 or 4
  kJson,       ///< any object
  kProducers,  ///< a count, or an array of 2 to 5 counts
  kCounts,     ///< an object with counts, named by `words`; all of them or, if optional ones are left out, some
  kAnyCounts,  ///< an object with counts of any name
  kObjects,    ///< an array of objects with `members`
};

struct EventMember {
  EventField field;
  EventForm form;
  bool always;  ///< false: absent where it says nothing
  std::string_view meaning;
  std::span<const std::string_view> words = {};
  std::span<const EventMember> members = {};
};

/// One kind of record.
struct EventKindFormat {
  EventKind kind;
  std::string_view name;
  std::string_view logged_with;  ///< words of --events that select it
  std::string_view meaning;
  std::span<const EventMember> members;  ///< after "event"
};

namespace event_words {
/// The names of all enumerators, in order.
template <class E>
constexpr auto names_of() {
  std::array<std::string_view, kCountOf<E>> names;
  for (const E e : kAllOf<E>) names[static_cast<size_t>(e)] = name_of(e);
  return names;
}

inline constexpr auto kHits = names_of<HitLevel>();
inline constexpr auto kCauses = names_of<WalkCause>();
inline constexpr auto kDimensions =
    std::array<std::string_view, 2>{name_of(Dimension::kGuest), name_of(Dimension::kNested)};
inline constexpr auto kStageNames = names_of<Stage>();
inline constexpr std::array<std::string_view, 3> kAccessKinds = {
    name_of(AccessKind::kRead), name_of(AccessKind::kWrite), name_of(AccessKind::kFetch)};
inline constexpr std::array<std::string_view, 4> kPageSizes = {name_of(PageSize::k4K), name_of(PageSize::k2M),
                                                               name_of(PageSize::k4M), name_of(PageSize::k1G)};
/// Of mm::AllocSource and mm::FlushScope, which this room does not know; the writer checks them.
inline constexpr auto kSources =
    std::to_array<std::string_view>({"memblock", "sparse_buffer", "buddy", "altmap", "slab"});
inline constexpr auto kFlushes = std::to_array<std::string_view>({"all", "range", "process"});
}  // namespace event_words

namespace event_members {
using enum EventField;
using enum EventForm;

inline constexpr EventMember kMoment[] = {
    {kCycle, kCount, true, "core cycles since the start of the simulation"},
    {kCore, kCount, true, "number of the simulated core"},
    {kAccess, kCount, true, "number of the last access that the core had begun"},
};
inline constexpr EventMember kKernelFunction = {kCause, kString, true, "kernel function that did it"};

/// The members of kMoment, then those of `more`.
template <size_t N>
constexpr std::array<EventMember, N + 3> after_moment(const EventMember (&more)[N]) {
  std::array<EventMember, N + 3> all = {kMoment[0], kMoment[1], kMoment[2]};
  for (size_t i = 0; i < N; ++i) all[i + 3] = more[i];
  return all;
}

inline constexpr EventMember kEntryLevel = {kLevel, kPageLevel, true, "1 = PTE ... 5 = PGD with 5-level paging"};
inline constexpr EventMember kEntryRange = {kVa, kHex, true, "first address that the entry maps"};
inline constexpr EventMember kEntryBytes = {kBytes, kCount, true, "bytes that the entry maps"};
inline constexpr EventMember kEntryAt = {kEntryVa, kHex, true, "address at which kernel code accessed the entry"};
inline constexpr EventMember kEntryAtPa = {kEntryPa, kHex, true, "physical address of the entry"};
inline constexpr EventMember kEntryIndex = {kIndex, kTableIndex, true, "place of the entry in its table"};

inline constexpr auto kPteWrite = after_moment({kEntryLevel,
                                                kEntryRange,
                                                kEntryBytes,
                                                kEntryAt,
                                                kEntryAtPa,
                                                kEntryIndex,
                                                {kOld, kHex, true, "value before"},
                                                {kNew, kHex, true, "value stored"},
                                                kKernelFunction});
inline constexpr auto kPteRead = after_moment({kEntryLevel,
                                               kEntryRange,
                                               kEntryBytes,
                                               kEntryAt,
                                               kEntryAtPa,
                                               kEntryIndex,
                                               {kValue, kHex, true, "value loaded"},
                                               kKernelFunction});

inline constexpr EventMember kRead[] = {
    {kDimension, kWord, false, "in a guest: whose entry it is; nested: one of EPT or NPT", event_words::kDimensions},
    {kLevel, kPageLevel, true, "level of the entry: 1 = PTE ... 5"},
    {kPa, kHex, true, "physical address of the entry"},
    {kValue, kHex, true, "value read"},
    {kHit, kWord, true, "where the read was served", event_words::kHits},
    {kCycles, kCount, true, "cycles that the read took"},
};
inline constexpr EventMember kWalk[] = {
    {kId, kCount, true, "number of the walk"},
    {kAccess, kCount, true, "number of the access that asked; 0: a prefetch"},
    {kCore, kCount, true, "number of the simulated core"},
    {kBeginCycle, kCount, true, "cycle in which the walk was asked for"},
    {kEndCycle, kCount, true, "cycle in which its result was there"},
    {kVa, kHex, true, "address that is translated"},
    {kCause, kWord, true, "what asked for the walk", event_words::kCauses},
    {kUser, kFlag, true, "the access is a user-mode access"},
    {kWalker, kCount, true, "number of the walker that served it"},
    {kQueueCycles, kCount, true, "waited for a free walker"},
    {kStructureCacheCycles, kCount, true, "looked into the paging-structure caches"},
    {kRestartCycles, kCount, false, "read entries that a restart from the root made void"},
    {kUpdateCycles, kCount, true, "set accessed and dirty flags"},
    {kStartLevel, kLevelOrNone, true, "level of the first entry read, after the paging-structure caches"},
    {kReads, kObjects, true, "entries read, in order", {}, kRead},
    {kReadsOmitted, kCount, false, "reads beyond those listed"},
    {kExitCycles, kCount, false, "exits to the hypervisor"},
    {kPageSize, kWord, false, "size of the page; absent when the walk faulted", event_words::kPageSizes},
    {kPageFaultErrorCode, kHex, false, "absent when the walk found a translation"},
};
inline constexpr EventMember kAccessRecord[] = {
    {kId, kCount, true, "1, 2, ... in program order of its core"},
    {kCore, kCount, true, "number of the simulated core"},
    {kBeginCycle, kCount, true, "cycle in which the access began"},
    {kEndCycle, kCount, true, "cycle in which it was done"},
    {kVa, kHex, true, "first address that is accessed"},
    {kBytes, kCount, true, "size of the access"},
    {kKind, kWord, true, "kind of the access", event_words::kAccessKinds},
    {kUser, kFlag, true, "a user-mode access (CPL 3)"},
    {kRmw, kFlag, false, "a write that also reads"},
    {kStack, kFlag, false, "through the stack segment"},
    {kImplicit, kFlag, false, "supervisor access to descriptor tables"},
    {kAwaited, kFlag, false, "the program went on only when its result was there"},
    {kContinues, kFlag, false, "made by the same instruction as the data access before it"},
    {kDependsOn, kProducers, false, "it needs the results of the accesses that many places earlier"},
    {kGap, kCount, false, "instructions without memory access before it"},
    {kTlbMiss, kFlag, true, "it missed the first-level TLB"},
    {kStlbMiss, kFlag, true, "it missed the second-level TLB as well"},
    {kStageCycles, kCounts, true, "cycles by stage, those with none left out", event_words::kStageNames},
    {kPa, kHex, false, "physical address of its first byte; absent when it faulted"},
    {kDataHit, kWord, false, "where its data was found; absent when it faulted", event_words::kHits},
    {kPageFaultErrorCode, kHex, false, "absent when it did not fault"},
};

inline constexpr auto kAllocation =
    after_moment({{kPa, kHex, true, "physical address of the memory"},
                  {kBytes, kCount, true, "size of the memory"},
                  {kNode, kCount, true, "NUMA node of the memory"},
                  {kSource, kWord, true, "allocator of the memory", event_words::kSources},
                  kKernelFunction});
inline constexpr auto kZeroed = after_moment({{kVa, kHex, true, "first address"},
                                              {kBytes, kCount, true, "bytes that were set"},
                                              {kPa, kHex, false, "physical address of the first byte, where known"},
                                              kKernelFunction});
inline constexpr auto kFilled = after_moment({{kVa, kHex, true, "first address"},
                                              {kBytes, kCount, true, "bytes that were set"},
                                              {kPa, kHex, false, "physical address of the first byte, where known"},
                                              {kValue, kHex, true, "the byte"},
                                              kKernelFunction});
inline constexpr auto kFlushed = after_moment(
    {{kScope, kWord, true,
      "all translations, those of a range of pages, or those of a process (or all processes) but global ones",
      event_words::kFlushes},
     {kVa, kHex, false, "first address that kernel code asked for"},
     {kPages, kCount, false, "4 KiB pages from there"},
     {kRound, kCount, false, "number of the flush of all cores; absent: of this core alone"},
     {kFrom, kCount, false, "core whose code asked"},
     {kInvlpg, kCount, false, "INVLPGs of this core"},
     {kInvpcid, kCount, false, "INVPCIDs of this core"},
     {kCr4, kCount, false, "writes of CR4 by this core"},
     {kCr3, kCount, false, "writes of CR3 by this core"},
     {kInvlpgb, kCount, false, "INVLPGBs of this core"},
     {kTlbsync, kCount, false, "TLBSYNCs of this core"},
     {kBroadcast, kFlag, false, "true: by INVLPGB, which does not interrupt the core"},
     {kEntry, kString, true,
      "interface of the kernel: flush_tlb_all, flush_tlb_kernel_range, __flush_tlb_all, cpa_flush, flush_tlb_mm_range, "
      "invlpgb_flush_all_nonglobals"},
     kKernelFunction});
inline constexpr auto kInterrupt =
    after_moment({{kFrom, kCount, true, "core that sent it"},
                  {kTo, kCount, true, "core that took it"},
                  {kVector, kCount, true, "251: CALL_FUNCTION_SINGLE_VECTOR, 252: CALL_FUNCTION_VECTOR"},
                  {kSent, kCount, true, "cycle in which the interrupt command was written"},
                  {kArrival, kCount, true, "cycle in which it reached the target"},
                  {kHandled, kCount, true, "cycle of the handler's first instruction"},
                  {kAcked, kCount, true, "cycle in which all that it was sent for was acknowledged"}});
inline constexpr auto kCalled =
    after_moment({{kFunction, kString, true, "name of the function"},
                  {kVa, kHex, false, "first address that it works on; absent: it works on a list"},
                  {kBytes, kCount, false, "bytes from there"}});
inline constexpr EventMember kUntimed = {kTimed, kFalse, false, "false: it took no time, in an untimed phase"};
inline constexpr auto kInvalidated =
    after_moment({{kVa, kHex, false, "address whose translations were removed; absent: all were"}, kUntimed});
inline constexpr auto kCrWritten = after_moment(
    {{kNumber, kRegister, true, "number of the control register"}, {kNew, kHex, true, "value loaded"}, kUntimed});
inline constexpr auto kStepped = after_moment({{kName, kString, true, "name of the step, such as sparse_init"}});
inline constexpr auto kLogged = after_moment({{kLevel, kCount, true, "level as in <linux/kern_levels.h>"},
                                              {kText, kString, true, "the line, without time stamp"}});
inline constexpr EventMember kPhaseRecord[] = {
    {kCycle, kCount, true, "core cycles since the start of the simulation"},
    {kStage, kString, true, "label of the phase, as in --tables"},
    {kName, kString, true, "kind of phase: boot, hot_add, hvo, workload, ..."},
};
inline constexpr EventMember kHeaderRecord[] = {
    {kFormat, kString, true, "name of this format"},
    {kVersion, kCount, true, "version of this format"},
    {kProgram, kString, true, "program and version that wrote the log"},
    {kEvents, kString, true, "what --events said"},
    {kPageTables, kFlag, false,
     "true: all accesses and all that made the page tables are here, so that a replay needs nothing else"},
    {kSeed, kCount, true, "seed of everything random"},
    {kConfiguration, kJson, true, "the effective configuration"},
};
inline constexpr std::span<const std::string_view> kCountedNames =
    std::span(kEventKindNames).first<kCountedEventKinds>();
inline constexpr EventMember kTotalsRecord[] = {
    {kCycle, kCount, true, "end of the simulation"},
    {kInterrupted, kFlag, true, "a signal ended the run early"},
    {kRecords, kCounts, true, "records of each kind in the log", kCountedNames},
    {kTotals, kAnyCounts, true, "totals of the run, as in summary.json"},
};
inline constexpr std::span<const EventMember> kMomentAlone = kMoment;
}  // namespace event_members

/// By EventKind.
inline constexpr auto kEventKindFormats = [] {
  namespace m = event_members;
  using enum EventKind;
  constexpr std::string_view kPteWords = "pte, tables, all";
  return std::to_array<EventKindFormat>({
      {kPteWrite, name_of(kPteWrite), kPteWords, "Kernel code stored a page-table entry.", m::kPteWrite},
      {kPteRead, name_of(kPteRead), "tables, all", "Kernel code loaded a page-table entry.", m::kPteRead},
      {kWalk, name_of(kWalk), "walks, all",
       "A page walk: end - begin = queue + structure caches + restarts + cycles of all reads + updates + exits.",
       m::kWalk},
      {kAccess, name_of(kAccess), "accesses, all", "An access retired; its stages add up to end - begin.",
       m::kAccessRecord},
      {kAlloc, name_of(kAlloc), kPteWords, "Memory was taken.", m::kAllocation},
      {kFree, name_of(kFree), kPteWords, "Memory was given back.", m::kAllocation},
      {kZero, name_of(kZero), kPteWords, "Memory was set to zero.", m::kZeroed},
      {kFill, name_of(kFill), kPteWords, "Memory was filled with another byte (poison, sub-PMD markers).", m::kFilled},
      {kFlush, name_of(kFlush), "pte, tables, ipis, all", "A core did its part of a flush of kernel addresses.",
       m::kFlushed},
      {kInvalidate, name_of(kInvalidate), kPteWords, "The core removed cached translations: of one address, or all.",
       m::kInvalidated},
      {kCrWrite, name_of(kCrWrite), kPteWords, "The core loaded a control register.", m::kCrWritten},
      {kDrain, name_of(kDrain), kPteWords, "The core waits until everything under way is done.", m::kMomentAlone},
      {kStep, name_of(kStep), kPteWords, "A step of the kernel's boot or operation begins.", m::kStepped},
      {kKernelLog, name_of(kKernelLog), kPteWords, "A line of the kernel's log.", m::kLogged},
      {kPhase, name_of(kPhase), "any", "A phase of the scenario begins.", m::kPhaseRecord},
      {kIpi, name_of(kIpi), "ipis, all", "A core handled an interrupt of another one.", m::kInterrupt},
      {kCall, name_of(kCall), "ipis, all", "A kernel function that edits page tables, or leads to it, begins.",
       m::kCalled},
      {kHeader, name_of(kHeader), "any", "First record: the run that the log is of.", m::kHeaderRecord},
      {kTotals, name_of(kTotals), "any", "Last record: a log without it is truncated.", m::kTotalsRecord},
  });
}();
static_assert(kEventKindFormats.size() == kEventKinds);

}  // namespace mmusim
