// SPDX-License-Identifier: MIT
#include "sim/measure/chase.h"

#include <algorithm>
#include <numeric>

#include "models/base/splitmix.h"

namespace mmusim {

namespace {

/// A small generator with a fixed sequence (splitmix64), so that orders are equal on all hosts.
class Order {
 public:
  explicit Order(uint64_t seed) : state_(seed) {}
  uint64_t below(uint64_t end) { return splitmix_finaliser(state_ += kSplitmixStep) % end; }

 private:
  uint64_t state_;
};

void shuffle(std::vector<uint64_t>& list, size_t begin, size_t end, Order& order) {
  for (size_t i = end; i > begin + 1; --i) std::swap(list[i - 1], list[begin + order.below(i - begin)]);
}

/// Lines far enough apart that no prefetcher brings one with another, in pages few enough for a TLB.
uint64_t cold_offset(uint64_t i) {
  constexpr uint64_t kLines = 8, kApart = 67;  // pages; odd, so that they spread over the sets of a TLB
  const uint64_t page = i / kLines;
  return page * kApart * kPageBytes + (i % kLines * kLines + page % kLines) * kLineBytes;
}

Step step_of(const Chase& chase, uint64_t i) {
  const uint64_t line = (i + i / 64) % 64 * kLineBytes;
  if (chase.kind == ChaseKind::kLines) {
    uint64_t offset = (chase.apart ? i : i / 64) * kPageBytes + line;
    if (chase.cold) offset = cold_offset(i);
    return {offset / bytes_of(PageSize::k2M), offset % bytes_of(PageSize::k2M)};
  }
  if (chase.kind == ChaseKind::kFetchLines) return {i / 64, line};
  const uint64_t page = i / chase.group * chase.stride + i % chase.group;
  if (chase.pages == PageSize::k4K) return {page, line};
  return {page, i / 64 * kPageBytes % bytes_of(chase.pages) + line};
}

}  // namespace

std::vector<Step> steps_of(const Chase& chase) {
  const uint64_t lanes = std::max(1U, chase.lanes);
  std::vector<uint64_t> order(std::max(chase.count / lanes, uint64_t{1}) * lanes);
  std::iota(order.begin(), order.end(), uint64_t{0});
  Order random(1);
  const size_t window = chase.window == 0 ? order.size() : chase.window;
  for (size_t begin = 0; begin < order.size(); begin += window) {
    shuffle(order, begin, std::min(begin + window, order.size()), random);
  }
  std::vector<Step> steps;
  steps.reserve(order.size());
  for (const uint64_t i : order) steps.push_back(step_of(chase, i));
  return steps;
}

uint64_t pages_spanned(const Chase& chase) {
  if (chase.kind == ChaseKind::kLines) {
    const uint64_t last = chase.count == 0 ? 0 : chase.count - 1;
    const uint64_t bytes = chase.cold ? cold_offset(last) : chase.apart ? last * kPageBytes : last * kLineBytes;
    return bytes / bytes_of(PageSize::k2M) + 1;
  }
  if (chase.kind == ChaseKind::kFetchLines) return (chase.count + 63) / 64;
  const uint64_t last = chase.count == 0 ? 0 : chase.count - 1;
  return last / chase.group * chase.stride + std::min(chase.count, chase.group);
}

}  // namespace mmusim
