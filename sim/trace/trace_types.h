// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/access.h"
#include "models/base/types.h"

namespace mmusim {

/// The forms a trace can have in a file. `traces/README.md` describes each. Those from kLackey on are lines of text, in
/// the order of TextForm.
enum class TraceFormat : uint8_t {
  kVmt1,
  kBinary,
  kJsonLines,
  kEventLog,
  kChampSim,
  kLackey,
  kExeclog,
  kDrmemtrace,
  kPinatrace,
  kDinero,
  kPerfMem,
  kPerf,
};
inline constexpr unsigned kTraceFormats = 12;

const char* name_of(TraceFormat format);
/// The inverse of name_of; nullopt for an unknown name.
std::optional<TraceFormat> trace_format_of(std::string_view name);
/// Names of all formats, for messages: "vmt1, binary, ...".
std::string trace_format_names();
/// The format of that name. Throws InputError for an unknown one, with the option that gave it and the names.
TraceFormat trace_format_given(std::string_view name, const char* option = "--form");

/// Events between accesses.
enum class TraceEventKind : uint8_t {
  kMap,          ///< from here on the page of `va` is at physical page number `value`
  kMarker,       ///< phase number `value` starts; `text` is its name where one is known
  kCrWrite,      ///< mov to control register number `value`; `operand` is the new content, if `has_operand`
  kInvlpg,       ///< invlpg of `va`; event log: of each page of `value` bytes from there
  kInvpcid,      ///< invpcid with address `va`; event log: of `value` bytes, 0 for everything
  kProcess,      ///< the address space number `value` runs from here on
  kInstruction,  ///< ChampSim: what the record of the instruction at `va` says beside its addresses (see champsim.h)
  kEntryWrite,   ///< event log: entry at physical address `operand` becomes `value`; maps from `va`
  kZero,         ///< event log: `value` bytes at `va` (physical address `operand`, if known) were set to zero
  kDrain,        ///< what follows begins only when everything before is done
  kTimed,        ///< from here on invalidations and control-register writes take no time (`value` 0), or do again (1)
  kGuest,        ///< the guest number `value` runs from here on, in the address space that it was in
};
inline constexpr unsigned kTraceEventKinds = 12;

const char* name_of(TraceEventKind kind);

struct TraceEvent {
  TraceEventKind kind = TraceEventKind::kMarker;
  bool user = false;         ///< the instruction ran at CPL 3
  bool has_operand = false;  ///< `operand` is known
  uint32_t before = 0;       ///< happens before this access of the batch; the number of accesses: after all of them
  uint32_t text = 0;         ///< 0: none, else 1 + index into TraceBatch::texts
  VirtAddr va;
  uint64_t value = 0;
  uint64_t operand = 0;
  uint64_t pc = 0;  ///< of the instruction; 0 where unknown
};

/// A run of consecutive records of a trace: accesses, and the events between them in program order.
struct TraceBatch {
  std::vector<MemAccess> accesses;
  std::vector<uint64_t> pcs;       ///< as many as accesses if TraceOptions::want_pc, else empty; 0 where unknown
  std::vector<TraceEvent> events;  ///< ascending `before`
  std::vector<std::string> texts;  ///< names used by events
  uint64_t first_record = 0;       ///< records of the file before this batch
  uint64_t records = 0;            ///< records of the file in this batch

  void clear();
};

/// Accesses handed over at once. Large enough to amortise the hand-over between threads, small enough for the caches.
inline constexpr size_t kTraceBatchAccesses = 4096;

}  // namespace mmusim
