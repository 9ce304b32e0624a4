// SPDX-License-Identifier: MIT
#pragma once

#include "sim/machine/platform.h"
#include "sim/machine/target.h"
#include "sim/replay/address_space.h"

namespace mmusim {

/// `config` with all of the platform's DRAM for frames and tables. Throws InputError if the platform has fewer levels,
/// or no 1 GiB pages.
AddressSpaceConfig fitted(AddressSpaceConfig config, const PlatformConfig& platform);

/// Page tables built on first touch, behind the machine's own interface for that.
class TouchedSpaces final : public DemandMapper {
 public:
  TouchedSpaces(PhysMem& memory, const AddressSpaceConfig& config) : levels_(config.levels), spaces_(memory, config) {}
  /// Makes these the tables that `target` walks. They are in its memory.
  void serve(Target& target);
  bool ensure_mapped(VirtAddr va) override { return spaces_.ensure_mapped(va); }
  AddressSpaces& spaces() { return spaces_; }

 private:
  unsigned levels_;
  AddressSpaces spaces_;
};

}  // namespace mmusim
