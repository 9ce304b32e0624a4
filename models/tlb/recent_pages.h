// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "models/base/access.h"
#include "models/tlb/tlb_level.h"

namespace mmusim {

/// Remembers, page by page, which first-level TLB entry answered and for whom, so that the next hit needs no search.
/// It decides nothing: an answer holds only as long as the entry it came from is the same (its serial number), and who
/// changes what accesses are allowed calls forget().
class PageMemos {
 public:
  struct Memo {
    PhysAddr frame;  ///< of the 4 KiB page
    TlbArray* array = nullptr;
    uint64_t serial = 0;
    unsigned slot = 0;
    uint8_t allowed = 0;  ///< bit n: privilege n may
  };

  /// The memo for the page of `va`, the access's first byte, if it still holds and allows an access of `type`, else
  /// nullptr.
  const Memo* find(VirtAddr va, AccessType type) const {
    const uint64_t page = va.raw() >> kPageShift;
    const Table& table = tables_[static_cast<unsigned>(type.kind())];
    if (table.page[page % kMemos] != page) return nullptr;
    const Memo& memo = table.memo[page % kMemos];
    if ((memo.allowed >> static_cast<unsigned>(type.privilege()) & 1) == 0 ||
        memo.array->serial(memo.slot) != memo.serial)
      return nullptr;
    return &memo;
  }

  /// `va` hit `hit` of `tlb`, and an access of `type` is allowed without a further walk.
  void remember(VirtAddr va, PhysAddr pa, AccessType type, TlbLevel& tlb, TlbLevel::Place hit) {
    const uint64_t page = va.raw() >> kPageShift;
    Table& table = tables_[static_cast<unsigned>(type.kind())];
    Memo& memo = table.memo[page % kMemos];
    TlbArray& array = tlb.array(hit.array);
    const auto bit = static_cast<uint8_t>(1U << static_cast<unsigned>(type.privilege()));
    const uint64_t serial = array.serial(hit.slot);
    uint64_t& remembered = table.page[page % kMemos];
    const bool same = remembered == page && memo.array == &array && memo.slot == hit.slot && memo.serial == serial;
    remembered = page;
    memo = {pa.align_down(kPageBytes), &array, serial, hit.slot, static_cast<uint8_t>(same ? memo.allowed | bit : bit)};
  }

  void forget() {
    for (Table& table : tables_) table.page.fill(kNoPage);
  }

 private:
  static constexpr unsigned kMemos = 256;
  static constexpr uint64_t kNoPage = ~uint64_t{0};
  /// Pages apart from what is known of them: most questions are answered by "another page".
  struct Table {
    Table() { page.fill(kNoPage); }
    std::array<uint64_t, kMemos> page;
    std::array<Memo, kMemos> memo;
  };
  std::array<Table, 3> tables_;  // by AccessKind
};

}  // namespace mmusim
