// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace mmusim {

/// Allocates large arrays where the host can give huge pages: fewer faults when they are first touched, fewer misses in
/// the host's own TLB afterwards. Only about speed: a host that refuses gives pages of the usual size.
template <class T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <class U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* const at = ::operator new(bytes, alignment_for(bytes));
    if (bytes >= kHugePageBytes) ::madvise(at, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(at);
  }
  void deallocate(T* at, size_t count) { ::operator delete(at, alignment_for(count * sizeof(T))); }
  bool operator==(const HugePageAllocator&) const = default;

 private:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;
  static std::align_val_t alignment_for(size_t bytes) {
    return std::align_val_t{bytes >= kHugePageBytes ? kHugePageBytes : alignof(T)};
  }
};

template <class T>
using HugePageVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace mmusim
