// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

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

/// One access of a program, as a workload or a trace states it. 16 bytes, so that batches stream well.
struct MemAccess {
  VirtAddr va;                          ///< first byte
  uint16_t bytes = 8;                   ///< 1 or more; may cross a page boundary
  AccessKind kind = AccessKind::kRead;  ///< a read-modify-write is a kWrite with `rmw`
  bool user : 1 = false;                ///< CPL 3; otherwise a supervisor access
  bool rmw : 1 = false;                 ///< locked or plain read-modify-write
  bool stack : 1 = false;               ///< reference through the stack segment (#SS instead of #GP)
  bool implicit : 1 = false;            ///< implicit supervisor access (descriptor tables)
  bool awaited : 1 = false;             ///< what follows in the program begins only when its result is there
  uint16_t depends_on = 0;              ///< address needs the result of the access that many places earlier; 0: none
  uint16_t gap = 0;                     ///< instructions without memory access before this one
};
static_assert(sizeof(MemAccess) == 16);

/// What the MMU takes an access for: a read-modify-write is a write.
constexpr AccessKind kind_of(const MemAccess& access) { return access.rmw ? AccessKind::kWrite : access.kind; }

}  // namespace mmusim
