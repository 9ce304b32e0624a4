// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>

#include "mm/immediate_cpus.h"
#include "mm/kernel_memory.h"
#include "mm/layout.h"
#include "models/base/phys_mem.h"

namespace mmusim::mm {

/// KernelMemory without time, straight on physical memory.
///
/// Direct-map and kernel-image addresses are translated by arithmetic; everything else (the vmemmap) by walking the
/// tables in simulated memory, with a small cache of translations that only the kernel's own flushes empty: what is
/// stale on hardware is stale here. An address that nothing maps, and a store to a read-only page, are internal errors.
class UntimedMemory final : public KernelMemory {
 public:
  /// `config` gives the layout; it must be the one of the Kernel that uses this memory.
  /// `cpus`: CPUs online; they share the cache of translations.
  UntimedMemory(PhysMem& memory, const Layout& layout, unsigned cpus = 1);

  uint64_t load(VirtAddr va, unsigned bytes) override;
  void store(VirtAddr va, uint64_t value, unsigned bytes) override;
  void fill(VirtAddr va, uint8_t value, uint64_t bytes) override;
  void copy(VirtAddr to, VirtAddr from, uint64_t bytes) override;
  void invalidate(TlbInstruction how, VirtAddr va) override;
  void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) override;
  Cpus* cpus() override { return cpus_.online() == 1 ? nullptr : &cpus_; }
  void load_cr3(PhysAddr root) override;
  void switch_cr3(unsigned, PhysAddr, unsigned, bool) override {}  // kernel addresses are the same in all processes

  /// The root table loaded last; 0 before.
  PhysAddr root() const { return root_; }
  /// Physical address of `va`; nullopt if not mapped.
  std::optional<PhysAddr> translate(VirtAddr va);
  /// Calls fn(va, cached pa) for every cached 4 KiB page: what a TLB may still hold.
  template <class Fn>
  void for_each_cached(Fn&& fn) const {
    for (const Cached& c : cache_)
      if (c.page != kNoPage) fn(VirtAddr(c.page << kPageShift), c.pa);
  }

 private:
  static constexpr size_t kCacheEntries = 1024;
  static constexpr uint64_t kNoPage = ~uint64_t{0};
  struct Cached {
    uint64_t page = kNoPage;  ///< va >> 12
    PhysAddr pa;              ///< of the page
    bool writable = false;
  };
  enum class Use : uint8_t { kLoad, kStore };

  PhysAddr resolve(VirtAddr va, Use use) {
    if (layout_.in_direct_map(va)) return layout_.direct_map_pa(va);
    if (layout_.in_image(va)) return layout_.image_pa(va);
    return resolve_paged(va, use);
  }
  PhysAddr resolve_paged(VirtAddr va, Use use);
  std::optional<Cached> walk(VirtAddr va) const;
  void forget(VirtAddr va);
  size_t slot(uint64_t page) const { return page & (kCacheEntries - 1); }

  PhysMem& memory_;
  Layout layout_;
  ImmediateCpus cpus_;
  PhysAddr root_{0};
  std::array<Cached, kCacheEntries> cache_;
};

}  // namespace mmusim::mm
