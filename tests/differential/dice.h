// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace mmusim::differential {

/// Random choices from a seed; the same on every host and with every standard library (splitmix64).
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  /// A number from `low` to `high`, both included.
  uint64_t between(uint64_t low, uint64_t high) { return low + next() % (high - low + 1); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }
  /// One of the values; those given twice come up twice as often.
  template <class T>
  T pick(std::initializer_list<T> values) {
    return *(values.begin() + next() % values.size());
  }
  template <class T>
  const T& pick(const std::vector<T>& values) {
    return values[next() % values.size()];
  }
  /// Small numbers often, large ones now and then: the exponent is uniform.
  uint64_t skewed(uint64_t low, uint64_t high) {
    uint64_t most = high - low;
    const auto halvings = between(0, 63);
    for (uint64_t i = 0; i < halvings && most > 1; ++i) most /= 2;
    return low + between(0, most);
  }

 private:
  uint64_t state_;
};

}  // namespace mmusim::differential
