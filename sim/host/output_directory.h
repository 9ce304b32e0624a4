// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace mmusim {

/// Makes a directory and its parents, which survive a loss of power; no error if it is there already.
void make_directory(const std::string& path);

/// Makes a directory in one that this program owns, for results that a child writes. Refuses a symbolic link in its
/// place: following it would overwrite the files of another directory. Throws EnvironmentError.
void make_own_directory(const std::string& path);

/// Holds a directory for results, made where it is missing, and keeps every other mmusim out of it (flock(2) on the
/// directory: nothing stays behind, however the program ends). File systems without locks are used as they are.
class OutputDirectory {
 public:
  /// Throws EnvironmentError if it cannot be made, or if another program writes there.
  explicit OutputDirectory(const std::string& path);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// Removes the files `names`, results of an earlier run, in that order. The removal of the first is on the disk
  /// before another begins, so that what remains after a loss of power never looks complete. Throws InputError, and
  /// removes nothing, if one of `inputs` (paths) is among them.
  void remove(const std::vector<std::string>& names, const std::vector<std::string>& inputs);

 private:
  std::string path_;
  int fd_;
};

}  // namespace mmusim
