// SPDX-License-Identifier: MIT
#include "models/cache/line_directory.h"

#include <gtest/gtest.h>

namespace mmusim {
namespace {

using State = DirectoryLine::State;
constexpr PhysAddr kLine{0x1000};

TEST(LineDirectory, TheFirstReaderOwnsALineAloneAndMayWriteIt) {
  LineDirectory directory(4, CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  const LineDirectory::Read read = directory.read(2, line);
  EXPECT_EQ(read.from, DirectoryLine::kNobody);
  EXPECT_EQ(line.state, State::kExclusive);
  EXPECT_TRUE(line.writable(2));
  EXPECT_FALSE(line.writable(1));
}

TEST(LineDirectory, S44_MesiWritesAModifiedLineBelowWhenAnotherReads) {
  LineDirectory directory(4, CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  directory.write(0, line);
  const LineDirectory::Read read = directory.read(1, line);
  EXPECT_EQ(read.from, 0U);
  EXPECT_TRUE(read.demoted);
  EXPECT_TRUE(read.copied_below);
  EXPECT_TRUE(read.dirty_below);
  EXPECT_EQ(line.state, State::kShared);
  EXPECT_EQ(line.holders.count(), 2U);
  EXPECT_FALSE(directory.leave(0, kLine, false).dirty);
}

TEST(LineDirectory, S44_MesiCopiesACleanLineBelowWhenAnotherReads) {
  LineDirectory directory(4, CoherenceProtocol::kMesi, {});
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
  LineDirectory directory(4, CoherenceProtocol::kMoesi, {});
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
  LineDirectory directory(70, CoherenceProtocol::kMesi, {});
  DirectoryLine& line = directory.open(kLine);
  for (const unsigned core : {1U, 5U, 69U}) directory.read(core, line);
  const CoreSet losers = directory.write(5, line);
  EXPECT_EQ(losers.count(), 2U);
  EXPECT_TRUE(losers.test(1) && losers.test(69));
  EXPECT_EQ(line.holders.count(), 1U);
  EXPECT_TRUE(line.writable(5));
  EXPECT_FALSE(directory.leave(1, kLine, true).held);
  EXPECT_TRUE(directory.leave(5, kLine, false).dirty);
  EXPECT_EQ(directory.find(kLine), nullptr);
}

TEST(LineDirectory, S47_AFullDirectoryGivesUpTheLineUsedLongestAgo) {
  LineDirectory directory(2, CoherenceProtocol::kMesi, {2, 2});
  const auto use = [&](uint64_t n) {
    directory.read(0, directory.open(PhysAddr(n * kLineBytes)));
    return directory.admit(PhysAddr(n * kLineBytes));
  };
  EXPECT_FALSE(use(1));
  EXPECT_FALSE(use(2));
  EXPECT_FALSE(use(1));
  EXPECT_EQ(use(3), PhysAddr(2 * kLineBytes));
  directory.forget(PhysAddr(1 * kLineBytes));
  EXPECT_FALSE(use(4));
}

}  // namespace
}  // namespace mmusim
