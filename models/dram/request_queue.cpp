// SPDX-License-Identifier: MIT
#include "models/dram/request_queue.h"

#include "models/base/errors.h"

namespace mmusim {

RequestQueue::RequestQueue(unsigned capacity, unsigned banks, DramCommand column)
    : column_(column), entries_(capacity), banks_(banks) {
  for (unsigned i = capacity; i > 0; --i) free_.push_back(static_cast<Index>(i - 1));
  busy_.reserve(banks);
}

RequestQueue::Index RequestQueue::search_line(unsigned bank, uint64_t line) const {
  Index i = banks_[bank].head;
  while (i != kNone && entries_[i].line != line) i = entries_[i].next;
  return i;
}

RequestQueue::Entry& RequestQueue::push(uint64_t line, uint16_t bank_number, uint64_t row, DramCommand command,
                                        uint64_t sequence) {
  MMUSIM_INVARIANT(!free_.empty(), "DRAM queue has room");
  const Index i = free_.back();
  free_.pop_back();
  Entry& e = entries_[i];
  e.line = line;
  e.row = row;
  e.sequence = sequence;
  e.bank = bank_number;
  Bank& bank = banks_[bank_number];
  e.next = kNone;
  e.previous = bank.tail;
  const bool first = bank.tail == kNone, first_hit = command == column_ && bank.hit == kNone;
  if (first) {
    bank.head = i;
    bank.busy_position = static_cast<uint16_t>(busy_.size());
    busy_.push_back({.bank = bank_number});
  } else {
    entries_[bank.tail].next = i;
  }
  bank.tail = i;
  if (first_hit) bank.hit = i;
  if (first || first_hit) contend(bank, command);
  e.next_in_age = kNone;
  e.previous_in_age = youngest_;
  (youngest_ != kNone ? entries_[youngest_].next_in_age : oldest_) = i;
  youngest_ = i;
  ++with_digest_[digest_of(line)];
  ++size_;
  return e;
}

void RequestQueue::erase(Index i) {
  const Entry& e = entries_[i];
  Bank& bank = banks_[e.bank];
  if (bank.hit == i) bank.hit = find_row(e.next, e.row);
  (e.previous != kNone ? entries_[e.previous].next : bank.head) = e.next;
  (e.next != kNone ? entries_[e.next].previous : bank.tail) = e.previous;
  (e.previous_in_age != kNone ? entries_[e.previous_in_age].next_in_age : oldest_) = e.next_in_age;
  (e.next_in_age != kNone ? entries_[e.next_in_age].previous_in_age : youngest_) = e.previous_in_age;
  if (bank.head == kNone) {
    busy_[bank.busy_position] = busy_.back();
    banks_[busy_.back().bank].busy_position = bank.busy_position;
    busy_.pop_back();
  } else {
    contend(bank, DramCommand::kPrecharge);  // its row is open
  }
  free_.push_back(i);
  --with_digest_[digest_of(e.line)];
  --size_;
}

}  // namespace mmusim
