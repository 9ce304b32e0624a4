// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "mm/config.h"
#include "mm/entry_flags.h"
#include "mm/kernel_memory.h"
#include "mm/layout.h"
#include "mm/observer.h"
#include "mm/tlb_flush.h"
#include "models/base/format.h"

namespace mmusim::mm {

/// The state that all parts of the kernel model share: configuration, memory, observer.
class Context {
 public:
  Context(const KernelConfig& config_in, uint64_t ram_bytes, KernelMemory& memory, Observer* observer)
      : config(config_in),
        profile(effective_profile(config_in)),
        layout(config_in, ram_bytes),
        leaf(config_in),
        tlb(config_in, profile, memory, observer),
        fail_(config_in.fail_allocation),
        memory_(&memory),
        observer_(observer),
        mask_(observer == nullptr ? uint32_t{kNoEvents} : observer->mask()) {}

  const KernelConfig config;
  const Profile profile;
  const Layout layout;
  const LeafFlags leaf;
  TlbFlush tlb;
  /// slab_is_available(): allocations come from the buddy allocator, no longer from memblock.
  bool slab_available = false;
  /// Struct pages of the memory the buddy allocator handles are there: it reads and writes them.
  bool struct_pages_live = false;

  /// True if whole sections of the vmemmap get 2 MiB leaves.
  bool huge_vmemmap() const { return config.cpu.pse && config.vmemmap_pages == VmemmapPages::kAuto; }

  KernelMemory& memory() { return *memory_; }
  uint64_t load(VirtAddr va, unsigned bytes) { return memory_->load(va, bytes); }
  void store(VirtAddr va, uint64_t value, unsigned bytes) { memory_->store(va, value, bytes); }
  void fill(VirtAddr va, uint8_t value, uint64_t bytes, const char* cause) {
    memory_->fill(va, value, bytes);
    if (!wants(kFills)) return;
    const PhysAddr pa = layout.in_direct_map(va) ? layout.direct_map_pa(va) : PhysAddr(0);
    observer_->fill({va, pa, bytes, value, cause});
  }
  void flush_tlb_all(const char* cause) { tlb.flush_tlb_all(cause); }
  void flush_tlb_kernel_range(VirtAddr start, VirtAddr end, const char* cause) {
    tlb.flush_tlb_kernel_range(start, end, cause);
  }
  /// Reports that a kernel function begins to work on [start, end), or on a list.
  void call(const char* function, VirtAddr start = VirtAddr(0), VirtAddr end = VirtAddr(0)) {
    if (wants(kCalls)) observer_->call({function, start, end});
  }

  bool wants(uint32_t events) const { return (mask_ & events) != 0; }
  Observer& observer() { return *observer_; }
  void phase(const char* name) {
    if (wants(kPhases)) observer_->phase(name);
  }
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (wants(kLogLines)) observer_->log(level, fmt::format(format, std::forward<Args>(args)...));
  }
  void allocated(AllocSource source, PhysAddr pa, uint64_t bytes, unsigned node, const char* cause) {
    if (wants(kAllocs)) observer_->alloc({source, pa, bytes, node, cause});
  }
  void freed(AllocSource source, PhysAddr pa, uint64_t bytes, unsigned node, const char* cause) {
    if (wants(kAllocs)) observer_->free({source, pa, bytes, node, cause});
  }

  void fail_allocation(const FailAllocation& fail) {
    fail_ = fail;
    attempts_ = 0;
  }
  /// Counts an attempt of that kind; true if the scenario makes it fail.
  bool allocation_fails(AllocKind kind) {
    if (fail_.nth == 0 || (fail_.kind != AllocKind::kAny && fail_.kind != kind)) return false;
    ++attempts_;
    return attempts_ >= fail_.nth && attempts_ < fail_.nth + fail_.count;
  }

 private:
  FailAllocation fail_;
  uint64_t attempts_ = 0;
  KernelMemory* memory_;
  Observer* observer_;
  uint32_t mask_;
};

}  // namespace mmusim::mm
