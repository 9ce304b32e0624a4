// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/x86/control.h"
#include "sim/explain/explanation.h"

namespace mmusim {

/// Names the set bits of an entry at its level, lowest first: "present", "writable", "user", "pwt", "pcd",
/// "accessed", "dirty", "2M page", "pat", "global", "key 3" (other than 0), "nx", "sw9" (ignored bits that software may
/// use). Bits that the level ignores are left out, those that are reserved are told as "reserved 51".
std::vector<std::string> entry_flags(const ControlState& control, unsigned level, uint64_t entry);

/// Returns the word of a vocabulary for one of entry_flags().
std::string flag_name(const std::string& flag, Names names);
/// Returns what an entry of that level is called, of `levels` in all: "PDE", "pmd".
const char* entry_name(unsigned level, unsigned levels, Names names);

/// The set bits of a present entry that are reserved.
uint64_t reserved_bits_set(const ControlState& control, unsigned level, uint64_t entry);
/// Returns true if a present entry of that level maps a page.
bool maps_page(const ControlState& control, unsigned level, uint64_t entry);
/// Returns the target of a present entry: its table, or the first byte of its page.
PhysAddr entry_target(const ControlState& control, unsigned level, uint64_t entry);

/// An error code's bits by name: "present", "write", "user", "reserved", "fetch", "key"; bit 0 clear gives "not
/// present".
std::vector<std::string> error_code_bits(uint32_t code);

}  // namespace mmusim
