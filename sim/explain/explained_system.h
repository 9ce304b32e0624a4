// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/explain/explanation.h"
#include "sim/explain/kernel_view.h"
#include "sim/scenario/scenario.h"

namespace mmusim {

/// Whose address space is explained.
struct ExplainTarget {
  std::string scenario;         ///< path or shipped name
  ScenarioOverrides overrides;  ///< of an image: its platform (the teaching machine if missing) and settings of that
  std::string after;            ///< stage of the scenario after which to look; empty: the end
  std::string image;            ///< page-table image or crash dump; excludes a scenario
  std::string cr3;              ///< of an image: see parse_root_choice()
  bool warm = false;            ///< TLBs and caches as the scenario, or the access explained before, left them
};

/// A machine with the page tables of an explained kernel in its memory.
class ExplainedSystem {
 public:
  /// Loads the image, or runs the scenario: its machine is explained as the last phase leaves it. Throws InputError,
  /// EnvironmentError, or JobError if a phase ends otherwise than the scenario expects.
  explicit ExplainedSystem(const ExplainTarget& target);
  ~ExplainedSystem();

  /// Explains an access, carries it out on the machine, cold unless the target says otherwise, and tells what the
  /// address is to the kernel, and which kernel function wrote each entry.
  Explanation explain(VirtAddr va, unsigned bytes, AccessType access);
  /// Sets EFLAGS.AC.
  void set_ac();
  /// What was assumed of an image, one sentence each.
  const std::vector<std::string>& notes() const;
  /// The struct page of a page frame. Throws InputError where the kernel's layout is not known, or the page lies beyond
  /// it.
  VirtAddr struct_page_of(Pfn pfn) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mmusim
