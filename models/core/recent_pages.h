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
  struct Page {
    PhysAddr frame;  ///< of the 4 KiB page
    TlbArray* array = nullptr;
    uint64_t serial = 0;
    unsigned slot = 0;
    uint8_t allowed = 0;  ///< bit n: privilege n may
  };

  /// Returns what is known of the page of `va`, the access's first byte, if it still holds and allows an access of
  /// `type`, else nullptr.
  const Page* find(VirtAddr va, AccessType type) const {
    const uint64_t number = va.raw() >> kPageShift;
    const Table& table = tables_[type.kind()];
    if (table.number[number % kPages] != number) return nullptr;
    const Page& page = table.page[number % kPages];
    if ((page.allowed >> static_cast<unsigned>(type.privilege()) & 1) == 0 ||
        page.array->serial(page.slot) != page.serial)
      return nullptr;
    return &page;
  }

  /// Notes that `va`, which is at `pa`, was translated by the entry `held`, and that an access of `type` needs no walk.
  void remember(VirtAddr va, PhysAddr pa, AccessType type, const HeldEntry& held) {
    const uint64_t number = va.raw() >> kPageShift;
    Table& table = tables_[type.kind()];
    Page& page = table.page[number % kPages];
    const auto bit = static_cast<uint8_t>(1U << static_cast<unsigned>(type.privilege()));
    uint64_t& remembered = table.number[number % kPages];
    const bool same =
        remembered == number && page.array == held.array && page.slot == held.slot && page.serial == held.serial;
    remembered = number;
    page = {pa.align_down(kPageBytes), held.array, held.serial, held.slot,
            static_cast<uint8_t>(same ? page.allowed | bit : bit)};
  }

  void forget() {
    for (Table& table : tables_) table.number.fill(kNoPage);
  }

 private:
  static constexpr unsigned kPages = 256;
  static constexpr uint64_t kNoPage = ~uint64_t{0};
  /// perf: page numbers apart from what is known of the pages, because most searches end at another page's number.
  struct Table {
    Table() { number.fill(kNoPage); }
    std::array<uint64_t, kPages> number;
    std::array<Page, kPages> page;
  };
  EnumArray<AccessKind, Table> tables_;
};

}  // namespace mmusim
