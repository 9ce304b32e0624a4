// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "mm/observer.h"
#include "models/base/records.h"
#include "sim/events/events.h"
#include "sim/events/json_line.h"
#include "sim/trace/event_log_names.h"

namespace mmusim {

/// A record as it was reported, with its moment; what is pointed to has static storage.
template <class Event>
struct StampedEvent {
  EventStamp at;
  Event event;
};

/// Buffer between the simulation and the thread that writes the log. Frequent records are stored in binary and formatted
/// there; rare ones are stored as text. Only this class reads the bytes; the size of a block is its capacity, so that
/// nothing is cleared when it is used again.
class EventBlock {
 public:
  /// No record is longer than this, texts apart: a walk with five entry reads takes about 800 bytes of text, a
  /// guest's with 48 about 8000.
  static constexpr size_t kRecordRoom = 10240;

  explicit EventBlock(size_t full_bytes) : full_(full_bytes) {}

  void put(const WalkRecord& walk) { append(Form::kWalk, &walk, walk.used_bytes()); }
  void put(const AccessRecord& access) { append(Form::kAccess, &access, sizeof access); }
  void put(const StampedEvent<mm::EntryWrite>& write) { append(Form::kEntryWrite, &write, sizeof write); }
  void put_alloc(const StampedEvent<mm::AllocEvent>& alloc) { append(Form::kAlloc, &alloc, sizeof alloc); }
  void put_free(const StampedEvent<mm::AllocEvent>& freed) { append(Form::kFree, &freed, sizeof freed); }
  void put(std::string_view text) { append(Form::kText, text.data(), text.size()); }

  size_t used() const { return used_; }
  bool empty() const { return used_ == 0; }
  bool full() const { return used_ >= full_; }
  /// Gives the bytes away, of which used() hold records; reuse() brings others to fill.
  std::string take() {
    used_ = 0;
    return std::move(bytes_);
  }
  void reuse(std::string bytes) { bytes_ = std::move(bytes); }

  /// The records of `block` as the lines of the log, in order. Writes to the beginning of `text`, which it makes larger
  /// where needed; returns the end of what it wrote.
  static size_t render(std::string_view block, std::string& text);

 private:
  enum class Form : uint32_t { kText, kWalk, kAccess, kEntryWrite, kAlloc, kFree };
  struct Head {
    Form form;
    uint32_t bytes;
  };

  void append(Form form, const void* record, size_t bytes);

  size_t full_;
  size_t used_ = 0;
  std::string bytes_;
};

/// Begins a record with a moment, at `at`: its kind, cycle, core and access.
JsonLine begin_record(char* at, EventKind kind, EventStamp stamp);

}  // namespace mmusim
