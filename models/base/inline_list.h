// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace mmusim {

/// Up to N plain values in place. Unlike an array, what was not put in is not initialised, so that a list of a few
/// values costs only those.
template <class T, size_t N>
class InlineList {
  static_assert(std::is_trivially_copyable_v<T> && N < 256);

 public:
  InlineList() {}  // NOLINT: leaves the bytes alone

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == N; }
  const T& operator[](size_t i) const { return begin()[i]; }
  const T& back() const { return begin()[count_ - 1U]; }
  /// One more, for which there is room: the caller sets each member.
  T& append() { return reinterpret_cast<T*>(bytes_)[count_++]; }
  void clear() { count_ = 0; }
  /// The byte after the last one that means something.
  const std::byte* end_of_use() const { return bytes_ + count_ * sizeof(T); }
  operator std::span<const T>() const { return {begin(), count_}; }

 private:
  const T* begin() const { return reinterpret_cast<const T*>(bytes_); }

  uint8_t count_ = 0;
  alignas(T) std::byte bytes_[N * sizeof(T)];
};

}  // namespace mmusim
