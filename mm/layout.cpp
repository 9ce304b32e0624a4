// SPDX-License-Identifier: MIT
#include "mm/layout.h"

#include <algorithm>
#include <random>

namespace mmusim::mm {

namespace {

// Defaults without KASLR [vmemmap spec 1.2].
constexpr uint64_t kPageOffset4{0xffff888000000000}, kVmemmap4{0xffffea0000000000};
constexpr uint64_t kPageOffset5{0xff11000000000000}, kVmemmap5{0xffd4000000000000};
constexpr uint64_t kCpuEntryArea = 0xfffffe0000000000;
constexpr uint64_t kVmallocTib4 = 32, kVmallocTib5 = 12800;

constexpr uint64_t tib_up(uint64_t bytes) { return (bytes + kTiB - 1) / kTiB; }

}  // namespace

Layout::Layout(const KernelConfig& config, uint64_t ram_bytes)
    : levels_(config.levels),
      struct_page_bytes_(config.struct_page_bytes),
      page_offset_base_(config.levels == 5 ? kPageOffset5 : kPageOffset4),
      direct_map_bytes_(uint64_t{1} << max_physmem_bits()),
      vmemmap_base_(config.levels == 5 ? kVmemmap5 : kVmemmap4),
      image_base_(config.kernel_image_base),
      image_phys_(config.kernel_phys_base) {
  if (config.kaslr_seed) randomize(*config.kaslr_seed, ram_bytes);
  if (config.page_offset_base) page_offset_base_ = *config.page_offset_base;
  if (config.vmemmap_base) vmemmap_base_ = *config.vmemmap_base;
  if (vmemmap_base_ > page_offset_base_) {
    direct_map_bytes_ = std::min(direct_map_bytes_, vmemmap_base_ - page_offset_base_);
  }
}

/// kernel_randomize_memory [C-2], [C-3], with ZONE_DEVICE built in: the direct map takes its full size.
void Layout::randomize(uint64_t seed, uint64_t /*ram_bytes*/) {
  const uint64_t direct_bytes = uint64_t{1} << max_physmem_bits();
  const uint64_t vmalloc_bytes = (levels_ == 5 ? kVmallocTib5 : kVmallocTib4) * kTiB;
  const uint64_t vmemmap_region = tib_up(direct_bytes / kPageBytes * struct_page_bytes_) * kTiB;
  const uint64_t sizes[] = {direct_bytes, vmalloc_bytes, vmemmap_region};
  uint64_t bases[3];

  std::mt19937_64 random(seed);
  uint64_t cursor = page_offset_base_.raw();
  uint64_t remaining = kCpuEntryArea - cursor - direct_bytes - vmalloc_bytes - vmemmap_region;
  for (unsigned i = 0; i < 3; ++i) {
    const uint64_t entropy = remaining / (3 - i);
    const uint64_t offset = random() % (entropy + 1) & ~(kPudBytes - 1);
    bases[i] = cursor + offset;
    cursor = (bases[i] + sizes[i] + 1 + kPudBytes - 1) & ~(kPudBytes - 1);
    remaining -= offset;
  }
  page_offset_base_ = VirtAddr(bases[0]);
  vmemmap_base_ = VirtAddr(bases[2]);
}

}  // namespace mmusim::mm
