// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/machine/platform.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Page tables for a trace that has only virtual addresses: built by a scenario's kernel, or loaded from a page-table
/// image.
class KernelTables {
 public:
  /// `path`: a scenario (a path or a shipped name), one of the two files of an image, or a crash dump, which have no variants; settings
  /// of an image are those of the platform alone and are not looked at. Throws InputError for bad input.
  /// `cr3` of an image or crash dump: see parse_root_choice().
  KernelTables(const std::string& path, const ScenarioOverrides& overrides, const std::string& cr3 = {});

  bool of_scenario() const { return image_.empty(); }
  /// Returns the machine of the scenario, checked to hold its memory and tables. Only with of_scenario().
  PlatformConfig platform() const;
  /// Virtualization of the scenario; an image says nothing of it.
  const VirtualizationConfig& virtualization() const { return scenario_.virtualization; }
  /// The effective configuration, JSON text of an object.
  std::string configuration() const;

  /// Builds the tables in an empty memory: the scenario's kernel phases run without time, its workloads do not. Returns
  /// the control registers that use them, on a processor of these traits. Throws JobError if a phase ends otherwise
  /// than the scenario expects.
  ControlState build(PhysMem& memory, const ProcessorTraits& traits) const;

 private:
  std::string image_;
  std::string cr3_;
  Scenario scenario_;
};

}  // namespace mmusim
