// SPDX-License-Identifier: MIT
#pragma once

#include "mm/config.h"
#include "models/base/types.h"

namespace mmusim::mm {

inline constexpr unsigned kEntriesPerTable = 512;
inline constexpr unsigned kEntryBytes = 8;
inline constexpr unsigned kPmdShift = 21;
inline constexpr uint64_t kPmdBytes = uint64_t{1} << kPmdShift;
inline constexpr unsigned kPudShift = 30;
inline constexpr uint64_t kPudBytes = uint64_t{1} << kPudShift;
inline constexpr unsigned kSectionShift = 27;  ///< SECTION_SIZE_BITS
inline constexpr uint64_t kSectionBytes = uint64_t{1} << kSectionShift;
inline constexpr uint64_t kPagesPerSection = kSectionBytes >> kPageShift;
inline constexpr uint64_t kPagesPerSubsection = 512;
inline constexpr unsigned kSubsectionsPerSection = 64;
inline constexpr uint64_t kPagesPerPageblock = 512;
inline constexpr unsigned kMaxPageOrder = 10;

/// log2 of the bytes one entry of `level` maps: 12 at level 1, 9 more for each level.
constexpr unsigned level_shift(unsigned level) { return kPageShift + 9 * (level - 1); }
constexpr uint64_t level_bytes(unsigned level) { return uint64_t{1} << level_shift(level); }
/// Index of `va` in its table of `level` [vmemmap spec 1.5].
constexpr unsigned level_index(VirtAddr va, unsigned level) {
  return static_cast<unsigned>(va.raw() >> level_shift(level)) & (kEntriesPerTable - 1);
}
/// p?d_addr_end: the next boundary of `level` above `va`, or `end` if that comes first; right at the top of the space.
constexpr VirtAddr level_end(VirtAddr va, VirtAddr end, unsigned level) {
  const VirtAddr boundary = va.align_down(level_bytes(level)) + level_bytes(level);
  return boundary.raw() - 1 < end.raw() - 1 ? boundary : end;
}

/// The kernel's virtual regions, and the arithmetic between the addresses of one page [vmemmap spec 1].
class Layout {
 public:
  /// Takes the bases from `config`: given ones, else drawn from its seed, else the defaults of its level count.
  Layout(const KernelConfig& config, uint64_t ram_bytes);

  unsigned levels() const { return levels_; }
  VirtAddr page_offset_base() const { return page_offset_base_; }
  VirtAddr vmemmap_base() const { return vmemmap_base_; }
  unsigned struct_page_bytes() const { return struct_page_bytes_; }
  /// MAX_PHYSMEM_BITS: 46 or 52.
  unsigned max_physmem_bits() const { return levels_ == 5 ? 52 : 46; }

  /// DM(pa): the direct-map address.
  VirtAddr direct_map(PhysAddr pa) const { return page_offset_base_ + pa.raw(); }
  PhysAddr direct_map_pa(VirtAddr va) const { return PhysAddr(va - page_offset_base_); }
  /// Bytes of the direct-map region: the whole physical address space, or up to a vmemmap that begins before its end
  /// (kernels without ZONE_DEVICE shrink the region to what RAM needs).
  uint64_t direct_map_bytes() const { return direct_map_bytes_; }
  bool in_direct_map(VirtAddr va) const { return va.raw() - page_offset_base_.raw() < direct_map_bytes_; }
  /// The image's own mapping; modulo 2^64, because KASLR may place the image lower in physical memory than in its
  /// region.
  VirtAddr image(PhysAddr pa) const { return image_base_ + (pa.raw() - image_phys_); }
  bool in_image(VirtAddr va) const { return va.raw() >= image_base_.raw(); }
  PhysAddr image_pa(VirtAddr va) const { return PhysAddr(image_phys_ + (va - image_base_)); }
  /// [C-4]
  VirtAddr pfn_to_page(Pfn pfn) const { return vmemmap_base_ + pfn.raw * struct_page_bytes_; }
  Pfn page_to_pfn(VirtAddr page) const { return Pfn((page - vmemmap_base_) / struct_page_bytes_); }
  /// Bytes of vmemmap that the whole physical address space needs.
  uint64_t vmemmap_bytes() const { return (uint64_t{1} << (max_physmem_bits() - kPageShift)) * struct_page_bytes_; }
  bool in_vmemmap(VirtAddr va) const { return va.raw() - vmemmap_base_.raw() < vmemmap_bytes(); }
  uint64_t section_memmap_bytes() const { return kPagesPerSection * struct_page_bytes_; }

 private:
  void randomize(uint64_t seed, uint64_t ram_bytes);

  unsigned levels_;
  unsigned struct_page_bytes_;
  VirtAddr page_offset_base_;
  uint64_t direct_map_bytes_;
  VirtAddr vmemmap_base_;
  VirtAddr image_base_;
  uint64_t image_phys_;
};

}  // namespace mmusim::mm
