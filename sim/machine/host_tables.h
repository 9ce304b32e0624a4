// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <unordered_set>

#include "models/base/phys_mem.h"
#include "models/x86/nested_host.h"
#include "sim/machine/virtualization.h"

namespace mmusim {

/// Host-physical memory from `begin` to before `end`.
struct HostRange {
  PhysAddr begin, end;
};

/// The hypervisor as one guest meets it: where guest-physical memory lies in host memory, and the nested tables,
/// which are bytes in simulated memory like the guest's own.
///
/// Tables lie below all guests, one guest's from 16 MiB on, in the order in which they are needed. Without `on_demand` all memory
/// counts as mapped before the guest runs: entries are written when a walk first needs them, at no cost, which nothing
/// can tell from having been written before. With it each first touch of a host page is an exit, as KVM does it
/// ([N-95]).
class HostTables final : public NestedHost, public MemoryWindow {
 public:
  static constexpr uint64_t kFirstTable = 16 * kMiB;

  /// `memory` is host-physical and outlives this object; `tables`: where the nested tables go. Throws InputError where
  /// processor and configuration contradict.
  HostTables(PhysMem& memory, const VirtualizationConfig& config, const ProcessorTraits& processor, HostRange tables);

  const VirtualizationConfig& config() const { return config_; }
  const NestedControl& control() const { return control_; }
  /// Host-physical address of a byte of the guest, whether nested entries are there or not.
  PhysAddr address(GuestPhysAddr gpa) const {
    return below(PhysAddr(gpa.raw()).align_down(kPageBytes)) + (gpa.raw() & (kPageBytes - 1));
  }

  void prepare(GuestPhysAddr gpa) override {
    if (config_.on_demand) return;
    uint64_t& recent = recent_[gpa.raw() >> kRegionShift & (kRecent - 1)];
    if (recent == gpa.raw() >> kRegionShift) [[likely]]
      return;
    recent = gpa.raw() >> kRegionShift;
    map_region(gpa);
  }
  std::optional<Cycles> handle_exit(const NestedFault& fault) override;

  PhysAddr below(PhysAddr page) const override;
  bool whole_2m(PhysAddr page) const override;

  uint64_t tables() const { return (next_table_ - tables_.begin) / kPageBytes; }
  /// Pages mapped, by size 4K, 2M, 1G.
  const std::array<uint64_t, 3>& mapped() const { return mapped_; }

 private:
  static constexpr unsigned kRegionShift = 21;  // mapped together
  static constexpr unsigned kRecent = 1024;

  void map_region(GuestPhysAddr gpa);
  void map_page(GuestPhysAddr gpa, PageSize size);
  PhysAddr take_table();

  PhysMem& memory_;
  VirtualizationConfig config_;
  NestedControl control_;
  bool gib_pages_;
  uint64_t phys_bits_;
  HostRange tables_;
  PhysAddr next_table_;
  PhysAddr root_;
  std::array<uint64_t, kRecent> recent_;  // regions that are mapped
  std::unordered_set<uint64_t> regions_;  // all of them
  std::array<uint64_t, 3> mapped_{};
};

}  // namespace mmusim
