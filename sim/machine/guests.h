// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/walker/nested_structures.h"
#include "models/x86/guest_spaces.h"
#include "sim/machine/host_tables.h"
#include "sim/machine/platform.h"

namespace mmusim {

/// Bytes that each guest's physical memory has on a machine whose memory ends at `end`; 0: there is no room. Several
/// guests get pieces that begin at multiples of 1 GiB where these are that large, else of 2 MiB.
uint64_t guest_memory_bytes(const VirtualizationConfig& config, uint64_t end);

/// The guests of one machine. Each has a piece of host memory, nested tables of its own, and so a VPID and an EP4TA, or an
/// ASID, of its own; without tags all have VPID 0.
class Guests {
 public:
  struct Guest {
    Guest(PhysMem& physical, const VirtualizationConfig& config, const ProcessorTraits& processor, HostRange tables)
        : host(physical, config, processor, tables), memory(physical, host) {}

    HostTables host;
    PhysMem memory;  ///< what the guest calls physical memory: a view
    GuestTag tag;
  };
  /// `memory` is host-physical and outlives this object. Throws InputError where the guests do not fit.
  Guests(PhysMem& memory, const VirtualizationConfig& config, const PlatformConfig& platform);

  unsigned count() const { return static_cast<unsigned>(guests_.size()); }
  Guest& operator[](unsigned number) { return *guests_[number]; }

 private:
  std::vector<std::unique_ptr<Guest>> guests_;
};

/// The guests as one core sees them: the one that runs, the control registers of the others, and the tags of all.
class CoreGuests {
 public:
  /// `nested` is the core's, and `empty` removes everything that the core has cached of guests: called when the numbers of
  /// the tags are used up. `at_start`: the control registers with which each guest begins.
  CoreGuests(Guests& guests, NestedContext& nested, const ControlState& at_start, std::function<void()> empty);

  /// Returns `control` with the tag of the guest that runs. For whoever sets the core's control registers.
  ControlState tagged(ControlState control);
  /// Goes on with `guest`, with the control registers that it had; `leaving` are those of the guest that ran. What VM exit
  /// and entry remove is the machine's to remove, before.
  ControlState enter(unsigned guest, const ControlState& leaving);

  /// Returns an operation of the guest that runs, which reaches its own VPID only ([N-72], [N-80]).
  Invalidation of_running(const Invalidation& operation) {
    return spaces_.confine(operation, GuestScope::of_vpid((*guests_)[running_].tag.vpid));
  }
  /// Returns what an operation of the hypervisor removes of combined mappings.
  Invalidation combined(const NestedInvalidation& operation) {
    return spaces_.confine(operation.combined, operation.guests);
  }
  /// Removes what it removes of guest-physical mappings; returns how many entries.
  unsigned remove_guest_physical(const NestedInvalidation& operation);

 private:
  Guests* guests_;
  NestedContext* nested_;
  std::vector<ControlState> controls_;  // of guests that do not run
  std::function<void()> empty_;
  GuestSpaces spaces_;
  unsigned running_ = 0;
};

}  // namespace mmusim
