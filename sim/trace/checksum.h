// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include "sim/trace/trace_types.h"

namespace mmusim {

/// Checksum of the content of a trace: a multiply-rotate hash over 64-bit words, the same whatever the file's form.
/// It guards against damage, not against malice.
class TraceChecksum {
 public:
  void word(uint64_t w) { hash_ = (std::rotl(hash_, 29) ^ w) * kMultiplier; }
  void access(const MemAccess& access) {
    const uint64_t flags = static_cast<uint64_t>(access.kind) | (access.user ? 4U : 0U) | (access.rmw ? 8U : 0U) |
                           (access.stack ? 16U : 0U) | (access.implicit ? 32U : 0U) | (access.awaited ? 64U : 0U) |
                           (access.continues ? 128U : 0U);
    word(access.va.raw());
    word(access.bytes | flags << 16 | uint64_t{access.depends_on} << 32 | uint64_t{access.gap} << 48);
    if (std::bit_cast<uint64_t>(access.also_depends_on) == 0) return;
    for (const uint16_t distance : access.also_depends_on) {
      if (distance != 0) word(distance);
    }
  }
  void event(const TraceEvent& event) {
    word(~static_cast<uint64_t>(event.kind) ^ (event.user ? 256U : 0U) ^ (event.has_operand ? 512U : 0U));
    word(event.va.raw());
    word(event.value);
    word(event.operand);
    word(event.pc);
  }
  uint64_t value() const { return hash_ ^ (hash_ >> 32); }

 private:
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd
  uint64_t hash_ = 0x6d6d7573696d0001;
};

}  // namespace mmusim
