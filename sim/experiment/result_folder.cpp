// SPDX-License-Identifier: MIT
#include "sim/experiment/result_folder.h"

#include <unistd.h>

#include <filesystem>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

const std::vector<std::string>& result_file_names() {
  static const std::vector<std::string> kNames = {"summary.json", "compare.json", "compare.csv",     "report.html",
                                                  "tables.json",  "kernel.log",   "events.jsonl.zst"};
  return kNames;
}

namespace {

/// What cannot be looked at is not there; making it says why.
bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

void refuse_finished(const std::string& path) {
  for (const char* name : {"summary.json", "compare.json"}) {
    if (!is_there(path + "/" + name)) continue;
    throw InputError(fmt::format(
        "{}: holds the results of an earlier run ({}): give another --out, or --force to replace them", path, name));
  }
}

std::string results_line(const std::string& directory) {
  return directory.empty() ? "" : fmt::format("results: {}\n", directory);
}

ResultFolder::ResultFolder(const std::string& path, const std::vector<std::string>& inputs, bool force)
    : path_(path), existed_(is_there(path)), directory_(path) {
  if (!force) refuse_finished(path);
  directory_.remove(result_file_names(), inputs);
}

ResultFolder::~ResultFolder() {
  if (!kept_ && !existed_) ::rmdir(path_.c_str());  // fails if there is anything in it
}

void ResultFolder::discard() { ::unlink(events().c_str()); }

}  // namespace mmusim
