// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "models/base/errors.h"
#include "models/base/types.h"

namespace mmusim {

/// Places the bytes of a view of memory (a guest's) in the memory below it.
class MemoryWindow {
 public:
  virtual ~MemoryWindow() = default;
  /// Address below of the 4 KiB page at `page`.
  virtual PhysAddr below(PhysAddr page) const = 0;
  /// True if the aligned 2 MiB around `page` lie in aligned 2 MiB below.
  virtual bool whole_2m(PhysAddr page) const = 0;
};

/// The bytes of simulated physical memory, 52 address bits, sparse.
///
/// Untouched memory reads as zero and takes no host memory; host memory grows with the 4 KiB pages that were written,
/// and by 2 MiB at a time where stores go through memory in ascending order. Accesses of load64/store64 must be
/// naturally aligned. There is no notion of RAM ranges here: the owner of an address is the business of the machine's
/// memory map.
class PhysMem {
 public:
  static constexpr unsigned kAddressBits = 52;

  PhysMem();
  /// A view: its bytes are those of `below`, at the places that `window` says. Both outlive it.
  PhysMem(PhysMem& below, const MemoryWindow& window);
  ~PhysMem();
  PhysMem(const PhysMem&) = delete;
  PhysMem& operator=(const PhysMem&) = delete;

  uint64_t load64(PhysAddr pa) const {
    const std::byte* chunk = find(pa);
    if (chunk == nullptr) return 0;
    uint64_t value;
    std::memcpy(&value, chunk + offset(pa), sizeof value);
    return value;
  }
  void store64(PhysAddr pa, uint64_t value) { std::memcpy(obtain(pa) + offset(pa), &value, sizeof value); }

  /// 1 to 8 bytes, little endian, anywhere (also across pages).
  uint64_t load(PhysAddr pa, unsigned bytes) const {
    const std::byte* chunk = find(pa);
    if (chunk == nullptr || offset(pa) + sizeof(uint64_t) > kChunkBytes) [[unlikely]]
      return load_across(pa, bytes);
    return load_at(chunk + offset(pa), bytes);
  }
  void store(PhysAddr pa, uint64_t value, unsigned bytes) {
    if (offset(pa) + sizeof value > kChunkBytes) [[unlikely]]
      return store_across(pa, value, bytes);
    store_at(obtain(pa) + offset(pa), value, bytes);
  }
  /// Host address of a line that will be stored to, for load_at() and store_at() within it.
  std::byte* line(PhysAddr pa) { return obtain(pa) + (offset(pa) & ~uint64_t{kLineBytes - 1}); }

  static uint64_t load_at(const std::byte* at, unsigned bytes) {
    uint64_t value = 0;
    switch (bytes) {
      case 8:
        std::memcpy(&value, at, 8);
        break;
      case 4:
        std::memcpy(&value, at, 4);
        break;
      default:
        std::memcpy(&value, at, bytes);
    }
    return value;
  }
  static void store_at(std::byte* at, uint64_t value, unsigned bytes) {
    switch (bytes) {
      case 8:
        std::memcpy(at, &value, 8);
        break;
      case 4:
        std::memcpy(at, &value, 4);
        break;
      default:
        std::memcpy(at, &value, bytes);
    }
  }

  void read(PhysAddr pa, std::span<std::byte> to) const;
  void write(PhysAddr pa, std::span<const std::byte> from);
  /// Sets `bytes` bytes. Zeroing memory that was never written costs nothing.
  void fill(PhysAddr pa, uint8_t value, uint64_t bytes);

  /// Host address of an aligned 4 KiB page; nullptr when nothing of its 2 MiB surroundings was ever written.
  const std::byte* page(PhysAddr pa) const {
    const std::byte* chunk = find(pa.align_down(kPageBytes));
    return chunk == nullptr ? nullptr : chunk + offset(pa.align_down(kPageBytes));
  }

 private:
  static constexpr unsigned kChunkShift = 21;
  static constexpr uint64_t kChunkBytes = uint64_t{1} << kChunkShift;
  static constexpr unsigned kBlockShift = 16;  // grain in which stores are noted, 32 blocks a chunk
  static constexpr unsigned kLeafShift = 30;   // one leaf table for each GiB
  static constexpr unsigned kMidShift = 39;    // one middle table for each 512 GiB

  static constexpr unsigned kRecent = 8;
  struct Recent {
    uint64_t number = ~uint64_t{0};
    std::byte* chunk = nullptr;
  };
  /// Pages found lately, by the lowest bits of their number.
  using Memo = std::array<Recent, kRecent>;
  struct Chunk {
    std::byte* at = nullptr;
    uint32_t blocks = 0;  ///< those that single stores went to
  };
  struct Leaf {
    std::array<Chunk, 512> chunks{};
  };
  struct Mid {
    std::array<std::unique_ptr<Leaf>, 512> leaves{};
  };

  static uint64_t offset(PhysAddr pa) { return pa.raw() & (kChunkBytes - 1); }

  const std::byte* find(PhysAddr pa) const {
    const Recent& recent = chunks_[pa.raw() >> kChunkShift & (kRecent - 1)];
    if (recent.number == pa.raw() >> kChunkShift) return recent.chunk;
    return find_slow(pa);
  }
  std::byte* obtain(PhysAddr pa) {
    const Recent& recent = blocks_[pa.raw() >> kBlockShift & (kRecent - 1)];
    if (recent.number == pa.raw() >> kBlockShift) return recent.chunk;
    return obtain_slow(pa);
  }
  /// Bytes from `pa` on that lie together on the host.
  uint64_t piece(PhysAddr pa) const {
    if (window_ == nullptr || window_->whole_2m(pa.align_down(kPageBytes))) return kChunkBytes - offset(pa);
    return kPageBytes - (pa.raw() & (kPageBytes - 1));
  }
  std::byte* find_below(PhysAddr pa, bool obtain) const;
  uint64_t load_across(PhysAddr pa, unsigned bytes) const;
  void store_across(PhysAddr pa, uint64_t value, unsigned bytes);
  const std::byte* find_slow(PhysAddr pa) const;
  std::byte* obtain_slow(PhysAddr pa);
  std::byte* new_chunk();
  static void remember(Memo& memo, uint64_t number, std::byte* chunk) {
    memo[number & (kRecent - 1)] = {number, chunk};
  }

  PhysMem* below_ = nullptr;  // of a view
  const MemoryWindow* window_ = nullptr;
  std::vector<std::unique_ptr<Mid>> top_;
  std::vector<std::byte*> arenas_;
  std::byte* arena_next_ = nullptr;
  std::byte* arena_end_ = nullptr;
  mutable Memo chunks_{};  // for loads
  Memo blocks_{};          // for stores
};

}  // namespace mmusim
