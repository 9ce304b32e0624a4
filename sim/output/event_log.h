// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mm/observer.h"
#include "models/base/records.h"
#include "models/x86/invalidation.h"
#include "sim/output/events.h"
#include "sim/output/json_line.h"
#include "sim/output/zstd_writer.h"

namespace mmusim {

/// First record of an event log.
struct EventLogHeader {
  std::string_view program_version;
  std::string_view configuration;  ///< the effective configuration, JSON text of an object
  uint64_t seed = 0;
  std::string_view events;  ///< what --events said
  /// The log holds each access and everything that made the page tables: a replay of it needs nothing else.
  bool page_tables = false;
};

/// The event log `events.jsonl.zst`: one JSON object per line, zstd-compressed, streamed. Schema: traces/README.md.
///
/// Records stand in the order of the calls. Formatting happens here, compression and writing on a second thread.
/// A block of records goes to the file when it reaches kBlockBytes and at each phase; the file is the same for the same
/// calls, however fast they came. After a crash or `kill -9` the file decompresses up to the last block written; cut
/// after the last line end, those are whole records, and the missing totals say that it is truncated. At most
/// kBlockBytes times the writer's queue of records can be lost, usually one block.
/// Every call may throw EnvironmentError when an earlier block could not be written.
class EventLog final : public RecordSink {
 public:
  static constexpr unsigned kFormatVersion = 2;
  static constexpr size_t kBlockBytes = 64 * 1024;

  EventLog(const std::string& path, EventSelection selection, const EventLogHeader& header);
  /// Without close() the log stays without totals: truncated, but readable.
  ~EventLog() override;

  bool wants(EventCategory category) const { return selection_.has(category); }

  // Records of a category that was not selected are ignored.
  void walk(const WalkRecord& walk) override;
  void access(const AccessRecord& access) override;
  void entry_write(EventStamp at, const mm::EntryWrite& event);
  void entry_read(EventStamp at, const mm::EntryRead& event);
  void alloc(EventStamp at, const mm::AllocEvent& event);
  void free(EventStamp at, const mm::AllocEvent& event);
  /// A `zero` record, or a `fill` record when the byte is not 0.
  void fill(EventStamp at, const mm::FillEvent& event);
  void flush(EventStamp at, const mm::FlushEvent& event);
  /// What programs ask of the machine beside accesses (ActivitySink).
  void invalidate(EventStamp at, const Invalidation& operation, bool timed);
  void control_write(EventStamp at, unsigned number, uint64_t value, bool timed);
  void drain(EventStamp at);
  /// A step of the kernel's boot or operation (mm::Observer::phase).
  void step(EventStamp at, std::string_view name);
  void kernel_log(EventStamp at, mm::LogLevel level, std::string_view text);
  void phase(const PhaseEvent& event);

  /// Writes the totals record: how many records of each kind there are (added here), and `totals`, the members of a
  /// JSON object as pairs of name and number, in order. Then closes the file. Call once, last.
  void close(CycleTime end, bool interrupted, const std::vector<std::pair<std::string, uint64_t>>& totals);

 private:
  enum Kind {
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
    kKinds
  };

  JsonLine begin(Kind kind, size_t text_bytes);
  JsonLine begin(Kind kind, EventStamp at, size_t text_bytes);
  void end(const JsonLine& line);
  void memory(Kind kind, EventStamp at, const mm::AllocEvent& event);
  void put_block();

  EventSelection selection_;
  ZstdWriter writer_;
  std::string block_;  // its size is the room; used_ bytes hold records
  size_t used_ = 0;
  uint64_t counts_[kKinds] = {};
};

}  // namespace mmusim
