// SPDX-License-Identifier: MIT
#include "sim/sweep/slurm.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/command_output.h"
#include "sim/host/interrupts.h"
#include "sim/host/output_directory.h"
#include "sim/host/progress.h"
#include "sim/host/shell_word.h"
#include "sim/sweep/shards.h"

namespace mmusim {

namespace {

constexpr size_t kUsualTasks = 200;
constexpr size_t kMostTasks = 1000;       // default of Slurm's MaxArraySize is 1001
constexpr unsigned kFruitlessRounds = 3;  // submissions in a row that finish no point

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// True if the job has tasks that wait or run. Where the queue cannot be asked, they are taken to be there.
bool is_active(const std::string& job) {
  if (job.empty()) return false;
  const CommandOutput queue = run_command({"squeue", "--noheader", "--format=%i", "--jobs=" + job});
  if (queue.code == 127) throw EnvironmentError("squeue: no such program: Slurm is not installed here");
  if (queue.code != 0) return queue.errors.find("Invalid job id") == std::string::npos;
  return !queue.output.empty();
}

class SlurmSweep {
 public:
  explicit SlurmSweep(const SlurmRequest& request)
      : request_(request),
        folder_(request.sweep.out),
        plan_(prepare_sweep(request.sweep)),
        lock_(folder_),
        database_(open_sweep(request.sweep, plan_)),
        shards_(folder_) {}

  SlurmOutcome run() {
    SlurmOutcome outcome;
    collect();
    unsigned fruitless = 0;
    while (!pending_.empty() && !interrupt_requested()) {
      const std::vector<std::string> rest = not_submitted();
      const size_t before = pending_.size();
      if (!rest.empty()) submit(rest);
      if (!request_.wait) break;
      wait_for_jobs();
      fruitless = pending_.size() < before ? 0 : fruitless + 1;
      if (fruitless < kFruitlessRounds) continue;
      outcome.problem =
          fmt::format("{} submissions in a row finished no point: see {}/shards/*.log", fruitless, folder_);
      break;
    }
    outcome.active = active_slurm_jobs(folder_);
    if (pending_.empty()) shards_.remove();
    outcome.sweep = write_sweep_results(*database_, plan_, folder_);
    outcome.sweep.interrupted = interrupt_pending();
    database_->finish();
    return outcome;
  }

 private:
  /// Puts what the shards have into the database.
  void collect() {
    shards_.read([this](const PointResult& result) { database_->store(result); });
    database_->commit();
    pending_ = database_->pending(plan_);
  }

  /// Points that are pending and in no job of the queue.
  std::vector<std::string> not_submitted() const {
    std::set<std::string> queued;
    for (const Submission& submission : submissions_in(folder_)) {
      if (is_active(submission.job)) queued.insert(submission.points.begin(), submission.points.end());
    }
    std::vector<std::string> rest;
    for (const size_t point : pending_) {
      if (!queued.contains(plan_.points[point].id)) rest.push_back(plan_.points[point].id);
    }
    return rest;
  }

  void submit(const std::vector<std::string>& points) {
    const size_t chunk = std::max(request_.chunk.value_or((points.size() + kUsualTasks - 1) / kUsualTasks),
                                  (points.size() + kMostTasks - 1) / kMostTasks);
    Submission submission = new_submission(folder_, plan_.spec, points, chunk);
    const std::string script = submission.path + ".sh";
    write_file(script, script_of(submission));
    const std::string logs = submission.path.substr(0, submission.path.rfind('/')) + "/%A_%a.log";
    std::vector<std::string> arguments = {"sbatch",         "--parsable",         "--job-name=mmusim-sweep",
                                          "--requeue",      "--open-mode=append", "--output=" + logs,
                                          "--error=" + logs};
    arguments.push_back(fmt::format("--array=0-{}", submission.tasks() - 1));
    std::istringstream words(request_.options);
    for (std::string word; words >> word;) arguments.push_back(word.starts_with('-') ? word : "--" + word);
    arguments.push_back(script);
    const CommandOutput answer = run_command(arguments);
    if (answer.code == 127) throw EnvironmentError("sbatch: no such program: Slurm is not installed here");
    if (answer.code != 0) throw EnvironmentError(fmt::format("sbatch: {}", first_line(answer.errors)));
    const std::string line = first_line(answer.output);  // "JOB" or "JOB;CLUSTER"
    note_job(submission, line.substr(0, line.find(';')));
  }

  std::string script_of(const Submission& submission) const {
    std::string command = fmt::format("exec {} sweep --task {}:\"$SLURM_ARRAY_TASK_ID\"", shell_word(own_program()),
                                      shell_word(submission.path));
    command += " --jobs \"${SLURM_CPUS_PER_TASK:-1}\"";
    const SweepRequest& sweep = request_.sweep;
    if (sweep.timeout_seconds) command += fmt::format(" --timeout {}", *sweep.timeout_seconds);
    if (!sweep.host.limits.max_memory.empty()) {
      command += " --max-memory " + shell_word(sweep.host.limits.max_memory);
    }
    return "#!/bin/sh\n" + command + "\n";
  }

  /// Collects until no job of the sweep is in the queue, all points are done, or the program is interrupted.
  void wait_for_jobs() {
    ProgressBar progress("sweep", plan_.points.size());
    while (!interrupt_requested()) {
      const bool active = !active_slurm_jobs(folder_).empty();
      collect();  // after the look: what a job wrote before its end is there
      if (pending_.empty() || !active) return;
      progress.update(plan_.points.size() - pending_.size(), fmt::format("{} points to come", pending_.size()));
      const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(request_.poll_seconds);
      while (std::chrono::steady_clock::now() < until && !interrupt_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
  }

  const SlurmRequest& request_;
  const std::string folder_;
  const SweepPlan plan_;
  const OutputDirectory lock_;
  std::unique_ptr<SweepDatabase> database_;
  ShardReader shards_;
  std::vector<size_t> pending_;
};

}  // namespace

SlurmOutcome run_sweep_on_slurm(const SlurmRequest& request) { return SlurmSweep(request).run(); }

std::vector<std::string> active_slurm_jobs(const std::string& folder) {
  std::vector<std::string> jobs;
  for (const Submission& submission : submissions_in(folder)) {
    if (is_active(submission.job)) jobs.push_back(submission.job);
  }
  return jobs;
}

}  // namespace mmusim
