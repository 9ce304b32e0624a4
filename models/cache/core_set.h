// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>

#include "models/base/errors.h"

namespace mmusim {

/// A set of the cores of a machine, by number. The first 64 cores need no memory beside it.
class CoreSet {
 public:
  static constexpr unsigned kMostCores = 512;

  CoreSet() = default;
  CoreSet(const CoreSet& o) : first_(o.first_), others_(o.others_ ? std::make_unique<Others>(*o.others_) : nullptr) {}
  CoreSet(CoreSet&&) = default;
  CoreSet& operator=(const CoreSet& o) { return *this = CoreSet(o); }
  CoreSet& operator=(CoreSet&&) = default;
  ~CoreSet() = default;

  void set(unsigned core) { word(core) |= bit(core); }
  void reset(unsigned core) {
    if (test(core)) word(core) &= ~bit(core);
  }
  void clear() { *this = CoreSet(); }
  bool test(unsigned core) const {
    if (core < 64) [[likely]]
      return (first_ & bit(core)) != 0;
    return others_ && ((*others_)[core / 64 - 1] & bit(core)) != 0;
  }
  bool none() const { return first_ == 0 && (!others_ || *others_ == Others{}); }
  bool any() const { return !none(); }
  /// Calls `visit` with each core, the lowest first.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for_each_of(first_, 0, visit);
    for (unsigned i = 0; others_ && i < others_->size(); ++i) for_each_of((*others_)[i], (i + 1) * 64, visit);
  }

 private:
  using Others = std::array<uint64_t, kMostCores / 64 - 1>;

  static uint64_t bit(unsigned core) { return uint64_t{1} << core % 64; }
  uint64_t& word(unsigned core) {
    if (core < 64) [[likely]]
      return first_;
    MMUSIM_INVARIANT(core < kMostCores, "the number of a core");
    if (!others_) others_ = std::make_unique<Others>();
    return (*others_)[core / 64 - 1];
  }
  template <class Visitor>
  static void for_each_of(uint64_t left, unsigned begin, Visitor&& visit) {
    for (; left != 0; left &= left - 1) visit(begin + static_cast<unsigned>(std::countr_zero(left)));
  }

  uint64_t first_ = 0;
  std::unique_ptr<Others> others_;
};

}  // namespace mmusim
