// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "models/base/access.h"
#include "models/tlb/first_level.h"

namespace mmusim {

/// The recent-page table: for pages accessed lately, the first-level TLB entry that translated them and the privileges
/// that may use it, so that the next hit needs no search. The table decides nothing: an answer holds only as long as
/// the TLB entry keeps its serial number, and a change of what accesses are allowed calls forget().
class RecentPages {
 public:
  struct alignas(64) Page {
    PhysAddr frame;  ///< of the 4 KiB page
    TlbArray* array = nullptr;
    SetArray::Place place;                ///< of the entry in it
    const uint64_t* serial_at = nullptr;  ///< where the entry's serial number is
    uint64_t serial = 0;                  ///< what it was
    AccessKind kind{};                    ///< kind_of() the accesses
    uint8_t allowed = 0;                  ///< bit n: accesses with flags_of() n may

    /// Makes the entry the most recently used of its set.
    void touch() const { array->touch(place); }
  };

  /// Returns what is known of the page of an access's first byte, if it still holds and allows the access, else nullptr.
  const Page* find(const MemAccess& access) const {
    const uint64_t number = access.va.raw() >> kPageShift;
    const unsigned at = place_of(number, kind_of(access));
    if (numbers_[at] != number) return nullptr;
    const Page& page = pages_[at];
    if ((page.allowed >> flags_of(access) & 1) == 0 || *page.serial_at != page.serial) return nullptr;
    return &page;
  }

  /// Notes that `va`, which is at `pa`, was translated by the entry `held`, and that an access of `type` needs no walk.
  void remember(VirtAddr va, PhysAddr pa, AccessType type, const HeldEntry& held) {
    const uint64_t number = va.raw() >> kPageShift;
    const unsigned at = place_of(number, type.kind());
    Page& page = pages_[at];
    const uint8_t allowed = kFlagsOf[static_cast<unsigned>(type.privilege())];
    const bool same = numbers_[at] == number && page.array == held.array && page.place.slot == held.slot &&
                      page.serial == held.serial;
    if (same) {
      page.allowed |= allowed;
      return;
    }
    numbers_[at] = number;
    page = {pa.align_down(kPageBytes),
            held.array,
            held.array->place(held.slot),
            held.array->serial_at(held.slot),
            held.serial,
            type.kind(),
            allowed};
  }

  void forget() { numbers_.fill(kNoPage); }

 private:
  static constexpr unsigned kPages = 256;  // of each kind of access
  static constexpr unsigned kPlaces = kPages * kCountOf<AccessKind>;
  static constexpr uint64_t kNoPage = ~uint64_t{0};

  /// The flags that decide an access's privilege, as a number. perf: as they are, because each search needs them.
  static unsigned flags_of(const MemAccess& access) { return (access.user ? 1U : 0U) | (access.implicit ? 2U : 0U); }
  /// By Privilege; bit n: accesses with flags_of() n have it. An implicit one is the supervisor's whatever `user` says.
  static constexpr std::array<uint8_t, 3> kFlagsOf = {0b0001, 0b0010, 0b1100};

  static unsigned place_of(uint64_t number, AccessKind kind) {
    return static_cast<unsigned>(kind) * kPages + static_cast<unsigned>(number % kPages);
  }

  /// perf: page numbers apart from what is known of the pages, because most searches end at another page's number.
  std::array<uint64_t, kPlaces> numbers_ = [] {
    std::array<uint64_t, kPlaces> none{};
    none.fill(kNoPage);
    return none;
  }();
  std::array<Page, kPlaces> pages_;
};

}  // namespace mmusim
