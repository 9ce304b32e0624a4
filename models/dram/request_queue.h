// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/dram/dram_timing.h"

namespace mmusim {

/// The read or the write queue of a channel: requests by bank, oldest first, and for each bank the one that comes next,
/// with the command that it needs. No time, no timing. All operations but the search for the next hit take constant time.
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

  /// The request that comes next in its bank: the oldest that hits the open row, else the oldest.
  struct Contender {
    uint64_t rank = 0;         ///< orders contenders of one cycle: column commands come first, then older requests
    DramCycle not_before = 0;  ///< its command is not allowed earlier, as far as the controller has found out
    Index entry = kNone;
    uint16_t bank = 0;
    DramCommand command = DramCommand::kActivate;  ///< what it needs
  };

  /// `column`: the command of its requests, kRead or kWrite.
  RequestQueue(unsigned capacity, unsigned banks, DramCommand column);

  unsigned size() const { return size_; }
  unsigned capacity() const { return static_cast<unsigned>(entries_.size()); }
  bool empty() const { return size_ == 0; }

  /// The command of its requests, kRead or kWrite.
  DramCommand column() const { return column_; }
  const Entry& operator[](Index i) const { return entries_[i]; }
  /// One contender for each bank with requests, in no particular order. The caller may write `not_before`, which is 0
  /// again when another request comes next in the bank or another command is needed.
  std::vector<Contender>& contenders() { return busy_; }
  /// That of a bank with requests.
  const Contender& contender(unsigned bank) const { return busy_[banks_[bank].busy_position]; }
  /// The oldest and the youngest request of the queue, which is not empty.
  Index oldest() const { return oldest_; }
  Index youngest() const { return youngest_; }
  /// The oldest request of the bank for its open row; kNone if there is none.
  Index oldest_hit(unsigned bank) const { return banks_[bank].hit; }
  /// The request for that line; kNone if there is none.
  Index find_line(unsigned bank, uint64_t line) const {
    return with_digest_[digest_of(line)] == 0 ? kNone : search_line(bank, line);
  }

  /// Appends a request for a line in `row` of `bank`, which needs `command` next. The queue must have room. `sequence`
  /// grows with each request. The caller sets id and arrival.
  Entry& push(uint64_t line, uint16_t bank, uint64_t row, DramCommand command, uint64_t sequence);
  /// Removes a request; the contender of its bank moves on if need be.
  void erase(Index i);
  /// The bank opened `row`: finds its oldest hit.
  void row_opened(unsigned bank, uint64_t row) {
    Bank& b = banks_[bank];
    if (b.head == kNone) return;
    b.hit = find_row(b.head, row);
    contend(b, DramCommand::kPrecharge);
  }
  void row_closed(unsigned bank) {
    Bank& b = banks_[bank];
    if (b.head == kNone) return;
    b.hit = kNone;
    contend(b, DramCommand::kActivate);
  }

 private:
  struct Bank {
    Index head = kNone, tail = kNone, hit = kNone;
    uint16_t busy_position = 0;
  };

  static constexpr uint64_t kNotColumn = uint64_t{1} << 63;
  static constexpr unsigned kDigestBits = 7;  // twice the usual capacity: a line that is not there is mostly told so

  static size_t digest_of(uint64_t line) { return line * 0x9e3779b97f4a7c15 >> (64 - kDigestBits); }
  Index search_line(unsigned bank, uint64_t line) const;
  /// Notes which request comes next in the bank; `command`: what it needs if it does not hit.
  void contend(const Bank& bank, DramCommand command) {
    Contender& c = busy_[bank.busy_position];
    const bool hits = bank.hit != kNone;
    c.entry = hits ? bank.hit : bank.head;
    c.rank = (hits ? 0 : kNotColumn) + entries_[c.entry].sequence;
    c.command = hits ? column_ : command;
    c.not_before = 0;
  }
  Index find_row(Index from, uint64_t row) const {
    while (from != kNone && entries_[from].row != row) from = entries_[from].next;
    return from;
  }

  DramCommand column_;
  std::vector<Entry> entries_;
  std::vector<Index> free_;
  std::vector<Bank> banks_;
  std::vector<Contender> busy_;
  std::array<uint16_t, size_t{1} << kDigestBits> with_digest_{};  ///< how many requests have a line with that digest
  Index oldest_ = kNone, youngest_ = kNone;
  unsigned size_ = 0;
};

}  // namespace mmusim
