// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/config.h"
#include "models/base/types.h"
#include "models/x86/nested_control.h"

namespace mmusim {

enum class VirtualizationMode : uint8_t { kNone, kEpt, kNpt };
enum class HostFrameOrder : uint8_t { kSequential, kRandom };

/// Guest mode of the machine, and how the hypervisor backs the guest's memory. Keys: configs/README.md.
struct VirtualizationConfig {
  /// A piece of guest-physical memory that the host maps by pages of one size.
  struct Piece {
    uint64_t bytes = 0;
    PageSize pages = PageSize::k4K;
  };

  VirtualizationMode mode = VirtualizationMode::kNone;
  unsigned host_levels = 4;  ///< of the nested tables: 4 or 5
  /// Repeated over guest-physical memory from address 0 on. One piece of 0 bytes: the same everywhere.
  std::vector<Piece> pages = {Piece{}};
  double huge_fraction =
      1;  ///< share of the 2 MiB regions of pages "2M" that are 2 MiB pages; the others are 4 KiB ones
  uint64_t host_offset = 4 * kGiB;                      ///< host-physical = guest-physical + offset
  HostFrameOrder frames = HostFrameOrder::kSequential;  ///< kRandom: 4 KiB frames are shuffled within their 2 MiB
  bool accessed_dirty = false;  ///< EPTP bit 6; with NPT false: the host has set A and D beforehand
  bool tags = true;             ///< VPID or ASID: exits leave the guest's translations in the TLBs
  bool on_demand = false;       ///< nested entries appear at the first touch, each by an exit
  Cycles exit_cycles{3000};     ///< of one exit with what the hypervisor does about it
  unsigned guests = 1;          ///< that share the machine's cores; replays run several
  uint64_t slice_accesses = 0;  ///< of several guests: after so many accesses the next one runs; 0: the trace says when
  uint64_t seed = 1;            ///< of what is drawn: huge_fraction, frames

  bool guest() const { return mode != VirtualizationMode::kNone; }
};

inline constexpr ConfigKey kVirtualizationKey{"virtualization", "Guest mode, and how the host backs the guest."};
/// Reads the "virtualization" object of a scenario.
VirtualizationConfig read_virtualization(ConfigReader reader);

/// Size of the nested page that the host maps `gpa` with: the largest one that the piece says, that lies within its
/// piece whole, that guest- and host-physical addresses are congruent for, and that the processor has ([N-95]).
PageSize host_page_size(const VirtualizationConfig& config, bool gib_pages, GuestPhysAddr gpa);

}  // namespace mmusim
