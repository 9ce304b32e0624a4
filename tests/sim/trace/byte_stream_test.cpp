// SPDX-License-Identifier: MIT
#include "sim/trace/byte_stream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "models/base/errors.h"
#include "tests/sim/trace/trace_support.h"

namespace mmusim::trace_test {
namespace {

using ::testing::HasSubstr;

std::string compressed(const std::string& text, const std::string& compression) {
  std::string out;
  const std::unique_ptr<ByteSink> sink = compress(std::make_unique<StringSink>(out), compression);
  sink->write(text);
  sink->finish();
  return out;
}

std::string open_error(const std::string& path) {
  try {
    open_trace(path);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string temporary(const std::string& name, std::string_view bytes) {
  const std::string path = testing::TempDir() + "/mmusim-" + std::to_string(getpid()) + "-" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

class Compression : public testing::TestWithParam<const char*> {};

TEST_P(Compression, ComesBackTheSame) {
  const std::string text = contents(data_file("full.vmt"));
  const std::string packed = compressed(text, GetParam());
  EXPECT_LT(packed.size(), text.size());
  EXPECT_EQ(described(read_text(packed)), described(read_text(text)));
}

TEST_P(Compression, MembersOneAfterTheOtherAreOneStream) {
  const std::string text = contents(data_file("full.jsonl"));
  const size_t half = text.size() / 2;
  const std::string packed = compressed(text.substr(0, half), GetParam()) + compressed(text.substr(half), GetParam());
  EXPECT_EQ(read_text(packed).records, 513);
}

TEST_P(Compression, CutAnywhereIsAnErrorWithBothOffsets) {
  const std::string packed = compressed(contents(data_file("full.vmt")), GetParam());
  for (size_t size = 8; size < packed.size(); size += 7) {
    const std::string error = error_of(packed.substr(0, size));
    EXPECT_THAT(error, HasSubstr("truncated")) << size;
    EXPECT_THAT(error, HasSubstr("of the compressed file")) << size;
    EXPECT_THAT(error, HasSubstr("test: record ")) << size;
  }
}

/// 64 MiB of zeros after the head of a trace: refused at the first block that makes no sense, not unpacked.
TEST_P(Compression, ABombIsBoundedByStreaming) {
  const std::string head = "VMT1" + std::string("\xff\xff\xff\xff", 4);
  const std::string packed = compressed(head + std::string(64 << 20, '\0'), GetParam());
  EXPECT_THAT(error_of(packed), HasSubstr("a block of 4294967295 records"));
}

INSTANTIATE_TEST_SUITE_P(Trace, Compression, testing::Values("gzip", "bzip2", "xz", "zstd"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST(ByteStream, EmptyDirectoryAndMissingFile) {
  EXPECT_THAT(open_error(temporary("empty", "")), HasSubstr("empty"));
  EXPECT_THAT(open_error(testing::TempDir()), HasSubstr("is a directory"));
  EXPECT_THROW(open_trace("/nonexistent/trace"), EnvironmentError);
}

TEST(ByteStream, EndlessLinesAndNulBytesAreRefused) {
  EXPECT_THAT(error_of(std::string(3 << 20, 'a')), HasSubstr("line longer than 1048576 bytes"));
  EXPECT_THAT(error_of("I  1,1\n" + std::string(3 << 20, ' ')), HasSubstr("line longer than 1048576 bytes"));
  EXPECT_THAT(error_of("I  1,1\n" + std::string("I \0 2,1\n", 8)), HasSubstr("record 2, byte 7: NUL byte"));
}

TEST(ByteStream, TheFormIsFoundWhateverTheLengthOfTheLastLine) {
  // Sizes of the reader's buffer, around which it has to move what was looked at already.
  for (const size_t size : {4096 - 64, 16384 - 64, 65536 - 64, 262144 - 64, 262144}) {
    for (const size_t length : {size - 1, size, size + 1}) {
      const std::string last = "\nI  1,1";
      const std::string text = "==1== " + std::string(length - 6 - last.size(), 'x') + last;
      EXPECT_THAT(error_of(text), HasSubstr("truncated")) << length;
    }
  }
}

TEST(ByteStream, APipeThatVanishesIsATruncatedTrace) {
  const std::string path = temporary("fifo", "");
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const std::string half = contents(data_file("full.mmt")).substr(0, 2000);
  std::thread writer([&] { std::ofstream(path, std::ios::binary) << half; });
  const auto reader = open_trace(path);
  writer.join();
  TraceBatch batch;
  EXPECT_THROW(while (reader->next(batch)){}, InputError);
  std::filesystem::remove(path);
}

TEST(ByteStream, AnIdlePipeDoesNotHoldUpTheEnd) {
  const std::string path = temporary("idle", "");
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int both_ends = open(path.c_str(), O_RDWR);
  const std::string lines = "I  1,1\nI  2,1\n";
  ASSERT_EQ(write(both_ends, lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  std::atomic<unsigned> asked{0};
  TraceOptions options;
  options.stop = [&] { return asked++ != 0; };  // the pipe stays open and silent; who asks again is told to stop
  const auto reader = open_trace(path, options);
  TraceBatch batch;
  uint64_t records = 0;
  while (reader->next(batch)) records += batch.accesses.size();
  EXPECT_LE(records, 2);  // what was read before may come out; no record is cut, and nothing is called damaged
  close(both_ends);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace mmusim::trace_test
