// SPDX-License-Identifier: MIT
#include "sim/host/output_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/base/errors.h"
#include "sim/host/atomic_file.h"
#include "tests/support/log_files.h"

namespace mmusim {
namespace {

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const EnvironmentError& e) {
    return e.what();
  } catch (const InputError& e) {
    return std::string("input: ") + e.what();
  }
  return "none";
}

TEST(MakeDirectory, MakesParentsAndTakesWhatIsThere) {
  const ScratchDir dir;
  make_directory(dir / "a/b//c/");
  EXPECT_TRUE(std::filesystem::is_directory(dir / "a/b/c"));
  make_directory(dir / "a/b");
  write_file(dir / "f", "");
  EXPECT_EQ(failure_of([&] { make_directory(dir / "f"); }), dir / "f" + ": cannot create directory: Not a directory");
  EXPECT_EQ(failure_of([&] { make_directory(dir / "f/x"); }),
            dir / "f/x" + ": cannot create directory: Not a directory");
}

TEST(MakeOwnDirectory, DoesNotFollowAPlantedLink) {
  const ScratchDir dir;
  make_directory(dir / "victim");
  ASSERT_EQ(::symlink((dir / "victim").c_str(), (dir / "side").c_str()), 0);
  EXPECT_NE(failure_of([&] { make_own_directory(dir / "side"); }).find("is a symbolic link"), std::string::npos);
  make_own_directory(dir / "victim");  // there already, and no link
  write_file(dir / "file", "");
  EXPECT_NE(failure_of([&] { make_own_directory(dir / "file"); }).find("Not a directory"), std::string::npos);
}

TEST(OutputDirectory, RemovesFormerResultsAndNothingElse) {
  const ScratchDir dir;
  for (const char* name : {"summary.json", "events", "mine.txt"}) write_file(dir / name, "old");
  OutputDirectory directory(dir / "");
  directory.remove({"summary.json", "events", "missing"}, {dir / "elsewhere"});
  EXPECT_EQ(dir.files(), std::vector<std::string>{"mine.txt"});
}

TEST(OutputDirectory, RemovesALinkAndNotWhereItLeads) {
  const ScratchDir dir;
  write_file(dir / "precious", "precious");
  make_directory(dir / "out");
  ASSERT_EQ(::symlink((dir / "precious").c_str(), (dir / "out/summary.json").c_str()), 0);
  ASSERT_EQ(::link((dir / "precious").c_str(), (dir / "out/events").c_str()), 0);
  OutputDirectory directory(dir / "out");
  directory.remove({"summary.json", "events"}, {});
  EXPECT_EQ(slurp(dir / "precious"), "precious");
  EXPECT_TRUE(std::filesystem::is_empty(dir / "out"));
}

TEST(OutputDirectory, RefusesToRemoveWhatThisRunReads) {
  const ScratchDir dir;
  write_file(dir / "summary.json", "old");
  write_file(dir / "events", "the input");
  OutputDirectory directory(dir / "");
  const std::string said = failure_of([&] {
    directory.remove({"summary.json", "events"},
                     {dir / "../" + std::filesystem::path(dir / "").parent_path().filename().string() + "/events"});
  });
  EXPECT_TRUE(said.starts_with("input: ")) << said;
  EXPECT_NE(said.find("give another --out"), std::string::npos);
  EXPECT_EQ(dir.files().size(), 2u);
}

}  // namespace
}  // namespace mmusim
