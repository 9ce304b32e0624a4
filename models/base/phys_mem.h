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

/// The bytes of simulated physical memory, 52 address bits, sparse.
///
/// Untouched memory reads as zero and takes no host memory; host memory grows with the 4 KiB pages that were written.
/// Accesses of load64/store64 must be naturally aligned. There is no notion of RAM ranges here: who owns an address
/// is the business of the machine's memory map.
class PhysMem {
 public:
  static constexpr unsigned kAddressBits = 52;

  PhysMem();
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
  uint64_t load(PhysAddr pa, unsigned bytes) const;
  void store(PhysAddr pa, uint64_t value, unsigned bytes) {
    if (offset(pa) + sizeof value > kChunkBytes) [[unlikely]]
      return store_across(pa, value, bytes);
    std::byte* const at = obtain(pa) + offset(pa);
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
  static constexpr unsigned kLeafShift = 30;  // one leaf table for each GiB
  static constexpr unsigned kMidShift = 39;   // one middle table for each 512 GiB

  static constexpr unsigned kRecent = 8;
  struct Recent {
    uint64_t chunk = ~uint64_t{0};
    std::byte* at = nullptr;
  };
  struct Leaf {
    std::array<std::byte*, 512> chunks{};
  };
  struct Mid {
    std::array<std::unique_ptr<Leaf>, 512> leaves{};
  };

  static uint64_t offset(PhysAddr pa) { return pa.raw() & (kChunkBytes - 1); }

  const std::byte* find(PhysAddr pa) const {
    const Recent& recent = recent_[pa.raw() >> kChunkShift & (kRecent - 1)];
    if (recent.chunk == pa.raw() >> kChunkShift) return recent.at;
    return find_slow(pa);
  }
  std::byte* obtain(PhysAddr pa) {
    const Recent& recent = recent_[pa.raw() >> kChunkShift & (kRecent - 1)];
    if (recent.chunk == pa.raw() >> kChunkShift) return recent.at;
    return obtain_slow(pa);
  }
  void store_across(PhysAddr pa, uint64_t value, unsigned bytes);
  const std::byte* find_slow(PhysAddr pa) const;
  std::byte* obtain_slow(PhysAddr pa);
  std::byte* new_chunk();
  void remember(PhysAddr pa, std::byte* chunk) const {
    const uint64_t number = pa.raw() >> kChunkShift;
    recent_[number & (kRecent - 1)] = {number, chunk};
  }

  std::vector<std::unique_ptr<Mid>> top_;
  std::vector<std::byte*> arenas_;
  std::byte* arena_next_ = nullptr;
  std::byte* arena_end_ = nullptr;
  mutable std::array<Recent, kRecent> recent_{};  // chunks found lately, by the lowest bits of their number
};

}  // namespace mmusim
