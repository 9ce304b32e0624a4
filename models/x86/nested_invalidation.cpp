// SPDX-License-Identifier: MIT
#include "models/x86/nested_invalidation.h"

#include "models/x86/nested_control.h"

namespace mmusim {

std::optional<NestedInvalidation> invvpid(uint64_t type, uint64_t descriptor_vpid, VirtAddr descriptor_va,
                                          const ControlState& control) {
  if (type > 3 || descriptor_vpid >> 16 != 0) return std::nullopt;
  const auto vpid = static_cast<uint16_t>(descriptor_vpid);
  if (type == 2) return on_invvpid(/*keep_globals=*/false);
  if (vpid == 0) return std::nullopt;
  if (type != 0) return on_invvpid(vpid, /*keep_globals=*/type == 3);
  const VirtAddr va = control.linear(descriptor_va);
  if (!control.canonical(va)) return std::nullopt;
  return on_invvpid_address(vpid, va);
}

std::optional<NestedInvalidation> invept(uint64_t type, uint64_t descriptor_eptp, unsigned phys_bits) {
  if (type == 2) return on_invept();
  NestedRegisters registers;
  registers.root = descriptor_eptp;
  if (type != 1 || contradiction(registers, phys_bits)) return std::nullopt;
  return on_invept(descriptor_eptp);
}

}  // namespace mmusim
