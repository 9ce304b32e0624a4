// SPDX-License-Identifier: MIT
#include "sim/sweep/shards.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/command_output.h"
#include "sim/host/forked_work.h"
#include "sim/host/interrupts.h"
#include "sim/host/output_directory.h"
#include "sim/host/text_output.h"
#include "sim/sweep/local_sweep.h"

namespace mmusim {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kShards = "/shards";
constexpr const char* kSubmissionEnd = ".submission.json";
constexpr const char* kJobEnd = ".job";
constexpr const char* kShardEnd = ".jsonl";

/// The files of a folder that end like that, sorted by name.
std::vector<std::string> files_in(const std::string& folder, const std::string& end) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().string().ends_with(end)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string without_end(const std::string& path, const std::string& end) {
  return path.substr(0, path.size() - end.size());
}

Submission read_submission(const std::string& path) {
  const json document = parse_json_file(path);
  const bool whole = document.is_object() && document.contains("sweep") && document.contains("points") &&
                     document["points"].is_array() && document.contains("chunk") &&
                     document["chunk"].is_number_unsigned() && document["chunk"] != 0;
  if (!whole) throw InputError(fmt::format("{}: is no submission of a sweep", path));
  Submission submission;
  submission.path = path;
  ConfigErrors errors(path);
  submission.spec = read_sweep_spec(ConfigReader(document["sweep"], "/sweep", errors), "");
  errors.throw_if_any();
  for (const json& id : document["points"]) submission.points.push_back(id.is_string() ? id.get<std::string>() : "");
  submission.chunk = document["chunk"].get<size_t>();
  std::ifstream job(without_end(path, kSubmissionEnd) + kJobEnd);
  std::getline(job, submission.job);
  return submission;
}

/// One attempt's own file of results.
class ShardWriter {
 public:
  ShardWriter(const std::string& stem, size_t task)
      : path_(fmt::format("{}.{:06}.{}-{}{}", stem, task, path_component(host_name()), ::getpid(), kShardEnd)),
        fd_(create_new_file(path_)) {}
  ~ShardWriter() { ::close(fd_); }
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  void add(const PointResult& result) {
    const std::string line = line_of(result) + "\n";
    write_fully(fd_, line.data(), line.size(), path_);
  }
  void finish() { sync_file(fd_, path_); }

 private:
  std::string path_;
  int fd_;
};

/// Points that shards of this task have already: those that failed count.
std::set<std::string> finished_in(const std::string& stem, size_t task) {
  std::set<std::string> finished;
  const std::string folder = fs::path(stem).parent_path().string();
  const std::string start = fmt::format("{}.{:06}.", stem, task);
  for (const std::string& file : files_in(folder, kShardEnd)) {
    if (!file.starts_with(start)) continue;
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line)) {
      if (const auto result = result_of(line)) finished.insert(result->id);
    }
  }
  return finished;
}

}  // namespace

Submission new_submission(const std::string& folder, const SweepSpec& spec, std::vector<std::string> points,
                          size_t chunk) {
  const std::string shards = folder + kShards;
  make_directory(shards);
  const size_t number = files_in(shards, kSubmissionEnd).size() + 1;
  Submission submission{fmt::format("{}/{:04}{}", shards, number, kSubmissionEnd), spec, std::move(points), chunk, ""};
  submission.path = fs::absolute(submission.path).string();
  json document = {{"points", submission.points}, {"chunk", chunk}};
  document["sweep"] = json::parse(document_of(spec).dump());
  write_file(submission.path, document.dump(1) + "\n");
  return submission;
}

void note_job(Submission& submission, const std::string& job) {
  submission.job = job;
  write_file(without_end(submission.path, kSubmissionEnd) + kJobEnd, job + "\n");
}

std::vector<Submission> submissions_in(const std::string& folder) {
  std::vector<Submission> all;
  for (const std::string& file : files_in(folder + kShards, kSubmissionEnd)) all.push_back(read_submission(file));
  return all;
}

void run_task(const TaskRequest& request) {
  const Submission submission = read_submission(request.submission);
  if (request.task >= submission.tasks()) {
    throw InputError(fmt::format("--task {}: expected 0 to {}", request.task, submission.tasks() - 1));
  }
  const SweepPlan plan = plan_sweep(submission.spec);
  std::map<std::string, size_t> numbers;
  for (size_t i = 0; i < plan.points.size(); ++i) numbers.emplace(plan.points[i].id, i);
  const std::string stem = without_end(request.submission, kSubmissionEnd);
  const std::set<std::string> finished = finished_in(stem, request.task);
  std::vector<size_t> points;
  const size_t first = request.task * submission.chunk;
  for (size_t i = first; i < std::min(first + submission.chunk, submission.points.size()); ++i) {
    const auto found = numbers.find(submission.points[i]);
    if (found == numbers.end()) {
      throw InputError(
          fmt::format("{}: point {} is none of its sweep here: another version of mmusim, or an input "
                      "file, is not the one that it was submitted with",
                      request.submission, submission.points[i]));
    }
    if (!finished.contains(submission.points[i])) points.push_back(found->second);
  }
  ShardWriter shard(stem, request.task);
  LocalSweep sweep(
      plan, request.host, tasks_of(plan, points, kMostTogether, request.jobs),
      [&shard](const PointResult& result) { shard.add(result); }, [] {});
  sweep.leave_killed();
  run_forked(sweep, request.jobs, request.timeout_seconds);
  shard.finish();
}

std::vector<std::string> split_sweep(const SweepRequest& request, size_t tasks) {
  const SweepPlan plan = prepare_sweep(request);
  const OutputDirectory folder(request.out);
  const std::unique_ptr<SweepDatabase> database = open_sweep(request, plan);
  ShardReader(request.out).read([&database](const PointResult& result) { database->store(result); });
  database->commit();
  std::vector<std::string> points;
  for (const size_t point : database->pending(plan)) points.push_back(plan.points[point].id);
  std::vector<std::string> names;
  if (!points.empty()) {
    const size_t chunk = (points.size() + tasks - 1) / tasks;
    const Submission submission = new_submission(request.out, plan.spec, std::move(points), chunk);
    for (size_t i = 0; i < submission.tasks(); ++i) names.push_back(fmt::format("{}:{}", submission.path, i));
  }
  database->finish();
  return names;
}

void ShardReader::read(const std::function<void(const PointResult&)>& sink) {
  for (const std::string& file : files_in(folder_ + kShards, kShardEnd)) {
    uint64_t& at = read_[file];
    std::error_code none;
    if (fs::file_size(file, none) <= at) continue;
    std::ifstream in(file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(at));
    std::string line;
    while (std::getline(in, line) && !in.eof()) {  // eof: the line is not whole
      at += line.size() + 1;
      if (const auto result = result_of(line)) sink(*result);
    }
  }
}

void ShardReader::remove() const {
  std::error_code ignored;
  fs::remove_all(folder_ + kShards, ignored);
}

}  // namespace mmusim
