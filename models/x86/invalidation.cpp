// SPDX-License-Identifier: MIT
#include "models/x86/invalidation.h"

namespace mmusim {

namespace {

constexpr uint64_t kEferTce = uint64_t{1} << 15;
constexpr Invalidation kEverything{InvalidationScope::kAll, true, InvalidationScope::kAll, 0, VirtAddr()};

Invalidation all_of_pcid(uint16_t pcid, bool globals) {
  return {InvalidationScope::kPcid, globals, InvalidationScope::kPcid, pcid, VirtAddr()};
}

}  // namespace

Invalidation on_mov_cr3(const ControlState& before, uint64_t source) {
  if (!before.pcide()) return all_of_pcid(0, /*globals=*/false);
  if ((source & kCr3NoInvalidate) != 0) return {};
  return all_of_pcid(static_cast<uint16_t>(source & kCr3PcidMask), /*globals=*/false);
}

Invalidation on_mov_cr4(const ControlState& before, uint64_t cr4) {
  const uint64_t old = before.registers().cr4;
  const uint64_t changed = old ^ cr4;
  if ((changed & kCr4Pge) != 0 || (changed & old & kCr4Pcide) != 0) return kEverything;
  if (before.traits().vendor == Vendor::kAmd && (changed & (kCr4Pae | kCr4Pse | kCr4La57)) != 0) return kEverything;
  if ((changed & kCr4Pae) != 0 || (changed & cr4 & kCr4Smep) != 0) {
    return all_of_pcid(before.pcid(), /*globals=*/true);
  }
  return {};
}

Invalidation on_mov_cr0(const ControlState& before, uint64_t cr0) {
  const uint64_t changed = before.registers().cr0 ^ cr0;
  const bool amd = before.traits().vendor == Vendor::kAmd;
  if ((changed & kCr0Pg) != 0 && (amd || (cr0 & kCr0Pg) == 0)) return kEverything;
  return {};
}

Invalidation on_write_efer(const ControlState& before, uint64_t efer) {
  return ((before.registers().efer ^ efer) & kEferNxe) != 0 ? kEverything : Invalidation{};
}

Invalidation on_invlpg(const ControlState& control, VirtAddr va) {
  const VirtAddr at = control.linear(va);
  if (!control.canonical(at)) return {};
  const bool tce = control.traits().vendor == Vendor::kAmd && (control.registers().efer & kEferTce) != 0;
  const auto structures = tce ? InvalidationScope::kAddress : InvalidationScope::kPcid;
  return {InvalidationScope::kAddress, true, structures, control.pcid(), at};
}

std::optional<Invalidation> on_invpcid(const ControlState& control, uint64_t type, uint64_t descriptor_pcid,
                                       VirtAddr descriptor_va) {
  if (type > 3 || descriptor_pcid >> 12 != 0) return std::nullopt;
  const auto pcid = static_cast<uint16_t>(descriptor_pcid);
  if (type <= 1 && !control.pcide() && pcid != 0) return std::nullopt;
  switch (type) {
    case 0: {
      const VirtAddr at = control.linear(descriptor_va);
      if (!control.canonical(at)) return std::nullopt;
      return Invalidation{InvalidationScope::kAddress, false, InvalidationScope::kAddress, pcid, at};
    }
    case 1:
      return all_of_pcid(pcid, /*globals=*/false);
    case 2:
      return kEverything;
    default:
      return Invalidation{InvalidationScope::kAll, false, InvalidationScope::kAll, 0, VirtAddr()};
  }
}

Invalidation on_page_fault(const ControlState& control, VirtAddr va) {
  const SpaceTag space = control.space();
  return {InvalidationScope::kAddress, true, InvalidationScope::kAddress, space.own, control.linear(va), space.global};
}

}  // namespace mmusim
