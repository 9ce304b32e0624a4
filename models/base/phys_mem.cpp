// SPDX-License-Identifier: MIT
#include "models/base/phys_mem.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace mmusim {

namespace {

constexpr uint64_t kArenaBytes = kGiB;  // address space only: the host gives memory page by page as it is written

/// Only about speed: has the host give memory that will be written in one call, as a huge page if it can, instead of in
/// a fault for each page. Where it refuses, the pages come one by one as without.
void populate(std::byte* at, uint64_t bytes) {
  madvise(at, bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE  // Linux 5.14
  madvise(at, bytes, MADV_POPULATE_WRITE);
#endif
}

}  // namespace

PhysMem::PhysMem() : top_(uint64_t{1} << (kAddressBits - kMidShift)) {}

PhysMem::PhysMem(PhysMem& below, const MemoryWindow& window) : below_(&below), window_(&window) {}

/// Host address of the chunk of `pa`, of a view: where 4 KiB pages lie apart, of one that only the page of `pa` is in.
std::byte* PhysMem::find_below(PhysAddr pa, bool obtain) const {
  const PhysAddr page = pa.align_down(kPageBytes);
  const PhysAddr at = window_->below(page);
  std::byte* const chunk = obtain ? below_->obtain(at) : const_cast<std::byte*>(below_->find(at));
  if (chunk == nullptr) return nullptr;
  return chunk + offset(at) - offset(page);
}

PhysMem::~PhysMem() {
  for (std::byte* arena : arenas_) munmap(arena, kArenaBytes + kChunkBytes);
}

const std::byte* PhysMem::find_slow(PhysAddr pa) const {
  MMUSIM_INVARIANT(pa.raw() >> kAddressBits == 0, "physical address within 52 bits");
  if (window_ != nullptr) {
    std::byte* const below = find_below(pa, /*obtain=*/false);
    if (below != nullptr && window_->whole_2m(pa.align_down(kPageBytes))) {
      remember(chunks_, pa.raw() >> kChunkShift, below);
    }
    return below;
  }
  const auto& mid = top_[pa.raw() >> kMidShift];
  if (!mid) return nullptr;
  const auto& leaf = mid->leaves[(pa.raw() >> kLeafShift) & 511];
  if (!leaf) return nullptr;
  std::byte* chunk = leaf->chunks[(pa.raw() >> kChunkShift) & 511].at;
  if (chunk != nullptr) remember(chunks_, pa.raw() >> kChunkShift, chunk);
  return chunk;
}

std::byte* PhysMem::obtain_slow(PhysAddr pa) {
  MMUSIM_INVARIANT(pa.raw() >> kAddressBits == 0, "physical address within 52 bits");
  if (window_ != nullptr) {
    std::byte* const below = find_below(pa, /*obtain=*/true);
    if (window_->whole_2m(pa.align_down(kPageBytes))) {
      remember(chunks_, pa.raw() >> kChunkShift, below);
      remember(blocks_, pa.raw() >> kBlockShift, below);
    }
    return below;
  }
  auto& mid = top_[pa.raw() >> kMidShift];
  if (!mid) mid = std::make_unique<Mid>();
  auto& leaf = mid->leaves[(pa.raw() >> kLeafShift) & 511];
  if (!leaf) leaf = std::make_unique<Leaf>();
  const uint64_t number = (pa.raw() >> kChunkShift) & 511;
  Chunk& chunk = leaf->chunks[number];
  if (chunk.at == nullptr) {
    chunk.at = new_chunk();
    // A run of stores that filled the chunk below and goes on here will fill this one too.
    const bool below_full = number != 0 && leaf->chunks[number - 1].blocks == ~uint32_t{0};
    if (below_full && offset(pa) < kPageBytes) populate(chunk.at, kChunkBytes);
  }
  chunk.blocks |= uint32_t{1} << (offset(pa) >> kBlockShift);
  remember(chunks_, pa.raw() >> kChunkShift, chunk.at);
  remember(blocks_, pa.raw() >> kBlockShift, chunk.at);
  return chunk.at;
}

std::byte* PhysMem::new_chunk() {
  if (arena_next_ == arena_end_) {
    void* arena = mmap(nullptr, kArenaBytes + kChunkBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED) throw system_error("reserve simulated memory", "host memory", errno);
    arenas_.push_back(static_cast<std::byte*>(arena));
    // Chunks are aligned to their size, as the host's huge pages are.
    const uint64_t beyond = reinterpret_cast<uintptr_t>(arena) & (kChunkBytes - 1);
    arena_next_ = arenas_.back() + (beyond == 0 ? 0 : kChunkBytes - beyond);
    arena_end_ = arena_next_ + kArenaBytes;
  }
  std::byte* chunk = arena_next_;
  arena_next_ += kChunkBytes;
  return chunk;
}

uint64_t PhysMem::load_across(PhysAddr pa, unsigned bytes) const {
  uint64_t value = 0;
  read(pa, std::as_writable_bytes(std::span(&value, 1)).first(bytes));
  return value;
}

void PhysMem::store_across(PhysAddr pa, uint64_t value, unsigned bytes) {
  write(pa, std::as_bytes(std::span(&value, 1)).first(bytes));
}

void PhysMem::read(PhysAddr pa, std::span<std::byte> to) const {
  while (!to.empty()) {
    const size_t n = std::min<uint64_t>(to.size(), piece(pa));
    const std::byte* chunk = find(pa);
    if (chunk != nullptr) {
      std::memcpy(to.data(), chunk + offset(pa), n);
    } else {
      std::memset(to.data(), 0, n);
    }
    to = to.subspan(n);
    pa += n;
  }
}

void PhysMem::write(PhysAddr pa, std::span<const std::byte> from) {
  while (!from.empty()) {
    const size_t n = std::min<uint64_t>(from.size(), piece(pa));
    std::memcpy(obtain(pa) + offset(pa), from.data(), n);
    from = from.subspan(n);
    pa += n;
  }
}

void PhysMem::fill(PhysAddr pa, uint8_t value, uint64_t bytes) {
  while (bytes != 0) {
    const uint64_t n = std::min(bytes, piece(pa));
    if (value != 0 || find(pa) != nullptr) std::memset(obtain(pa) + offset(pa), value, n);
    bytes -= n;
    pa += n;
  }
}

}  // namespace mmusim
