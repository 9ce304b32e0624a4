// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace mmusim {

/// Replacement by predicted re-reference interval, for the arrays of SetArray. State only.
///
/// Each way holds a prediction of 2 bits: 0 is a use soon, 3 is a use in the distant future. A use sets it to 0. The victim
/// is the first way of a set with a 3; while there is none, all predictions of the set grow by one. The kinds differ in what
/// a new key gets (Jaleel et al., "High Performance Cache Replacement Using Re-Reference Interval Prediction", ISCA 2010;
/// Wu et al., "SHiP: Signature-based Hit Predictor", MICRO 2011):
///
///   kStatic     2.
///   kDynamic    2, or 3 but for one key in 32, whichever loses less: of each group of sets the first one uses the one rule,
///               the last one the other, and a counter of 10 bits of their misses decides for the rest. There are 32 groups,
///               of 4 sets or more.
///   kSignature  3 if the keys of its signature were not used again before they left, else 2. A table of 16384 counters of
///               3 bits counts that. The signature is that of the paper's SHiP-Mem: the region of memory, of 256 lines or
///               pages. The counters begin at 1, which the paper leaves open.
///
/// A key counts as used again once, however often it is used: runs of hits may be told as one.
class Rrip {
 public:
  enum class Kind : uint8_t { kStatic, kDynamic, kSignature };
  static constexpr unsigned kLeastGroup = 4;  ///< sets that kDynamic needs

  /// Slots below `slots`, of `sets` sets. Keys that agree in all bits from `region_shift` on have one signature.
  Rrip(Kind kind, unsigned sets, unsigned slots, unsigned region_shift);

  void use(unsigned slot);
  /// Returns the slot that makes room in a full set, which has the `ways` slots from `first` on. Its key leaves.
  unsigned take_victim(unsigned first, unsigned ways);
  /// Notes that `slot`, of set `set`, holds a new key.
  void insert(unsigned slot, unsigned set, uint64_t key);
  /// Makes `slot` the next victim of its set, which has the `ways` slots from `first` on.
  void demote(unsigned slot, unsigned first, unsigned ways);

 private:
  static constexpr uint8_t kDistant = 3;
  static constexpr unsigned kSignatureBits = 14;

  struct Way {
    uint16_t signature = 0;
    uint8_t prediction = kDistant;
    bool used = false;
  };

  uint8_t prediction_of(unsigned set, uint64_t key);
  uint8_t duelled(unsigned set);
  unsigned signature_of(uint64_t key) const;

  Kind kind_;
  unsigned region_shift_;
  unsigned group_;            // sets of a group
  unsigned misses_;           // of the leaders: above the middle, the first ones miss more
  unsigned since_short_ = 0;  // keys predicted distant since one was not
  std::vector<Way> ways_;
  std::vector<uint8_t> reuse_;  // by signature
};

}  // namespace mmusim
