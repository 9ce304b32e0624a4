// SPDX-License-Identifier: MIT
#include "tests/differential/execution.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/experiment/replay_run.h"
#include "sim/experiment/run.h"

namespace mmusim::differential {

namespace {

constexpr unsigned kWatchdogSeconds = 20;
constexpr rlim_t kProcessorSeconds = 120;

// Exit codes of the child beyond those of the program.
constexpr int kUnavailableCode = 10;

void write_text(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

HostLimits limits_of(const Mode& mode) {
  HostLimits limits;
  limits.watchdog_seconds = kWatchdogSeconds;
  limits.paranoid = mode.paranoid;
  return limits;
}

std::string run_scenario_case(const Case& one, const Mode& mode, const std::string& folder) {
  RunRequest request;
  request.scenario = folder + "/scenario.json";
  write_text(request.scenario, one["scenario"].dump());
  request.out = folder + "/out";
  request.recordings.events = mode.events;
  if (mode.record) request.recordings.record = folder + "/record.mmt";
  request.lock_step = mode.lock_step;
  request.limits = limits_of(mode);
  return run_one(request).failure;
}

void replay_case(const Case& one, const Mode& mode, const std::string& folder) {
  ReplayOptions o;
  o.out = folder + "/out";
  o.recordings.events = mode.events;
  if (mode.record) o.recordings.record = folder + "/record.mmt";
  o.lock_step = mode.lock_step;
  o.model = mode.functional ? ReplayModel::kFunctional : ReplayModel::kCycle;
  o.limits = limits_of(mode);
  if (!mode.recorded_in.empty()) {
    o.trace = mode.recorded_in + "/record.mmt";
    replay_one(o);
    return;
  }
  std::string lines;
  for (const auto& line : one["trace"]) lines += line.get<std::string>() + "\n";
  o.trace = folder + "/trace.jsonl";
  o.platform = folder + "/platform.json";
  write_text(o.trace, lines);
  write_text(o.platform, one["platform"].dump());
  const auto& options = one["options"];
  o.salvage = true;
  o.spaces_given = true;
  o.levels = options.value("levels", 4U);
  o.pages = options.value("pages", "4K");
  o.frames = options.value("frames", "sequential");
  const std::string flushes = options.value("flushes", "auto");
  o.flushes = flushes == "all" ? FlushPolicy::kAll : flushes == "none" ? FlushPolicy::kNone : FlushPolicy::kAuto;
  o.window.warmup = options.value("warmup", uint64_t{0});
  o.window.skip = options.value("skip", uint64_t{0});
  o.no_fetches = options.value("no_fetches", false);
  o.no_pcids = options.value("no_pcids", false);
  o.seed = options.value("seed", uint64_t{1});
  replay_one(o);
}

/// In the child: never returns. Errors go to its standard error, a file.
[[noreturn]] void child(const Case& one, const Mode& mode, const std::string& folder) {
  const rlimit processor{kProcessorSeconds, kProcessorSeconds};
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CPU, &processor);
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int errors = ::open((folder + "/errors.txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(errors, STDERR_FILENO);
  const auto leave = [](const std::string& said, int code) {
    fmt::print(stderr, "{}\n", said);
    std::fflush(stderr);
    ::_exit(code);
  };
  try {
    std::string failure;
    if (one.contains("scenario") && mode.recorded_in.empty()) {
      failure = run_scenario_case(one, mode, folder);
    } else {
      replay_case(one, mode, folder);
    }
    leave(failure, failure.empty() ? 0 : static_cast<int>(ExitCode::kJobFailed));
  } catch (const InputError& e) {
    const std::string_view what = e.what();
    const bool recording = what.find("has accesses of its own") != std::string_view::npos;
    leave(std::string(what), recording ? kUnavailableCode : static_cast<int>(ExitCode::kBadInput));
  } catch (const std::exception& e) {
    leave(std::string("unexpected: ") + e.what(), 99);
  }
  ::_exit(98);
}

Execution::End end_of(int status) {
  if (!WIFEXITED(status)) return Execution::End::kDied;
  switch (WEXITSTATUS(status)) {
    case 0:
      return Execution::End::kDone;
    case static_cast<int>(ExitCode::kJobFailed):
      return Execution::End::kJobFailed;
    case static_cast<int>(ExitCode::kBadInput):
      return Execution::End::kRefused;
    case kUnavailableCode:
      return Execution::End::kUnavailable;
    default:
      return Execution::End::kDied;
  }
}

}  // namespace

Execution execute(const Case& one, const Mode& mode, const std::string& folder) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("start", "a child", errno);
  if (pid == 0) child(one, mode, folder);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  Execution result;
  result.end = end_of(status);
  result.said = read_text(folder + "/errors.txt");
  if (WIFSIGNALED(status)) result.said += fmt::format("signal {}\n", WTERMSIG(status));
  if (result.end != Execution::End::kDone && result.end != Execution::End::kJobFailed) return result;
  result.summary = nlohmann::ordered_json::parse(read_text(folder + "/out/summary.json"));
  for (const char* part : {"host", "program", "command", "name", "configuration"}) result.summary.erase(part);
  if (result.summary.contains("replay")) {  // these name files of the scratch directory
    result.summary["replay"].erase("damage");
    result.summary["replay"].erase("notes");
  }
  if (mode.events != "none") result.events = read_text(folder + "/out/events.jsonl.zst");
  return result;
}

}  // namespace mmusim::differential
