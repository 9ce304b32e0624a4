// SPDX-License-Identifier: MIT
#include "sim/replay/frame_pool.h"

#include <algorithm>
#include <bit>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/splitmix.h"

namespace mmusim {

namespace {

constexpr uint64_t kBlockBytes = bytes_of(PageSize::k2M);
constexpr uint64_t kFramesPerBlock = kBlockBytes / kPageBytes;
constexpr uint64_t kGroupBlocks = 512;

}  // namespace

uint64_t mixed(uint64_t value, uint64_t seed) {
  return splitmix_finaliser(value + seed * kSplitmixStep + kSplitmixStep);
}

uint64_t permuted(uint64_t index, uint64_t n, uint64_t seed) {
  constexpr unsigned kRounds = 4;
  const auto bits = static_cast<unsigned>(std::bit_width(n - 1));
  const unsigned half = std::max(1U, (bits + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half;
    uint64_t right = index & mask;
    for (unsigned round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ (mixed(right, seed + round) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= n);
  return index;
}

FramePool::FramePool(const FramePoolConfig& config) : config_(config) {
  const PhysAddr begin = config_.begin.align_up(kBlockBytes);
  PhysAddr end = config_.begin + config_.bytes;
  if (config_.gigabytes != 0) {
    const uint64_t first_whole = (begin + kBlockBytes).align_up(kGiB).raw() / kGiB;
    const uint64_t end_of_whole = std::max(end.raw() / kGiB, first_whole);
    frames_1g_ = std::min(config_.gigabytes, end_of_whole - first_whole);
    first_1g_ = end_of_whole - frames_1g_;
    end = std::min(end, PhysAddr(first_1g_ * kGiB));
  }
  first_block_ = begin.raw() / kBlockBytes;
  blocks_ = end > begin ? (end - begin) / kBlockBytes : 0;
}

PhysAddr FramePool::take(uint64_t first, uint64_t frames, uint64_t& taken, uint64_t bytes) const {
  if (taken >= frames) {
    throw JobError(
        fmt::format("the {} MiB of physical memory at {} are used up by pages", config_.bytes / kMiB, config_.begin));
  }
  const uint64_t frame = config_.order == FrameOrder::kRandom ? permuted(taken, frames, config_.seed) : taken;
  ++taken;
  return PhysAddr((first + frame) * bytes);
}

PhysAddr FramePool::take_block() { return take(first_block_, blocks_, taken_blocks_, kBlockBytes); }

PhysAddr FramePool::take_1g() { return take(first_1g_, frames_1g_, taken_1g_, kGiB); }

PhysAddr FramePool::take_table() {
  if (next_table_.is_aligned(kBlockBytes)) next_table_ = take_block();
  const PhysAddr table = next_table_;
  next_table_ += kPageBytes;
  return table;
}

void FramePool::open_group() {
  group_.clear();
  const uint64_t wanted = config_.order == FrameOrder::kSequential ? 1 : kGroupBlocks;
  do {
    group_.push_back(take_block());
  } while (group_.size() < wanted && taken_blocks_ < blocks_ - std::min<uint64_t>(blocks_, blocks_ / 8 + 1));
  group_used_.assign(group_.size(), 0);
  taken_of_group_ = 0;
  current_ = 0;
}

/// Goes on with the current run, or breaks it off and begins in another block of the group.
uint64_t FramePool::next_in_runs() {
  const uint64_t draw = mixed(++draws_, config_.seed);
  constexpr double kDraws = 9007199254740992.0;  // 2^53
  const bool breaks = static_cast<double>(draw >> 11) < config_.fragmentation * kDraws;
  if (breaks) current_ = mixed(draw, config_.seed) % group_.size();
  while (group_used_[current_] == kFramesPerBlock) current_ = (current_ + 1) % group_.size();
  return current_ * kFramesPerBlock + group_used_[current_]++;
}

PhysAddr FramePool::take_4k() {
  if (taken_of_group_ == group_.size() * kFramesPerBlock) open_group();
  uint64_t frame = taken_of_group_;
  if (config_.order == FrameOrder::kRandom) {
    frame = permuted(frame, group_.size() * kFramesPerBlock, config_.seed ^ group_.front().raw());
  } else if (config_.order == FrameOrder::kFragmented) {
    frame = next_in_runs();
  }
  ++taken_of_group_;
  return group_[frame / kFramesPerBlock] + frame % kFramesPerBlock * kPageBytes;
}

}  // namespace mmusim
