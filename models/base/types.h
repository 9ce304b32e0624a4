// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>

#include "models/base/format.h"

namespace mmusim {

/// An address in one address space. Different spaces do not mix; differences are bytes.
template <class Space>
class Address {
 public:
  constexpr Address() = default;
  constexpr explicit Address(uint64_t raw) : raw_(raw) {}

  constexpr uint64_t raw() const { return raw_; }
  constexpr bool is_aligned(uint64_t bytes) const { return (raw_ & (bytes - 1)) == 0; }
  /// Rounded down to a power of two of bytes.
  constexpr Address align_down(uint64_t bytes) const { return Address(raw_ & ~(bytes - 1)); }
  /// Rounded up to a power of two of bytes; wraps to 0 past the top.
  constexpr Address align_up(uint64_t bytes) const { return Address((raw_ + bytes - 1) & ~(bytes - 1)); }

  constexpr auto operator<=>(const Address&) const = default;
  friend constexpr Address operator+(Address a, uint64_t bytes) { return Address(a.raw_ + bytes); }
  friend constexpr Address operator-(Address a, uint64_t bytes) { return Address(a.raw_ - bytes); }
  friend constexpr uint64_t operator-(Address a, Address b) { return a.raw_ - b.raw_; }
  constexpr Address& operator+=(uint64_t bytes) {
    raw_ += bytes;
    return *this;
  }

 private:
  uint64_t raw_ = 0;
};

/// A whole number of something, with arithmetic only within its own kind.
template <class Kind>
struct Count {
  uint64_t count = 0;

  constexpr Count() = default;
  constexpr explicit Count(uint64_t n) : count(n) {}
  constexpr auto operator<=>(const Count&) const = default;
  friend constexpr Count operator+(Count a, Count b) { return Count(a.count + b.count); }
  friend constexpr Count operator-(Count a, Count b) { return Count(a.count - b.count); }
  friend constexpr Count operator*(Count a, uint64_t n) { return Count(a.count * n); }
  constexpr Count& operator+=(Count b) {
    count += b.count;
    return *this;
  }
};

using PhysAddr = Address<struct PhysSpace>;
using VirtAddr = Address<struct VirtSpace>;
using Cycles = Count<struct CycleKind>;  ///< a length of time in core cycles

/// A moment, in core cycles since the start of the simulation. Moments do not add.
struct CycleTime {
  uint64_t count = 0;

  constexpr CycleTime() = default;
  constexpr explicit CycleTime(uint64_t n) : count(n) {}
  constexpr auto operator<=>(const CycleTime&) const = default;
  friend constexpr CycleTime operator+(CycleTime t, Cycles d) { return CycleTime(t.count + d.count); }
  friend constexpr Cycles operator-(CycleTime a, CycleTime b) { return Cycles(a.count - b.count); }
  constexpr CycleTime& operator+=(Cycles d) {
    count += d.count;
    return *this;
  }
};

/// Physical page-frame number: physical address / 4 KiB.
struct Pfn {
  uint64_t raw = 0;
  constexpr Pfn() = default;
  constexpr explicit Pfn(uint64_t n) : raw(n) {}
  constexpr auto operator<=>(const Pfn&) const = default;
  friend constexpr Pfn operator+(Pfn a, uint64_t pages) { return Pfn(a.raw + pages); }
  friend constexpr uint64_t operator-(Pfn a, Pfn b) { return a.raw - b.raw; }
};

inline constexpr unsigned kPageShift = 12;
inline constexpr uint64_t kPageBytes = uint64_t{1} << kPageShift;
inline constexpr unsigned kLineShift = 6;
inline constexpr uint64_t kLineBytes = uint64_t{1} << kLineShift;

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;
inline constexpr uint64_t kTiB = 1024 * kGiB;

constexpr Pfn pfn_of(PhysAddr pa) { return Pfn(pa.raw() >> kPageShift); }
constexpr PhysAddr address_of(Pfn pfn) { return PhysAddr(pfn.raw << kPageShift); }

/// The sizes a leaf entry can map. The value is log2 of the bytes.
enum class PageSize : uint8_t { k4K = 12, k2M = 21, k4M = 22, k1G = 30 };

constexpr unsigned shift_of(PageSize size) { return static_cast<unsigned>(size); }
constexpr uint64_t bytes_of(PageSize size) { return uint64_t{1} << shift_of(size); }
constexpr const char* name_of(PageSize size) {
  switch (size) {
    case PageSize::k4K:
      return "4K";
    case PageSize::k2M:
      return "2M";
    case PageSize::k4M:
      return "4M";
    case PageSize::k1G:
      return "1G";
  }
  return "?";
}

}  // namespace mmusim

template <class Space>
struct fmt::formatter<mmusim::Address<Space>> : fmt::formatter<uint64_t> {
  template <class Context>
  auto format(mmusim::Address<Space> a, Context& ctx) const {
    return fmt::format_to(ctx.out(), "0x{:x}", a.raw());
  }
};

template <class Kind>
struct fmt::formatter<mmusim::Count<Kind>> : fmt::formatter<uint64_t> {
  template <class Context>
  auto format(mmusim::Count<Kind> n, Context& ctx) const {
    return fmt::format_to(ctx.out(), "{}", n.count);
  }
};

template <>
struct fmt::formatter<mmusim::CycleTime> : fmt::formatter<uint64_t> {
  template <class Context>
  auto format(mmusim::CycleTime t, Context& ctx) const {
    return fmt::format_to(ctx.out(), "{}", t.count);
  }
};

template <>
struct fmt::formatter<mmusim::Pfn> : fmt::formatter<uint64_t> {
  template <class Context>
  auto format(mmusim::Pfn pfn, Context& ctx) const {
    return fmt::format_to(ctx.out(), "0x{:x}", pfn.raw);
  }
};
