// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <span>
#include <string>

#include "sim/bootlog/evidence.h"

namespace mmusim {

/// Files of a report that tell of the machine. They are found by their path, wherever the report's top folder is:
/// dmesg, the journal and kern.log; proc/iomem, proc/cpuinfo, proc/cmdline; lsmem, numactl and uname as sosreport names
/// their output; sys/firmware/memmap.
class ReportReader {
 public:
  explicit ReportReader(std::string name) : name_(std::move(name)) {}

  /// True if a file with this path is one to read.
  static bool wants(const std::string& path);
  void add(const std::string& path, std::string text);
  /// Adds all that was found to `evidence`, the logs first. A file that cannot be used is left out with a note. Throws
  /// InputError if nothing was found.
  void finish(Evidence& evidence, BootNumber boot);

 private:
  struct File {
    std::string path;
    std::string text;
  };
  std::string name_;
  std::vector<File> files_;
};

/// Reads the folder of an unpacked report, or of /sys/firmware/memmap itself.
void add_report_folder(Evidence& evidence, const std::string& folder, BootNumber boot);

/// True if bytes begin like a tar archive.
bool is_tar(std::string_view head);
/// Reads a report packed with tar, `read` giving its (decompressed) bytes. Throws InputError if the archive is damaged.
void add_report_archive(Evidence& evidence, const std::function<size_t(std::span<uint8_t>)>& read,
                        const std::string& name, BootNumber boot);

}  // namespace mmusim
