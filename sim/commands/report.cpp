// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <set>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/atomic_file.h"
#include "sim/host/text_output.h"
#include "sim/report/comparison.h"
#include "sim/report/html_report.h"
#include "sim/report/json_shape.h"
#include "sim/report/summary.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

/// The runs of a directory that `compare` wrote; failed ones stay failed.
void add_comparison(const std::string& directory, const std::string& base, std::vector<ComparedRun>& runs) {
  const std::string file = directory + "/compare.json";
  for (NamedRun& side : comparison_from_text(read_json_file_text(file), file)) {
    ComparedRun run;
    run.label = std::move(side.label);
    run.family = std::move(side.family);
    run.failures = std::move(side.failures);
    for (const std::string& name : side.directories) {
      const std::string path = directory + "/" + name;
      if (!run.failures.empty() && !fs::exists(path + "/summary.json")) continue;
      run.summaries.push_back(read_summary(path));
      run.directories.push_back(fs::relative(path, base).string());
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

ExitCode report(const std::vector<std::string>& directories, std::string out) {
  if (!has_html_report()) throw InputError("report: " + report_line(""));
  const std::string base = out.empty() ? directories[0] : fs::absolute(out).parent_path().string();
  std::vector<ComparedRun> runs;
  for (std::string directory : directories) {
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    if (fs::exists(directory + "/compare.json")) {
      add_comparison(directory, base, runs);
      continue;
    }
    ComparedRun run;
    run.label = fs::path(directory).filename().string();
    run.summaries.push_back(read_summary(directory));
    run.directories.push_back(fs::relative(directory, base).string());
    runs.push_back(std::move(run));
  }
  name_runs(runs);
  const Comparison comparison(std::move(runs));
  if (out.empty()) out = directories[0] + "/report.html";
  write_file(out, html_report("mmusim: " + fs::path(directories[0]).filename().string(), comparison, base));
  print_text(fmt::format("{}\n{}\n", comparison.table(), report_line(out)));
  return ExitCode::kSuccess;
}

}  // namespace

void add_report_command(CommandLine app, Action& action) {
  CommandLine command = app.add_subcommand("report", "Render report.html from finished runs or comparisons");
  auto directories = std::make_shared<std::vector<std::string>>();
  auto out = std::make_shared<std::string>();
  command.add_option("DIR", *directories, "directories that `run --out`, `replay --out` or `compare --out` wrote")
      .required();
  command.add_option("--out", *out, "the HTML file (default: report.html in the first directory)");
  command.footer("Example:\n  mmusim report out/compare-boot-base-vs-huge");
  command.callback([directories, out, &action] { action = [directories, out] { return report(*directories, *out); }; });
}

}  // namespace mmusim
