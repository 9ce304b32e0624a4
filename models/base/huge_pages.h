// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory_resource>
#include <new>
#include <vector>

namespace mmusim {

/// Memory of the host in huge pages where it can give them, for what is large: fewer faults when it is first touched,
/// fewer misses in the host's own TLB afterwards. Only about speed: a host that refuses gives pages of the usual size.
class HugePages {
 public:
  static void* allocate(size_t bytes, size_t alignment) {
    void* const at = ::operator new(bytes, alignment_for(bytes, alignment));
    if (bytes >= kHugePageBytes) ::madvise(at, bytes, MADV_HUGEPAGE);
    return at;
  }
  static void deallocate(void* at, size_t bytes, size_t alignment) {
    ::operator delete(at, alignment_for(bytes, alignment));
  }

 private:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;
  static std::align_val_t alignment_for(size_t bytes, size_t alignment) {
    return std::align_val_t{bytes >= kHugePageBytes ? kHugePageBytes : alignment};
  }
};

/// For large arrays.
template <class T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <class U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(size_t count) { return static_cast<T*>(HugePages::allocate(count * sizeof(T), alignof(T))); }
  void deallocate(T* at, size_t count) { HugePages::deallocate(at, count * sizeof(T), alignof(T)); }
  bool operator==(const HugePageAllocator&) const = default;
};

template <class T>
using HugePageVector = std::vector<T, HugePageAllocator<T>>;

/// For tables with very many nodes of up to `node_bytes`: they lie in huge pages, which go back to the host with the
/// pool. A freed node is used again; what is larger, as the array of a hash table that grows, is not.
class HugePagePool {
 public:
  explicit HugePagePool(size_t node_bytes)
      : pages_(kFirstBytes, &host_),
        nodes_({.max_blocks_per_chunk = 0, .largest_required_pool_block = node_bytes}, &pages_) {}

  std::pmr::memory_resource* resource() { return &nodes_; }

 private:
  static constexpr size_t kFirstBytes = size_t{4} << 20;
  class Host : public std::pmr::memory_resource {
    void* do_allocate(size_t bytes, size_t alignment) override { return HugePages::allocate(bytes, alignment); }
    void do_deallocate(void* at, size_t bytes, size_t alignment) override {
      HugePages::deallocate(at, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  Host host_;
  std::pmr::monotonic_buffer_resource pages_;
  std::pmr::unsynchronized_pool_resource nodes_;
};

}  // namespace mmusim
