// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/host/output_directory.h"

namespace mmusim {

/// The line of a text report that says where the results are; empty if no files were written.
std::string results_line(const std::string& directory);

/// Names of the files that a run, a replay or a comparison writes into its folder, in the order in which those of an
/// earlier one are removed: first what says that results are complete.
const std::vector<std::string>& result_file_names();

/// Throws InputError if a run, a replay or a comparison has left complete results in the folder.
void refuse_finished(const std::string& path);

/// The folder of one run's results, held as long as this lives (OutputDirectory).
///
/// Results of an earlier run are kept unless `force` is given. With it they are removed before anything is written: a
/// summary never stands beside an event log of another run, whatever ends this one. If this is destroyed without keep(),
/// a folder that was made here goes again.
class ResultFolder {
 public:
  /// `inputs`: files that this run reads. Throws InputError if it would overwrite one of them, or, without `force`, if
  /// the folder holds the results of an earlier run; EnvironmentError if the folder cannot be made or is another run's.
  ResultFolder(const std::string& path, const std::vector<std::string>& inputs, bool force);
  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string events() const { return path_ + "/events.jsonl.zst"; }
  std::string kernel_log() const { return path_ + "/kernel.log"; }
  std::string summary() const { return path_ + "/summary.json"; }

  /// The input turned out to be wrong: the event log, which is streamed, is removed as well.
  void discard();
  /// The results are complete.
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool existed_;
  OutputDirectory directory_;
  bool kept_ = false;
};

}  // namespace mmusim
