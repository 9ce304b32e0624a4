// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "models/base/access.h"
#include "models/core/load_store_unit.h"

namespace mmusim {

/// The stream of a program with instruction fetches, between the program and dispatch. State only: where the front end
/// is, ahead of dispatch, and when each instruction is there.
///
/// A fetch begins an instruction, which the data accesses that follow belong to; a data access that no fetch begins is an
/// instruction of its own, unless it continues one. `gap` counts further instructions. So a fetch without data access is
/// counted with the record after it, and streams with and without fetches have equally many instructions.
class FrontEnd {
 public:
  struct Entry {
    MemAccess access;
    uint64_t number = 0;        ///< of the access
    unsigned instructions = 0;  ///< that are dispatched with it
    CycleTime available;        ///< of a fetch: when its instruction can be dispatched
    AccessResult result;        ///< of a fetch: how it ended
  };

  /// `ahead`: instructions that may be between the front end and dispatch.
  explicit FrontEnd(unsigned ahead) : ahead_(ahead), ring_(256) {}

  /// True from the first fetch of a program until reset(): its stream goes through here.
  bool active() const { return active_; }
  /// Appends the next record of the stream.
  void push(const MemAccess& access, uint64_t number);
  bool empty() const { return dispatched_ == pushed_; }
  /// True if the front end will not run out of the stream when the next record is dispatched, whatever follows: then what
  /// happens does not depend on how many records the program hands over at once. There is a next record.
  bool knows_enough() const {
    const uint64_t left = instructions_pushed_ - instructions_dispatched_ - at(dispatched_).instructions;
    return left >= ahead_ || pushed_ - dispatched_ > most_records();
  }

  /// The next record to be dispatched.
  Entry& front() { return at(dispatched_); }
  /// True if the front end has passed the next record to be dispatched, so that Entry::available is right.
  bool front_is_fetched() const { return dispatched_ < fetched_; }
  void pop() {
    instructions_dispatched_ += front().instructions;
    ++dispatched_;
  }

  /// The next record that the front end passes, or nullptr if there is none or it is too far ahead of dispatch.
  Entry* next_to_fetch() {
    if (fetched_ == pushed_ || instructions_fetched_ - instructions_dispatched_ >= ahead_ ||
        fetched_ - dispatched_ >= most_records())
      return nullptr;
    return &at(fetched_);
  }
  /// The record for which the front end waits, while it is busy.
  Entry& fetching() { return at(fetched_); }
  void pass() {
    instructions_fetched_ += at(fetched_).instructions;
    ++fetched_;
  }
  /// Ends the stream: all records have been dispatched. Returns the instructions that were not counted with a record: 1 if
  /// the last fetch has no data access.
  unsigned reset() {
    active_ = false;
    has_line = false;
    return std::exchange(open_, false) ? 1 : 0;
  }

  // Of the front end's work.
  bool has_line = false;  ///< a line has been fetched
  VirtAddr line;          ///< the last one
  bool user = false;      ///< fetched for user code
  PhysAddr line_pa;
  CycleTime line_available;
  CycleTime next_fetch;   ///< the next record that needs a line is looked at in this cycle at the earliest
  bool has_port = false;  ///< it has a port of the cache then
  bool busy = false;      ///< a line or a translation is on its way
  CycleTime asked;        ///< since when

 private:
  /// Bounds the stream's part in here where many accesses belong to one instruction.
  uint64_t most_records() const { return uint64_t{8} * ahead_ + 64; }
  Entry& at(uint64_t position) { return ring_[position & (ring_.size() - 1)]; }
  const Entry& at(uint64_t position) const { return ring_[position & (ring_.size() - 1)]; }
  void grow();

  unsigned ahead_;
  std::vector<Entry> ring_;                             // a power of two
  uint64_t pushed_ = 0, fetched_ = 0, dispatched_ = 0;  // positions in the stream
  uint64_t instructions_pushed_ = 0, instructions_fetched_ = 0, instructions_dispatched_ = 0;
  bool active_ = false;
  bool open_ = false;  // a fetch has begun an instruction that no data access belongs to yet
};

}  // namespace mmusim
