// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/types.h"

namespace mmusim {

/// In what order physical frames are handed out.
enum class FrameOrder : uint8_t {
  kSequential,  ///< ascending
  kRandom,      ///< a seeded permutation: 4 KiB frames within groups of up to 1 GiB, larger ones over the whole range
  kFragmented,  ///< ascending runs; after each frame the run breaks off with probability `fragmentation`
};

/// Physical memory to hand out, and how.
struct FramePoolConfig {
  PhysAddr begin{16 * kMiB};  ///< rounded up to 2 MiB
  uint64_t bytes = uint64_t{1} << 46;
  FrameOrder order = FrameOrder::kSequential;
  double fragmentation = 0.5;  ///< kFragmented: 0 (none) to 1
  uint64_t seed = 1;
  uint64_t gigabytes = 0;  ///< so many whole GiB, the last ones, are for take_1g() alone, or as many as there are
  /// All from the first whole GiB on.
  static constexpr uint64_t kAllGigabytes = ~uint64_t{0};
};

/// Hands out frames of simulated memory; never takes back. The sequence is a pure function of the configuration and of
/// the calls. All functions throw JobError when the range is used up.
class FramePool {
 public:
  explicit FramePool(const FramePoolConfig& config);

  PhysAddr take_4k();
  PhysAddr take_2m() { return take_block(); }
  PhysAddr take_1g();
  /// A zeroed-by-nature frame for a paging structure; they fill 2 MiB blocks of their own, ascending.
  PhysAddr take_table();
  const FramePoolConfig& config() const { return config_; }

 private:
  PhysAddr take(uint64_t first, uint64_t frames, uint64_t& taken, uint64_t bytes) const;
  PhysAddr take_block();
  void open_group();
  uint64_t next_in_runs();

  const FramePoolConfig config_;
  uint64_t first_block_ = 0;  // in units of 2 MiB
  uint64_t blocks_ = 0;
  uint64_t taken_blocks_ = 0;
  uint64_t first_1g_ = 0;  // in units of 1 GiB
  uint64_t frames_1g_ = 0;
  uint64_t taken_1g_ = 0;
  PhysAddr next_table_;               // of the block for tables; aligned to 2 MiB: none open
  std::vector<PhysAddr> group_;       // blocks that 4 KiB frames come from now
  std::vector<uint16_t> group_used_;  // kFragmented: frames taken of each
  uint64_t taken_of_group_ = 0;
  uint64_t current_ = 0;  // kFragmented: block of the run
  uint64_t draws_ = 0;
};

/// A permutation of 0 ... n-1, drawn by `seed` (a Feistel network with cycle walking).
uint64_t permuted(uint64_t index, uint64_t n, uint64_t seed);
/// The splitmix64 finaliser of `value` under `seed`.
uint64_t mixed(uint64_t value, uint64_t seed);

}  // namespace mmusim
