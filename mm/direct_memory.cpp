// SPDX-License-Identifier: MIT
#include "mm/direct_memory.h"

#include <algorithm>
#include <vector>

#include "models/base/format.h"

namespace mmusim::mm {

namespace {
constexpr uint64_t kAddressMask = 0x000ffffffffff000;
constexpr uint64_t kPresent = 0x1;
constexpr uint64_t kWritable = 0x2;
constexpr uint64_t kPageSizeBit = 0x80;
}  // namespace

UntimedMemory::UntimedMemory(PhysMem& memory, const Layout& layout, unsigned cpus)
    : memory_(memory), layout_(layout), cpus_(cpus) {}

std::optional<UntimedMemory::Cached> UntimedMemory::walk(VirtAddr va) const {
  PhysAddr table = root_;
  bool writable = true;
  for (unsigned level = layout_.levels(); level >= 1; --level) {
    const uint64_t entry = memory_.load64(table + kEntryBytes * level_index(va, level));
    if ((entry & kPresent) == 0) return std::nullopt;
    writable &= (entry & kWritable) != 0;
    if (level == 1 || (level <= 3 && (entry & kPageSizeBit) != 0)) {
      const uint64_t offset_mask = level_bytes(level) - 1;
      const PhysAddr pa((entry & kAddressMask & ~offset_mask) | (va.raw() & offset_mask));
      return Cached{va.raw() >> kPageShift, pa.align_down(kPageBytes), writable};
    }
    table = PhysAddr(entry & kAddressMask);
  }
  return std::nullopt;
}

PhysAddr UntimedMemory::resolve_paged(VirtAddr va, Use use) {
  const uint64_t page = va.raw() >> kPageShift;
  Cached& cached = cache_[slot(page)];
  if (cached.page != page) {
    const auto walked = walk(va);
    MMUSIM_INVARIANT(walked.has_value(), fmt::format("kernel access to {}, which no table maps", va));
    cached = *walked;
  }
  MMUSIM_INVARIANT(use == Use::kLoad || cached.writable, fmt::format("kernel store to read-only {}", va));
  return cached.pa + (va.raw() & (kPageBytes - 1));
}

std::optional<PhysAddr> UntimedMemory::translate(VirtAddr va) {
  if (layout_.in_direct_map(va)) return layout_.direct_map_pa(va);
  if (layout_.in_image(va)) return layout_.image_pa(va);
  const auto walked = walk(va);
  if (!walked) return std::nullopt;
  return walked->pa + (va.raw() & (kPageBytes - 1));
}

uint64_t UntimedMemory::load(VirtAddr va, unsigned bytes) {
  const PhysAddr pa = resolve(va, Use::kLoad);
  return bytes == 8 ? memory_.load64(pa) : memory_.load(pa, bytes);
}

void UntimedMemory::store(VirtAddr va, uint64_t value, unsigned bytes) {
  const PhysAddr pa = resolve(va, Use::kStore);
  if (bytes == 8) {
    memory_.store64(pa, value);
  } else {
    memory_.store(pa, value, bytes);
  }
}

void UntimedMemory::fill(VirtAddr va, uint8_t value, uint64_t bytes) {
  if (layout_.in_direct_map(va)) return memory_.fill(layout_.direct_map_pa(va), value, bytes);
  while (bytes != 0) {
    const uint64_t n = std::min(bytes, kPageBytes - (va.raw() & (kPageBytes - 1)));
    memory_.fill(resolve(va, Use::kStore), value, n);
    va += n;
    bytes -= n;
  }
}

void UntimedMemory::copy(VirtAddr to, VirtAddr from, uint64_t bytes) {
  std::array<std::byte, kPageBytes> buffer;
  while (bytes != 0) {
    const uint64_t left_in_page = kPageBytes - std::max(to.raw() & (kPageBytes - 1), from.raw() & (kPageBytes - 1));
    const uint64_t n = std::min(bytes, left_in_page);
    const auto part = std::span(buffer).first(n);
    memory_.read(resolve(from, Use::kLoad), part);
    memory_.write(resolve(to, Use::kStore), part);
    to += n;
    from += n;
    bytes -= n;
  }
}

void UntimedMemory::invalidate(TlbInstruction how, VirtAddr va) {
  if (how != TlbInstruction::kInvlpg && how != TlbInstruction::kInvpcidPage) return cache_.fill({});
  forget(va);
}

void UntimedMemory::invalidate_pcid(unsigned, std::optional<VirtAddr> va) {
  if (!va) return cache_.fill({});
  forget(*va);
}

void UntimedMemory::forget(VirtAddr va) {
  const uint64_t page = va.raw() >> kPageShift;
  Cached& cached = cache_[slot(page)];
  if (cached.page == page) cached = {};
}

void UntimedMemory::load_cr3(PhysAddr root) { root_ = root; }

}  // namespace mmusim::mm
