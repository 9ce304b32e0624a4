// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// mmusim's own compact binary trace; traces/README.md describes it byte by byte.
namespace mmusim::binary {

inline constexpr char kMagic[9] = "MMUTRACE";
inline constexpr uint16_t kVersion = 1;
inline constexpr size_t kFileHeadBytes =
    16;  ///< magic, u16 version, u16 zero, u32 bytes of the JSON header that follows
inline constexpr uint32_t kMaxHeaderBytes = 1U << 20;
inline constexpr size_t kBlockHeadBytes = 12;  ///< u32 records, u32 payload bytes, u32 CRC-32 of the payload
inline constexpr uint32_t kMaxBlockRecords = 65536;
inline constexpr uint32_t kMaxPayloadBytes = 1572864;
inline constexpr uint32_t kTrailerBytes = 16;  ///< payload of the block of no records: u64 records, u64 checksum

// First byte of an access: bit 7 clear.
inline constexpr uint8_t kKindMask = 3;
inline constexpr uint8_t kUserFlag = 4;
inline constexpr unsigned kSizeShift = 3;
inline constexpr uint8_t kSizeMask = 7;     ///< log2 of the bytes; 7: a number follows
inline constexpr uint8_t kExtrasFlag = 64;  ///< a second byte follows
inline constexpr uint8_t kEventFlag = 128;

// Second byte of an access.
inline constexpr uint8_t kRmw = 1;
inline constexpr uint8_t kStack = 2;
inline constexpr uint8_t kImplicit = 4;
inline constexpr uint8_t kDependsOn = 8;
inline constexpr uint8_t kGap = 16;
inline constexpr uint8_t kPc = 32;
inline constexpr uint8_t kAwaited = 64;
inline constexpr uint8_t kMore = 128;  ///< after all else: a byte with the number of further producers and kContinues,
                                       ///< then so many distances
inline constexpr uint8_t kMoreProducersMask = 7;
inline constexpr uint8_t kContinues = 8;

// First byte of an event: kind, and
inline constexpr uint8_t kEventKindMask = 15;
inline constexpr uint8_t kEventUser = 16;
inline constexpr uint8_t kEventOperand = 32;
inline constexpr uint8_t kEventText = 64;
inline constexpr uint32_t kMaxTextBytes = 4096;

/// Predecessors of the deltas. They start at 0 in each block, so that blocks can be read alone.
struct Predecessors {
  std::array<uint64_t, 3> access{};  ///< kernel data, user data, fetches
  uint64_t event = 0;
  uint64_t pc = 0;
};
constexpr unsigned access_class(unsigned kind, bool user) { return kind == 2 ? 2 : (user ? 1 : 0); }

}  // namespace mmusim::binary
