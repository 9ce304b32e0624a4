// SPDX-License-Identifier: MIT
#include "sim/replay/touched_spaces.h"

#include "models/base/errors.h"
#include "models/x86/paging.h"

namespace mmusim {

AddressSpaceConfig fitted(AddressSpaceConfig config, const PlatformConfig& platform) {
  if (config.levels > platform.max_levels) {
    throw InputError(fmt::format("--levels: {} levels on platform {}, whose processor has {}", config.levels,
                                 platform.name, platform.max_levels));
  }
  const bool gib_pages_of_map = config.page_map && config.page_map->gigabyte_pages() != 0;
  if ((config.pages == MappingPolicy::k1G || gib_pages_of_map) && !platform.processor.gib_pages) {
    throw InputError(
        fmt::format("{}: platform {} has no 1 GiB pages", gib_pages_of_map ? "--page-map" : "--pages", platform.name));
  }
  const uint64_t end = memory_end(platform);
  if (end <= config.frames.begin.raw()) {
    throw InputError(fmt::format("platform {}: {} bytes of DRAM leave no room for page tables", platform.name, end));
  }
  config.frames.bytes = end - config.frames.begin.raw();
  return config;
}

void TouchedSpaces::serve(Target& target) {
  target.set_mapper(this);
  ControlRegisters registers = target.control().registers();
  registers.cr3 = spaces_.root().raw();
  registers.cr4 = levels_ == 5 ? registers.cr4 | kCr4La57 : registers.cr4 & ~kCr4La57;
  target.set_control(ControlState(registers, target.control().traits()));
}

}  // namespace mmusim
