// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "models/base/enum_array.h"
#include "models/base/types.h"

namespace mmusim {

enum class AccessKind : uint8_t { kRead = 0, kWrite = 1, kFetch = 2 };
template <>
inline constexpr size_t kCountOf<AccessKind> = 3;

constexpr const char* name_of(AccessKind kind) {
  switch (kind) {
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
      return "write";
    case AccessKind::kFetch:
      return "fetch";
  }
  return "?";
}

/// One access of a program, as a workload or a trace states it. perf: 24 bytes, because batches of them are streamed.
struct MemAccess {
  VirtAddr va;                          ///< first byte
  uint16_t bytes = 8;                   ///< 1 or more; may cross a page boundary
  AccessKind kind = AccessKind::kRead;  ///< a read-modify-write is a kWrite with `rmw`
  bool user : 1 = false;                ///< CPL 3; otherwise a supervisor access
  bool rmw : 1 = false;                 ///< locked or plain read-modify-write
  bool stack : 1 = false;               ///< reference through the stack segment (#SS instead of #GP)
  bool implicit : 1 = false;            ///< implicit supervisor access (descriptor tables)
  bool awaited : 1 = false;             ///< what follows in the program begins only when its result is there
  bool continues : 1 = false;           ///< made by the same instruction as the data access before it
  uint16_t depends_on = 0;              ///< address needs the result of the access that many places earlier; 0: none
  uint16_t gap = 0;                     ///< instructions without memory access before this one
  /// Further accesses whose results the address needs, as `depends_on`; unused ones are 0 and come last. Only with
  /// `depends_on`.
  std::array<uint16_t, 4> also_depends_on{};
};
static_assert(sizeof(MemAccess) == 24);
/// Most accesses whose results an address can need.
inline constexpr unsigned kMostProducers = 5;

/// Adds to an access that its address needs the result of the one `distance` places earlier. Nothing if `distance` is 0 or
/// told already. The nearest kMostProducers are kept, because the results of others are there long before.
constexpr void add_producer(MemAccess& access, uint16_t distance) {
  uint16_t moving = distance;
  if (moving == 0 || moving == access.depends_on) return;
  if (access.depends_on == 0 || moving < access.depends_on) std::swap(moving, access.depends_on);
  for (uint16_t& place : access.also_depends_on) {  // in order of distance
    if (moving == 0 || moving == place) return;
    if (place == 0 || moving < place) std::swap(moving, place);
  }
}

/// Returns the type that the MMU checks rights for: a read-modify-write is a write.
constexpr AccessKind kind_of(const MemAccess& access) { return access.rmw ? AccessKind::kWrite : access.kind; }

}  // namespace mmusim
