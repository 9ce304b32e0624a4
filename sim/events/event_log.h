// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mm/observer.h"
#include "models/fabric/observer.h"
#include "sim/events/event_text.h"
#include "sim/events/events.h"
#include "sim/events/json_line.h"
#include "sim/host/zstd_writer.h"

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

/// The event log `events.jsonl.zst`: one JSON object per line, zstd-compressed, streamed. Format:
/// sim/trace/event_log_format.h.
///
/// Records stand in the order of the calls. They are kept here as they were reported; formatting, compression and
/// writing happen on a second thread (EventBlock, ZstdWriter). A block of records goes to the file when it reaches
/// kBlockBytes and at each phase; the file is the same for the same calls, however fast they came. After a crash or
/// `kill -9` the file decompresses up to the last block written; cut after the last line end, those are whole records,
/// and the missing totals say that it is truncated. At most kBlockBytes times the writer's queue of records can be
/// lost, usually one block.
/// Every call may throw EnvironmentError when an earlier block could not be written.
class EventLog final : public Observer {
 public:
  static constexpr size_t kBlockBytes = 128 * 1024;  ///< as reported; as text about twice that

  /// `clock` gives the moment of the program that runs on the first core; without it the log does not hold what the
  /// program makes the core do.
  EventLog(const std::string& path, EventSelection selection, const EventLogHeader& header, EventClock clock = {});
  /// Without close() the log stays without totals: truncated, but readable.
  ~EventLog() override;

  bool wants(EventCategory category) const { return selection_.has(category); }

  uint32_t mask() const override;
  // Of the first core only, stamped with the clock.
  void drained(unsigned core) override;
  void invalidated(unsigned core, const Invalidation& operation, bool timed) override;
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) override;

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
  /// An interrupt that has just been acknowledged.
  void ipi(EventStamp at, const mm::IpiEvent& event);
  void call(EventStamp at, const mm::CallEvent& event);
  // Actions of a core beside accesses.
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
  JsonLine begin(EventKind kind, size_t text_bytes);
  JsonLine begin(EventKind kind, EventStamp at, size_t text_bytes);
  void end(const JsonLine& line);
  void count(EventKind kind) { ++counts_[static_cast<size_t>(kind)]; }
  void put_full_block();
  void put_block();

  EventSelection selection_;
  EventClock clock_;
  uint64_t drained_at_ = 0;  // accesses begun at the last drain
  ZstdWriter writer_;
  EventBlock block_{kBlockBytes};
  std::string line_;  // room for the record that is being formatted
  std::array<uint64_t, kCountedEventKinds> counts_{};
};

}  // namespace mmusim
