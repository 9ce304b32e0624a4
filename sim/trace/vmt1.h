// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// The VMT1 capture format: block layout in traces/README.md.
namespace mmusim::vmt1 {

inline constexpr char kMagic[5] = "VMT1";
inline constexpr uint32_t kMaxBlockRecords = 65536;

inline constexpr uint8_t kSizeMask = 7;  ///< log2 of the bytes
inline constexpr uint8_t kStoreFlag = 8;
inline constexpr uint8_t kUserFlag = 16;

inline constexpr uint8_t kAccess = 0;
inline constexpr uint8_t kMap = 1;
inline constexpr uint8_t kMarker = 2;
inline constexpr uint8_t kCrWrite = 3;
inline constexpr uint8_t kInvlpg = 4;
inline constexpr uint8_t kInvpcid = 5;

inline constexpr uint64_t kKernelText = 0xffffffff00000000;

/// Captures hold what succeeded. What user-mode code did in the upper half, the processor did for it: descriptor
/// tables, the stack of an exception.
constexpr bool is_implicit(bool user, uint64_t va) { return user && va >> 63 != 0; }

}  // namespace mmusim::vmt1
