// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "models/base/config.h"
#include "models/dram/address_map.h"
#include "models/dram/dram_timing.h"

namespace mmusim {

enum class PagePolicy : uint8_t {
  kOpen,    ///< a row stays open until another is needed or a refresh comes
  kClosed,  ///< a column command with no further request for its row queued precharges the bank itself
};

/// The memory controller of one channel.
struct DramControllerConfig {
  unsigned read_queue = 64;            ///< requests
  unsigned write_queue = 64;           ///< requests
  unsigned write_high_watermark = 48;  ///< from that many queued writes on, writes go first ...
  unsigned write_low_watermark = 16;   ///< ... until that few are left
  unsigned starvation_cycles = 4000;   ///< older than that (DRAM cycles), the oldest request goes before row hits
  PagePolicy page_policy = PagePolicy::kOpen;
};

/// One kind of DRAM with its controller, as configs/dram/*.json describe it. The defaults are the reference device
/// DDR4-2400 CL17: one 64-bit channel with one rank.
struct DramConfig {
  std::string name = "default";
  unsigned tck_ps = 833;  ///< clock period in picoseconds
  DramGeometry geometry;
  DramTiming timing;
  DramControllerConfig controller;
  AddressMapConfig address_map;

  /// Most bytes the data pins of all channels can move in a nanosecond (GB/s).
  double pin_limit_gb_per_s() const {
    return static_cast<double>(kLineBytes * geometry.channels) * 1000.0 / (timing.burst * tck_ps);
  }
};

/// Reads a DRAM description; see configs/README.md for the keys.
DramConfig read_dram_config(ConfigReader r);

/// Reads and checks a file; throws InputError or EnvironmentError.
DramConfig load_dram_config(const std::string& path);

}  // namespace mmusim
