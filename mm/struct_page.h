// SPDX-License-Identifier: MIT
#pragma once

#include "mm/profile.h"
#include "models/base/types.h"

namespace mmusim::mm {

/// Offsets of the fields of struct page that the model touches [vmemmap spec 6.1].
namespace page_field {
inline constexpr unsigned kFlags = 0;
inline constexpr unsigned kLruNext = 8;  ///< also compound_head / compound_info, pgmap
inline constexpr unsigned kLruPrev = 16;
inline constexpr unsigned kMapping = 24;
inline constexpr unsigned kIndex = 32;
inline constexpr unsigned kPrivate = 40;   ///< order of a free block
inline constexpr unsigned kMapcount = 48;  ///< also page_type
inline constexpr unsigned kRefcount = 52;
inline constexpr unsigned kMemcg = 56;
// In the second struct page of a large folio, from the head.
inline constexpr unsigned kFolioOrder = 64;
inline constexpr unsigned kFolioMapcount = 80;
inline constexpr unsigned kFolioEntireMapcount = 84;
inline constexpr unsigned kFolioPincount = 92;
}  // namespace page_field

inline constexpr uint64_t kListPoison1 = 0xdead000000000100;
inline constexpr uint64_t kListPoison2 = 0xdead000000000122;
inline constexpr uint64_t kTailMapping = 0xdead000000000400;
inline constexpr uint32_t kNoPageType = 0xffffffff;

/// Bits of page->flags and values of page_type, which moved between kernels.
struct PageBits {
  unsigned head;
  unsigned reserved;
  unsigned lru;
  unsigned owner_priv_1;  ///< PG_vmemmap_self_hosted on memmap_on_memory pages
  uint32_t buddy_type;
  uint32_t offline_type;
};

inline constexpr PageBits kPageBits6_1{16, 12, 4, 10, 0xffffff7f, 0xfffffeff};
inline constexpr PageBits kPageBits6_12{6, 13, 5, 10, 0xf0000000, 0xf1000000};

constexpr const PageBits& page_bits(const Profile& profile) {
  return profile.page_flags == PageFlagLayout::kUpTo6_1 ? kPageBits6_1 : kPageBits6_12;
}

enum class Zone : uint8_t { kDma, kDma32, kNormal, kMovable, kDevice };
inline constexpr unsigned kZones = 4;  ///< zones with free lists: all but kDevice
constexpr const char* name_of(Zone zone) {
  constexpr const char* kNames[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};
  return kNames[static_cast<unsigned>(zone)];
}

/// page->flags of a fresh page: node in the top NODES_SHIFT (10, MAXSMP) bits, zone in three bits below, last_cpupid
/// not in flags.
constexpr uint64_t fresh_page_flags(unsigned node, Zone zone) {
  return uint64_t{node} << 54 | static_cast<uint64_t>(zone) << 51;
}

}  // namespace mmusim::mm
