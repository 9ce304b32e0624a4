// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstdint>

/// The trace records of the ChampSim simulator (its inc/trace_instruction.h), one for each instruction.
namespace mmusim::champsim {

struct Record {
  uint64_t ip;
  uint8_t is_branch;
  uint8_t branch_taken;
  std::array<uint8_t, 2> destination_registers;
  std::array<uint8_t, 4> source_registers;
  std::array<uint64_t, 2> destination_memory;  ///< addresses stored to; 0: none
  std::array<uint64_t, 4> source_memory;       ///< addresses loaded from; 0: none
};
static_assert(sizeof(Record) == 64);
static_assert(std::endian::native == std::endian::little, "the record is little endian");

/// Registers with a meaning in ChampSim; they carry no dependence of an address worth following.
inline constexpr uint8_t kNoRegister = 0;
inline constexpr uint8_t kFlagsRegister = 25;
inline constexpr uint8_t kInstructionPointer = 26;

/// Accesses are recorded without size; one byte crosses nothing that the program did not cross.
inline constexpr uint16_t kAccessBytes = 1;

/// A kInstruction event holds in `value` the eight bytes from is_branch to the last source register, in the order of
/// the record, and in `operand` the used address slots: bits 0-1 destination_memory, bits 2-5 source_memory. The
/// accesses that follow are the fetch, the loads, and the stores, each in the order of its slots.
inline constexpr unsigned kDestinationSlots = 2;
inline constexpr unsigned kSourceSlots = 4;

}  // namespace mmusim::champsim
