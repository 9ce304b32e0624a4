// SPDX-License-Identifier: MIT
#include "models/core/store_queue.h"

#include <algorithm>

#include "models/base/errors.h"

namespace mmusim {

StoreQueue::Index StoreQueue::push(uint64_t number, const MemAccess& access, CycleTime dispatched) {
  MMUSIM_INVARIANT(!free_.empty(), "the store queue has room");
  const Index i = free_.back();
  free_.pop_back();
  Store& store = stores_[i];
  store.number = number;
  store.access = access;
  store.dispatched = dispatched;
  store.translated = store.written = store.retired = false;
  unwritten_.push_back(i);
  count_lines(access, 1);
  return i;
}

void StoreQueue::note_written(Index i) {
  stores_[i].written = true;
  count_lines(stores_[i].access, -1);
  if (unwritten_.back() == i) return unwritten_.pop_back();  // perf: one that hits has just been appended
  unwritten_.erase(std::find(unwritten_.begin(), unwritten_.end(), i));
}

void StoreQueue::count_lines(const MemAccess& access, int by) {
  const uint64_t lines = ((access.va.raw() & (kLineBytes - 1)) + access.bytes - 1) / kLineBytes + 1;
  for (uint64_t i = 0; i < lines; ++i) in_line_[hash_of(access.va + i * kLineBytes)] += by;
}

StoreQueue::Overlap StoreQueue::search(const MemAccess& access) const {
  const uint64_t first = access.va.raw();
  for (auto i = unwritten_.rbegin(); i != unwritten_.rend(); ++i) {
    const Store& store = stores_[*i];
    const uint64_t begins = store.access.va.raw();
    // Differences, because addresses may wrap around.
    const bool reaches = first - begins < store.access.bytes || begins - first < access.bytes;
    if (!reaches) continue;
    return {*i, first - begins < store.access.bytes && first - begins + access.bytes <= store.access.bytes};
  }
  return {};
}

}  // namespace mmusim
