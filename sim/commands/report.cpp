// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/experiment/finished_runs.h"
#include "sim/host/atomic_file.h"
#include "sim/host/text_output.h"
#include "sim/report/comparison.h"
#include "sim/report/html_report.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

ExitCode report(const std::vector<std::string>& directories, std::string out) {
  if (!has_html_report()) throw InputError("report: " + report_line(""));
  const std::string base = out.empty() ? directories[0] : fs::absolute(out).parent_path().string();
  const Comparison comparison(finished_runs(directories, base));
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
