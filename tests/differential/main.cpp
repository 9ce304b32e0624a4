// SPDX-License-Identifier: MIT
// Random platforms, scenarios and traces, driven in every way there is: what must not differ is compared
// (tests/differential/README.md). usage: differential [--seeds FIRST COUNT] [--jobs N] [--keep DIR] [--tries N]
//                                       differential --print SEED | --case FILE
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/format.h"
#include "tests/differential/checks.h"
#include "tests/differential/shrink.h"

namespace {

using namespace mmusim::differential;

struct Options {
  uint64_t first = 1;
  uint64_t count = 200;
  uint64_t jobs = 1;
  uint64_t tries = 300;  // of shrinking, for each seed that fails
  std::string keep = "differential-failures";
  std::string file;
  std::string print;
};

/// A directory for files that are gone before anything is read twice; in memory where the host has that.
std::string scratch_directory() {
  std::string name = std::filesystem::is_directory("/dev/shm") ? "/dev/shm/mmusim-differential-XXXXXX"
                                                               : "/tmp/mmusim-differential-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no directory for temporary files");
  return name;
}

void report(const std::string& name, const Case& one, const Violation& found, const std::string& scratch,
            const Options& options) {
  fmt::print("{}: {}: {:.600}\n", name, found.check, found.what);
  std::fflush(stdout);
  const auto same = [&](const Case& smaller) { return check_case(smaller, scratch + "/shrink").check == found.check; };
  const Case small = shrink(one, same, static_cast<unsigned>(options.tries));
  const Violation last = check_case(small, scratch + "/shrink");
  std::filesystem::create_directories(options.keep);
  const std::string path = fmt::format("{}/{}.json", options.keep, name);
  std::ofstream(path) << small.dump(1) << "\n";
  fmt::print("{}: as small as it gets: {}: {:.600}\n", name, path, last.what);
  std::fflush(stdout);
}

/// Seeds first, first + jobs, ... of this worker; returns how many failed.
int work(const Options& options, uint64_t worker) {
  const std::string scratch = scratch_directory();
  int failed = 0;
  for (uint64_t i = worker; i < options.count; i += options.jobs) {
    const uint64_t seed = options.first + i;
    const Case one = random_case(seed);
    const Violation found = check_case(one, scratch + "/case");
    if (!found) continue;
    ++failed;
    report(fmt::format("seed-{}", seed), one, found, scratch, options);
  }
  std::filesystem::remove_all(scratch);
  return failed;
}

int campaign(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<pid_t> workers;
  for (uint64_t w = 0; w < options.jobs; ++w) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(std::min(work(options, w), 100));
    workers.push_back(pid);
  }
  int failed = 0;
  for (const pid_t pid : workers) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    failed += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  fmt::print("{} seeds from {}: {} failed, {:.0f} s\n", options.count, options.first, failed, seconds.count());
  return failed == 0 ? 0 : 1;
}

int one_file(const Options& options) {
  std::ifstream in(options.file);
  const Case one = Case::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  const std::string scratch = scratch_directory();
  const Violation found = check_case(one, scratch + "/case");
  std::filesystem::remove_all(scratch);
  if (!found) {
    fmt::print("{}: clean\n", options.file);
    return 0;
  }
  fmt::print("{}: {}: {}\n", options.file, found.check, found.what);
  return 1;
}

bool read_options(int argc, char** argv, Options& options) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    const auto number = [&] { return std::strtoull(i + 1 < words.size() ? words[++i].c_str() : "0", nullptr, 10); };
    const auto text = [&] { return i + 1 < words.size() ? words[++i] : std::string(); };
    if (words[i] == "--seeds") {
      options.first = number();
      options.count = number();
    } else if (words[i] == "--jobs") {
      options.jobs = std::max<uint64_t>(1, number());
    } else if (words[i] == "--tries") {
      options.tries = number();
    } else if (words[i] == "--keep") {
      options.keep = text();
    } else if (words[i] == "--case") {
      options.file = text();
    } else if (words[i] == "--print") {
      options.print = text();
    } else {
      fmt::print(stderr, "{}: no such option\n", words[i]);
      return false;
    }
  }
  return true;
}

}  // namespace

int sc_main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) return 2;
  if (!options.print.empty()) {
    fmt::print("{}\n", random_case(std::strtoull(options.print.c_str(), nullptr, 10)).dump(1));
    return 0;
  }
  return options.file.empty() ? campaign(options) : one_file(options);
}

int main(int argc, char** argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", /*overwrite=*/0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
