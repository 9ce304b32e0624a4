// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/dram/dram_timing.h"

namespace mmusim {

/// The read or the write queue of a channel: requests by bank, oldest first, and for each bank the oldest request that
/// hits its open row. No time, no timing. All operations but the search for the next hit take constant time.
class RequestQueue {
 public:
  using Index = uint16_t;
  static constexpr Index kNone = 0xffff;

  struct Entry {
    uint64_t id = 0;
    uint64_t line = 0;  ///< physical address / 64
    uint64_t row = 0;
    uint64_t sequence = 0;  ///< order of arrival at the channel
    DramCycle arrival = 0;
    uint16_t bank = 0;
    Index next = kNone, previous = kNone;                ///< within the bank, by age
    Index next_in_age = kNone, previous_in_age = kNone;  ///< within the queue, by age
  };

  RequestQueue(unsigned capacity, unsigned banks);

  unsigned size() const { return size_; }
  unsigned capacity() const { return static_cast<unsigned>(entries_.size()); }
  bool empty() const { return size_ == 0; }

  const Entry& operator[](Index i) const { return entries_[i]; }
  /// Banks with requests, in no particular order.
  const std::vector<uint16_t>& busy_banks() const { return busy_; }
  /// The oldest request of a bank that has some, and of the whole queue when it is not empty.
  Index oldest(unsigned bank) const { return banks_[bank].head; }
  Index oldest() const { return oldest_; }
  /// The oldest request of the bank for its open row; kNone if there is none.
  Index oldest_hit(unsigned bank) const { return banks_[bank].hit; }
  /// The request for that line; kNone if there is none.
  Index find_line(unsigned bank, uint64_t line) const {
    return with_digest_[digest_of(line)] == 0 ? kNone : search_line(bank, line);
  }

  /// Appends a request for a line in `row` of `bank`; `hits` says whether that row is open. The queue must have room.
  /// The caller sets id, sequence and arrival.
  Entry& push(uint64_t line, uint16_t bank, uint64_t row, bool hits);
  /// Removes a request; the hit of its bank moves on if need be.
  void erase(Index i);
  /// The bank opened `row`: finds its oldest hit.
  void row_opened(unsigned bank, uint64_t row) { banks_[bank].hit = find_row(banks_[bank].head, row); }
  void row_closed(unsigned bank) { banks_[bank].hit = kNone; }

 private:
  struct Bank {
    Index head = kNone, tail = kNone, hit = kNone;
    uint16_t busy_position = 0;
  };

  static constexpr unsigned kDigestBits = 7;  // twice the usual capacity: a line that is not there is mostly told so

  static size_t digest_of(uint64_t line) { return line * 0x9e3779b97f4a7c15 >> (64 - kDigestBits); }
  Index search_line(unsigned bank, uint64_t line) const;
  Index find_row(Index from, uint64_t row) const {
    while (from != kNone && entries_[from].row != row) from = entries_[from].next;
    return from;
  }

  std::vector<Entry> entries_;
  std::vector<Index> free_;
  std::vector<Bank> banks_;
  std::vector<uint16_t> busy_;
  std::array<uint16_t, size_t{1} << kDigestBits> with_digest_{};  ///< how many requests have a line with that digest
  Index oldest_ = kNone, youngest_ = kNone;
  unsigned size_ = 0;
};

}  // namespace mmusim
