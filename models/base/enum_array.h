// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>

namespace mmusim {

/// Number of enumerators of E, which count from 0. Each enumeration that indexes an EnumArray says it beside its
/// definition.
template <class E>
inline constexpr size_t kCountOf = 0;

/// All enumerators of E in order.
template <class E>
inline constexpr std::array<E, kCountOf<E>> kAllOf = [] {
  static_assert(kCountOf<E> != 0, "the enumeration says how many enumerators it has");
  std::array<E, kCountOf<E>> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<E>(i);
  return all;
}();

/// An array with one element for each enumerator of E, indexed by enumerators alone.
template <class E, class T>
struct EnumArray {
  static_assert(kCountOf<E> != 0, "the enumeration says how many enumerators it has");
  std::array<T, kCountOf<E>> values;

  constexpr T& operator[](E e) { return values[static_cast<size_t>(e)]; }
  constexpr const T& operator[](E e) const { return values[static_cast<size_t>(e)]; }
  constexpr auto begin() { return values.begin(); }
  constexpr auto begin() const { return values.begin(); }
  constexpr auto end() { return values.end(); }
  constexpr auto end() const { return values.end(); }
  constexpr void fill(const T& value) { values.fill(value); }
  constexpr EnumArray& operator+=(const EnumArray& other) {
    for (size_t i = 0; i < size(); ++i) values[i] += other.values[i];
    return *this;
  }
  constexpr EnumArray& operator-=(const EnumArray& other) {
    for (size_t i = 0; i < size(); ++i) values[i] -= other.values[i];
    return *this;
  }
  static constexpr size_t size() { return kCountOf<E>; }
  bool operator==(const EnumArray&) const = default;
};

}  // namespace mmusim
