// SPDX-License-Identifier: MIT
#include "sim/machine/guests.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

uint64_t guest_memory_bytes(const VirtualizationConfig& config, uint64_t end) {
  if (config.host_offset >= end) return 0;
  const uint64_t piece = (end - config.host_offset) / config.guests;
  if (config.guests == 1) return piece;
  const uint64_t unit = bytes_of(piece >= kGiB ? PageSize::k1G : PageSize::k2M);
  return piece & ~(unit - 1);
}

Guests::Guests(PhysMem& memory, const VirtualizationConfig& config, const PlatformConfig& platform) {
  const uint64_t bytes = guest_memory_bytes(config, memory_end(platform));
  if (config.guests > 1 && bytes == 0) {
    throw InputError(fmt::format("/virtualization/guests: the DRAM of platform {} ends at 0x{:x}, {} guests do not fit",
                                 platform.name, memory_end(platform), config.guests));
  }
  constexpr uint64_t kFirstTable = HostTables::kFirstTable;
  const uint64_t tables = (config.host_offset - kFirstTable) / config.guests & ~(kPageBytes - 1);
  for (unsigned i = 0; i < config.guests; ++i) {
    VirtualizationConfig own = config;
    own.host_offset += i * bytes;
    const PhysAddr first(kFirstTable + i * tables);
    guests_.push_back(std::make_unique<Guest>(memory, own, platform.processor, HostRange{first, first + tables}));
    Guest& guest = *guests_.back();
    const uint64_t root = guest.host.control().root().raw();
    const auto number = static_cast<uint16_t>(config.tags ? i + 1 : 0);
    guest.tag = {number, config.mode == VirtualizationMode::kEpt ? root : 0};
  }
}

CoreGuests::CoreGuests(Guests& guests, NestedContext& nested, const ControlState& at_start, std::function<void()> empty)
    : guests_(&guests), nested_(&nested), controls_(guests.count(), at_start), empty_(std::move(empty)) {}

ControlState CoreGuests::tagged(ControlState control) {
  const GuestTag& guest = (*guests_)[running_].tag;
  std::optional<SpaceTag> space = spaces_.tag(guest, control.pcid());
  if (!space) {
    empty_();
    spaces_.forget();
    space = spaces_.tag(guest, control.pcid());
  }
  control.set_space(*space);
  return control;
}

ControlState CoreGuests::enter(unsigned guest, const ControlState& leaving) {
  controls_[running_] = leaving;
  running_ = guest;
  Guests::Guest& next = (*guests_)[guest];
  nested_->control = next.host.control();
  nested_->host = &next.host;
  nested_->failure.reset();
  nested_->structures.enter(static_cast<uint16_t>(guest));
  return tagged(controls_[guest]);
}

unsigned CoreGuests::remove_guest_physical(const NestedInvalidation& operation) {
  if (!operation.guest_physical) return 0;
  return nested_->structures.clear([&](uint16_t guest) { return operation.guests.covers((*guests_)[guest].tag); });
}

}  // namespace mmusim
