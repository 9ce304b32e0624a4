// SPDX-License-Identifier: MIT
#include "sim/experiment/result_folder.h"

#include <unistd.h>

#include <filesystem>

namespace mmusim {

const std::vector<std::string>& result_file_names() {
  static const std::vector<std::string> kNames = {"summary.json", "compare.json", "compare.csv",     "report.html",
                                                  "tables.json",  "kernel.log",   "events.jsonl.zst"};
  return kNames;
}

ResultFolder::ResultFolder(const std::string& path, const std::vector<std::string>& inputs)
    : path_(path), existed_(std::filesystem::exists(path)), directory_(path) {
  directory_.remove(result_file_names(), inputs);
}

ResultFolder::~ResultFolder() {
  if (!kept_ && !existed_) ::rmdir(path_.c_str());  // fails if there is anything in it
}

void ResultFolder::discard() { ::unlink(events().c_str()); }

}  // namespace mmusim
