// SPDX-License-Identifier: MIT
#include "models/cache/line_directory.h"

#include <gtest/gtest.h>

#include <vector>

namespace mmusim {
namespace {

using State = DirectoryLine::State;
constexpr PhysAddr kLine{0x1000};

unsigned count(const CoreSet& cores) {
  unsigned n = 0;
  cores.for_each([&n](unsigned) { ++n; });
  return n;
}

TEST(LineDirectory, TheFirstReaderOwnsALineAloneAndMayWriteIt) {
  LineDirectory directory(CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  const LineDirectory::Read read = directory.read(2, line);
  EXPECT_EQ(read.from, DirectoryLine::kNobody);
  EXPECT_EQ(line.state, State::kExclusive);
  EXPECT_TRUE(line.writable(2));
  EXPECT_FALSE(line.writable(1));
}

TEST(LineDirectory, S44_MesiWritesAModifiedLineBelowWhenAnotherReads) {
  LineDirectory directory(CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  directory.write(0, line);
  const LineDirectory::Read read = directory.read(1, line);
  EXPECT_EQ(read.from, 0U);
  EXPECT_TRUE(read.demoted);
  EXPECT_TRUE(read.copied_below);
  EXPECT_TRUE(read.dirty_below);
  EXPECT_EQ(line.state, State::kShared);
  EXPECT_EQ(count(line.holders), 2U);
  EXPECT_FALSE(directory.leave(0, kLine, false).dirty);
}

TEST(LineDirectory, S44_MesiCopiesACleanLineBelowWhenAnotherReads) {
  LineDirectory directory(CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  directory.read(0, line);
  const LineDirectory::Read read = directory.read(1, line);
  EXPECT_EQ(read.from, 0U);
  EXPECT_FALSE(read.demoted);
  EXPECT_TRUE(read.copied_below);
  EXPECT_FALSE(read.dirty_below);
  EXPECT_EQ(line.state, State::kShared);
}

TEST(LineDirectory, S44_MoesiLetsTheOwnerKeepOwing) {
  LineDirectory directory(CoherenceProtocol::kMoesi, {});
  DirectoryLine& line = directory.open(kLine);
  directory.write(0, line);
  const LineDirectory::Read first = directory.read(1, line);
  EXPECT_TRUE(first.demoted);
  EXPECT_FALSE(first.copied_below);
  EXPECT_EQ(line.state, State::kOwned);
  const LineDirectory::Read second = directory.read(2, line);
  EXPECT_EQ(second.from, 0U);
  EXPECT_FALSE(second.demoted);
  EXPECT_FALSE(line.writable(0));
  EXPECT_TRUE(directory.leave(0, kLine, false).dirty);  // its copy was clean, but it owed the line
  EXPECT_EQ(line.owner, DirectoryLine::kNobody);
}

TEST(LineDirectory, S45_AWriterTakesTheLineFromAllOthers) {
  LineDirectory directory(CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  for (const unsigned core : {1U, 5U, 69U}) directory.read(core, line);
  const CoreSet losers = directory.write(5, line);
  EXPECT_EQ(count(losers), 2U);
  EXPECT_TRUE(losers.test(1) && losers.test(69));
  EXPECT_EQ(count(line.holders), 1U);
  EXPECT_TRUE(line.writable(5));
  EXPECT_FALSE(directory.leave(1, kLine, true).held);
  EXPECT_TRUE(directory.leave(5, kLine, false).dirty);
  EXPECT_EQ(directory.find(kLine), nullptr);
}

TEST(CoreSet, VisitsTheCoresInTheirOrder) {
  CoreSet cores;
  EXPECT_TRUE(cores.none());
  for (const unsigned core : {511U, 64U, 0U, 63U}) cores.set(core);
  std::vector<unsigned> visited;
  cores.for_each([&visited](unsigned core) { visited.push_back(core); });
  EXPECT_EQ(visited, (std::vector<unsigned>{0, 63, 64, 511}));
  cores.reset(64);
  EXPECT_FALSE(cores.test(64));
  EXPECT_TRUE(cores.test(63) && cores.any());
}

TEST(LineDirectory, AnEntryWithARequestUnderWayStaysAndForgetsAllElse) {
  LineDirectory directory(CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  line.locked = true;
  directory.write(1, line);
  line.settled = CycleTime(9);
  EXPECT_TRUE(directory.leave(1, kLine, false).dirty);
  ASSERT_EQ(directory.find(kLine), &line);
  EXPECT_TRUE(line.locked && line.holders.none());
  EXPECT_EQ(line.owner, DirectoryLine::kNobody);
  EXPECT_EQ(line.settled, CycleTime(0));
  directory.unlock(line);
  EXPECT_EQ(directory.find(kLine), nullptr);
}

TEST(LineDirectory, S47_AFullDirectoryGivesUpTheLineUsedLongestAgo) {
  LineDirectory directory(CoherenceProtocol::kMesi, {2, 2});
  const auto use = [&](uint64_t n) {
    directory.read(0, directory.open(PhysAddr(n * kLineBytes)));
    return directory.admit(PhysAddr(n * kLineBytes));
  };
  EXPECT_FALSE(use(1));
  EXPECT_FALSE(use(2));
  EXPECT_FALSE(use(1));
  EXPECT_EQ(use(3), PhysAddr(2 * kLineBytes));
  directory.forget(*directory.find(PhysAddr(1 * kLineBytes)));
  EXPECT_FALSE(use(4));
}

}  // namespace
}  // namespace mmusim
