// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/trace/checksum.h"
#include "sim/trace/stack_distance.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

/// Statistics of the records of a trace, for `trace info`.
struct TraceStatistics {
  uint64_t records = 0;                ///< of the file
  std::array<uint64_t, 3> accesses{};  ///< by AccessKind
  uint64_t user = 0;                   ///< accesses at CPL 3
  uint64_t rmw = 0;
  uint64_t dependent = 0;     ///< accesses with depends_on
  uint64_t instructions = 0;  ///< sum of gaps and, where fetches are recorded, fetches; else data accesses
  uint64_t bytes = 0;         ///< sum of access sizes, fetches apart
  uint64_t fetch_bytes = 0;
  uint64_t page_crossing = 0;           ///< accesses that cross a 4 KiB boundary
  uint64_t distinct_pages = 0;          ///< 4 KiB pages of the first bytes of data accesses
  std::array<uint64_t, 3> footprint{};  ///< distinct 4 KiB, 2 MiB, 1 GiB pages touched by any byte of any access
  std::array<uint64_t, kTraceEventKinds> events{};
  std::optional<MemAccess> first;
  std::optional<MemAccess> last;
  VirtAddr lowest{~uint64_t{0}};
  VirtAddr highest;                      ///< last byte
  std::array<uint64_t, 65> size_log2{};  ///< data accesses by log2 of size, rounded down

  /// Page reuse by stack distance: [0] same page as before, [i] 2^(i-1) to 2^i - 1 other pages in between.
  static constexpr unsigned kReuseBuckets = 40;
  std::array<uint64_t, kReuseBuckets> reuse{};
  uint64_t first_uses = 0;

  uint64_t checksum = 0;  ///< of all accesses and their order; the same in every form of trace that loses nothing
};

/// A set of page numbers.
class PageSet {
 public:
  PageSet() : table_(1024) {}
  void insert(uint64_t page);
  uint64_t size() const { return size_; }

 private:
  std::vector<uint64_t> table_;  // page + 1, open addressing, at most half full; 0: free
  uint64_t size_ = 0;
};

/// Gathers TraceStatistics batch by batch.
class TraceCounter {
 public:
  void add(const TraceBatch& batch);
  /// Everything so far.
  TraceStatistics result() const;

 private:
  void add(const MemAccess& access);
  void use_page(uint64_t page);

  TraceStatistics s_;
  TraceChecksum checksum_;
  StackDistance pages_;  // every page touched
  PageSet data_pages_;   // pages of first bytes of data accesses
  PageSet large_pages_;
  PageSet huge_pages_;
  uint64_t last_page_ = ~uint64_t{0};
  uint64_t last_data_page_ = ~uint64_t{0};
};

}  // namespace mmusim
