// SPDX-License-Identifier: MIT
// How many entries a cold walk of a guest reads: every row of the closed forms of nested-paging section 12.
#include <gtest/gtest.h>

#include "tests/x86/nested_tables.h"

namespace mmusim {
namespace {

using test::NestedTables;

/// A guest mode with the level of its leaf, and the guest entries it reads from memory with EPT and with NPT.
struct Guest {
  PagingMode mode;
  unsigned leaf;
  unsigned ept, npt;
};
constexpr Guest kGuests[] = {
    {PagingMode::kNone, 0, 0, 0},   {PagingMode::k32Bit, 2, 1, 1},  {PagingMode::k32Bit, 1, 2, 2},
    {PagingMode::kPae, 2, 1, 2},    {PagingMode::kPae, 1, 2, 3},    {PagingMode::k4Level, 3, 2, 2},
    {PagingMode::k4Level, 2, 3, 3}, {PagingMode::k4Level, 1, 4, 4}, {PagingMode::k5Level, 3, 3, 3},
    {PagingMode::k5Level, 2, 4, 4}, {PagingMode::k5Level, 1, 5, 5},
};
/// Rows g = 0 to 5, columns 4K/4, 2M/4, 1G/4, 4K/5, 2M/5, 1G/5.
constexpr unsigned kReferences[6][6] = {
    {4, 3, 2, 5, 4, 3},       {9, 7, 5, 11, 9, 7},      {14, 11, 8, 17, 14, 11},
    {19, 15, 11, 23, 19, 15}, {24, 19, 14, 29, 24, 19}, {29, 23, 17, 35, 29, 23},
};

TEST(NestedCounts, N84N85EveryRowOfTheTable) {
  for (const NestedKind kind : {NestedKind::kEpt, NestedKind::kNpt}) {
    for (const Guest& guest : kGuests) {
      for (unsigned column = 0; column < 6; ++column) {
        const unsigned levels = column < 3 ? 4 : 5;
        const unsigned leaf = 1 + column % 3;
        SCOPED_TRACE(fmt::format("{} {} guest leaf {} over leaf {} of {} levels", name_of(kind), name_of(guest.mode),
                                 guest.leaf, leaf, levels));
        NestedTables tables(kind, guest.mode, guest.leaf, levels, leaf, leaf);
        const NestedAccessOutcome outcome = tables.translate();
        ASSERT_FALSE(outcome.fault || outcome.exit);
        const unsigned g = kind == NestedKind::kEpt ? guest.ept : guest.npt;
        EXPECT_EQ(outcome.entry_reads, kReferences[g][column]);
        EXPECT_EQ(outcome.entry_reads + tables.memory.stores, tables.memory.loads);  // an update reads once more
        const uint64_t gpa = NestedTables::data_gpa(guest.mode, guest.leaf);
        EXPECT_EQ(outcome.first.gpa.raw(), gpa);
        EXPECT_EQ(outcome.first.pa().raw(), gpa + NestedTables::kHostOffset);
      }
    }
  }
}

TEST(NestedCounts, N86EachSubWalkHasItsOwnLength) {
  NestedTables mixed(NestedKind::kEpt, PagingMode::k4Level, 2, 4, 1, 2);
  EXPECT_EQ(mixed.translate().entry_reads, 18U);  // 3 * (4 + 1) + 3
}

TEST(NestedCounts, N84FlagUpdatesAreNotCounted) {
  NestedTables tables(NestedKind::kNpt, PagingMode::k4Level, 1, 4, 1, 1);
  EXPECT_EQ(tables.translate(test::kSupervisorWrite).entry_reads, 24U);
  EXPECT_NE(tables.memory.stores, 0U);
}

}  // namespace
}  // namespace mmusim
