// SPDX-License-Identifier: MIT
#include "sim/trace/trace_statistics.h"

#include <algorithm>
#include <bit>

namespace mmusim {

void PageSet::insert(uint64_t page) {
  if (2 * (size_ + 1) > table_.size()) {
    std::vector<uint64_t> old(2 * table_.size());
    old.swap(table_);
    size_ = 0;
    for (const uint64_t stored : old) {
      if (stored != 0) insert(stored - 1);
    }
  }
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  const uint64_t hash = page * kMultiplier;
  const size_t mask = table_.size() - 1;
  size_t i = (hash ^ (hash >> 32)) & mask;
  while (table_[i] != 0 && table_[i] != page + 1) i = (i + 1) & mask;
  if (table_[i] != 0) return;
  table_[i] = page + 1;
  ++size_;
}

void TraceCounter::use_page(uint64_t page) {
  if (page == last_page_) {
    ++s_.reuse[0];
    return;
  }
  last_page_ = page;
  const std::optional<uint64_t> distance = pages_.use(page);
  if (!distance) {
    ++s_.first_uses;
    large_pages_.insert(page >> 9);
    huge_pages_.insert(page >> 18);
    return;
  }
  const unsigned bucket = static_cast<unsigned>(std::bit_width(*distance));
  ++s_.reuse[std::min(bucket, TraceStatistics::kReuseBuckets - 1)];
}

void TraceCounter::add(const MemAccess& access) {
  const uint64_t va = access.va.raw();
  const uint64_t last = va + (access.bytes - 1U);
  const uint64_t page = va >> kPageShift;
  checksum_.access(access);
  ++s_.accesses[static_cast<size_t>(access.kind)];
  s_.user += access.user ? 1 : 0;
  s_.rmw += access.rmw ? 1 : 0;
  s_.dependent += access.depends_on != 0 ? 1 : 0;
  s_.instructions += access.gap;
  s_.lowest = std::min(s_.lowest, access.va);
  s_.highest = std::max(s_.highest, VirtAddr(last));
  if (access.kind == AccessKind::kFetch) {
    s_.fetch_bytes += access.bytes;
  } else {
    s_.bytes += access.bytes;
    ++s_.size_log2[static_cast<size_t>(std::bit_width(access.bytes) - 1)];
    if (page != last_data_page_) {
      last_data_page_ = page;
      data_pages_.insert(page);
    }
  }
  use_page(page);
  if (last >> kPageShift != page) {
    ++s_.page_crossing;
    use_page(last >> kPageShift);
  }
}

void TraceCounter::add(const TraceBatch& batch) {
  s_.records = batch.first_record + batch.records;
  for (const MemAccess& access : batch.accesses) add(access);
  for (const TraceEvent& event : batch.events) ++s_.events[static_cast<size_t>(event.kind)];
  if (batch.accesses.empty()) return;
  if (!s_.first) s_.first = batch.accesses.front();
  s_.last = batch.accesses.back();
}

TraceStatistics TraceCounter::result() const {
  TraceStatistics result = s_;
  const uint64_t fetches = s_.accesses[static_cast<size_t>(AccessKind::kFetch)];
  const uint64_t data =
      s_.accesses[static_cast<size_t>(AccessKind::kRead)] + s_.accesses[static_cast<size_t>(AccessKind::kWrite)];
  result.instructions += fetches != 0 ? fetches : data;
  result.distinct_pages = data_pages_.size();
  result.footprint = {pages_.distinct(), large_pages_.size(), huge_pages_.size()};
  result.checksum = checksum_.value();
  return result;
}

}  // namespace mmusim
