// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/base/errors.h"
#include "models/base/histogram.h"
#include "models/base/types.h"

namespace mmusim {

// Counters are plain integers in one struct for each module. The struct lists them once:
//
//   struct TlbStats {
//     uint64_t hits = 0, misses = 0;
//     template <class Visitor>
//     void describe(Visitor&& v) const {
//       v("hits", hits, "lookups that found their translation");
//       v("misses", misses, "lookups that did not");
//     }
//   };
//
// A value may be a uint64_t, Cycles, a Histogram, or another such struct. Text, JSON, difference and sum are derived
// here; reset is `stats = {}`. Ratios are computed in the report, never stored.

/// A struct that lists its counters with describe().
template <class S>
concept Statistics = requires(const S& s) {
  s.describe([](std::string_view, const auto&, std::string_view) {});
};

/// One counter or distribution, taken out of its struct.
struct StatValue {
  std::string name;
  std::string meaning;
  uint64_t value = 0;                   ///< of a counter
  std::vector<Histogram> distribution;  ///< one element if it is a distribution, else empty
};

/// Counters of one module and of the modules below it: the report's tree is the module tree.
struct StatNode {
  std::string name;
  std::vector<StatValue> values;
  std::vector<StatNode> children;

  /// The child of that name, made if it is not there.
  StatNode& child(std::string_view child_name);
  /// Adds a counter that no struct holds.
  void add(std::string_view value_name, uint64_t value, std::string_view meaning);

  /// Takes over all that `stats` describes.
  template <Statistics S>
  void add(const S& stats) {
    stats.describe([this](std::string_view n, const auto& value, std::string_view meaning) {
      using T = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_same_v<T, Histogram>) {
        values.push_back({std::string(n), std::string(meaning), 0, {value}});
      } else if constexpr (std::is_same_v<T, Cycles>) {
        add(n, value.count, meaning);
      } else if constexpr (std::integral<T>) {
        add(n, static_cast<uint64_t>(value), meaning);
      } else {
        child(n).add(value);
      }
    });
  }
};

/// Returns the change between two states of the same counters (this minus earlier, name by name). Counters that only
/// the later state has are taken as they are.
StatNode difference(const StatNode& later, const StatNode& earlier);

/// `{"counter": 1, "child": {"counter": 2}}`; a distribution as in to_json(Histogram).
nlohmann::ordered_json to_json(const StatNode& node);
/// `{"count","sum","min","max","p50","p95","p99","buckets":[[lower, upper, count], ...]}`, empty buckets left out.
nlohmann::ordered_json to_json(const Histogram& histogram);
/// The meanings, by path: `{"dtlb.hits": "lookups that ..."}`.
nlohmann::ordered_json meanings_of(const StatNode& node);
/// A line `path.name  value  # meaning` for each counter, aligned.
std::string to_text(const StatNode& node);

namespace detail {

/// Applies `op(a, b)` to each counter of `a` and the counter of the same place in `b`.
template <Statistics S, class Op>
void combine(S& a, const S& b, Op op) {
  std::vector<const void*> theirs;
  b.describe([&](std::string_view, const auto& value, std::string_view) { theirs.push_back(&value); });
  size_t i = 0;
  a.describe([&](std::string_view, const auto& value, std::string_view) {
    using T = std::remove_cvref_t<decltype(value)>;
    // `a` is not const here; describe() hands out const references only because it serves reports too.
    op(const_cast<T&>(value), *static_cast<const T*>(theirs[i++]));
  });
}

struct Subtract {
  template <class T>
  void operator()(T& a, const T& b) const {
    if constexpr (std::is_same_v<T, Histogram>) {
      a.subtract(b);
    } else if constexpr (std::is_same_v<T, Cycles>) {
      a = a - b;
    } else if constexpr (std::integral<T>) {
      a = static_cast<T>(a - b);
    } else {
      combine(a, b, *this);
    }
  }
};

struct Add {
  template <class T>
  void operator()(T& a, const T& b) const {
    if constexpr (std::is_same_v<T, Histogram>) {
      a.merge(b);
    } else if constexpr (std::is_same_v<T, Cycles>) {
      a += b;
    } else if constexpr (std::integral<T>) {
      a = static_cast<T>(a + b);
    } else {
      combine(a, b, *this);
    }
  }
};

}  // namespace detail

/// end - begin, counter by counter. describe() must hand out the members themselves, not computed values.
template <Statistics S>
S difference(S end, const S& begin) {
  detail::combine(end, begin, detail::Subtract{});
  return end;
}

/// a + b, counter by counter: for totals over several cores.
template <Statistics S>
S sum(S a, const S& b) {
  detail::combine(a, b, detail::Add{});
  return a;
}

}  // namespace mmusim
