// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/base/types.h"

namespace mmusim {

/// Memory of this process that probes touch. Given back when the object ends.
class HostMapping {
 public:
  enum class Pages : uint8_t {
    kSmall,        ///< 4 KiB, whatever the system's default
    kTransparent,  ///< 2 MiB by madvise(), where the system has them
    kGigabyte,     ///< 1 GiB of hugetlbfs
  };

  HostMapping() = default;
  /// Maps addresses, aligned to `align`, or to 1 GiB for such pages; memory is taken at the first touch. Where the system
  /// refuses, bytes() is 0.
  HostMapping(uint64_t bytes, Pages pages, uint64_t align = bytes_of(PageSize::k2M));
  ~HostMapping();
  HostMapping(HostMapping&& other) noexcept;
  HostMapping& operator=(HostMapping&& other) noexcept;

  std::byte* at(uint64_t offset) const { return begin_ + offset; }
  uint64_t bytes() const { return bytes_; }
  /// Gives the memory back and keeps the addresses.
  void forget();
  /// Makes it executable instead of writable, or back; false where the system refuses.
  bool make_executable(bool executable);
  /// Returns how many of its bytes are 2 MiB pages now (/proc/self/smaps).
  uint64_t huge_bytes() const;

 private:
  void release();

  std::byte* begin_ = nullptr;
  uint64_t bytes_ = 0;
  void* mapped_ = nullptr;
  uint64_t mapped_bytes_ = 0;
};

}  // namespace mmusim
