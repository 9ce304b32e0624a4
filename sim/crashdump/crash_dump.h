// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/base/types.h"
#include "sim/crashdump/dump_file.h"
#include "sim/recorded/resource_tree.h"

namespace mmusim {

/// The memory of a machine that was stopped or crashed: any form that libkdumpfile reads, flattened kdumps too.
class CrashDump {
 public:
  /// Throws InputError, with the library's reason, if the file is no dump of an x86-64 machine, EnvironmentError if it
  /// cannot be opened.
  explicit CrashDump(const std::string& path);
  ~CrashDump();

  const std::string& path() const { return path_; }
  /// Control registers of each processor; empty if the dump has none.
  const std::vector<DumpedRegisters>& processors() const { return processors_; }

  // VMCOREINFO, what the kernel tells of itself; empty where it does not [Linux: kernel/crash_core.c].
  bool has_vmcoreinfo() const { return !release_.empty(); }
  const std::string& release() const { return release_; }  ///< OSRELEASE
  std::optional<VirtAddr> symbol(const std::string& name) const;
  std::optional<uint64_t> size(const std::string& type) const;
  std::optional<uint64_t> offset(const std::string& member) const;  ///< "mem_section.section_mem_map"
  std::optional<uint64_t> length(const std::string& array) const;
  std::optional<uint64_t> number(const std::string& name) const;

  /// Reads physical memory. False if a part of it is not in the dump: left out by makedumpfile, or no memory.
  bool read(PhysAddr at, std::span<std::byte> to) const;
  /// The memory that the dump knows of, whether its content is there or not; ascending.
  std::vector<PhysRange> memory() const;

 private:
  struct Library;
  std::optional<uint64_t> attribute(const std::string& key) const;

  std::string path_;
  DumpFile file_;
  std::unique_ptr<Library> library_;
  std::string release_;
  std::vector<DumpedRegisters> processors_;
};

}  // namespace mmusim
