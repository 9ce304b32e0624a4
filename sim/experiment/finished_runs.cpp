// SPDX-License-Identifier: MIT
#include "sim/experiment/finished_runs.h"

#include <filesystem>
#include <set>

#include "sim/host/text_output.h"
#include "sim/report/json_shape.h"
#include "sim/report/summary.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

/// Returns the folder as it is reached from `base`, which need not exist yet.
std::string from_base(const std::string& folder, const std::string& base) {
  return fs::relative(fs::absolute(folder), fs::absolute(base)).string();
}

/// The runs of a directory that `compare` wrote; failed ones stay failed.
void add_comparison(const std::string& directory, const std::string& base, std::vector<ComparedRun>& runs) {
  const std::string file = directory + "/compare.json";
  for (NamedRun& side : comparison_from_text(read_json_file_text(file), file)) {
    ComparedRun run;
    run.label = std::move(side.label);
    run.family = std::move(side.family);
    run.options = std::move(side.options);
    run.failures = std::move(side.failures);
    for (const std::string& name : side.directories) {
      const std::string path = directory + "/" + name;
      if (!run.failures.empty() && !fs::exists(path + "/summary.json")) continue;
      run.summaries.push_back(read_summary(path));
      run.directories.push_back(from_base(path, base));
    }
    runs.push_back(std::move(run));
  }
}

/// Makes the labels differ from each other: results are told apart by them.
void name_runs(std::vector<ComparedRun>& runs) {
  std::set<std::string> labels;
  for (ComparedRun& run : runs) {
    const std::string label = utf8_text(run.label);
    run.label = label;
    for (unsigned n = 2; !labels.insert(run.label).second; ++n) run.label = fmt::format("{} ({})", label, n);
  }
}

}  // namespace

std::vector<ComparedRun> finished_runs(const std::vector<std::string>& folders, const std::string& base) {
  std::vector<ComparedRun> runs;
  for (std::string folder : folders) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    if (fs::exists(folder + "/compare.json")) {
      add_comparison(folder, base, runs);
      continue;
    }
    ComparedRun run;
    run.label = fs::path(folder).filename().string();
    run.summaries.push_back(read_summary(folder));
    run.directories.push_back(from_base(folder, base));
    runs.push_back(std::move(run));
  }
  name_runs(runs);
  return runs;
}

}  // namespace mmusim
