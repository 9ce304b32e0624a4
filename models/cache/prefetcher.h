// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/config.h"

namespace mmusim {

enum class CachePrefetcherKind : uint8_t { kNone, kNextLine, kStride, kStream };

struct CachePrefetcherConfig {
  CachePrefetcherKind kind = CachePrefetcherKind::kNone;
  unsigned degree = 1;     ///< lines that one request can ask for; so many can be under way
  unsigned trackers = 16;  ///< 4 KiB pages that strides and streams are looked for in, least recently used ones leave
};
/// Reads "kind", "degree" and "trackers".
CachePrefetcherConfig read_cache_prefetcher_config(ConfigReader reader);

/// Rule that says which lines a cache asks for before they are needed. State only.
///
/// It hears of the requests of one cache, by number of the line, and never asks for lines of another 4 KiB page: hardware
/// does not know what comes after a page (Intel optimization manual, 2.5.5.4). It knows no instructions, so what follows a
/// load instruction elsewhere follows a page here.
class CachePrefetcher {
 public:
  virtual ~CachePrefetcher() = default;
  /// Appends to `wanted` what is to be asked for after a request for `line`.
  virtual void requested(uint64_t line, bool hit, std::vector<uint64_t>& wanted) = 0;
};

/// Returns the prefetcher that the configuration names; nullptr for none.
///
///   kNextLine  after a miss, the next `degree` lines.
///   kStride    after a request as far from the one before in the page as that was from its predecessor, the next `degree`
///              lines at that distance.
///   kStream    after a request beyond the one before in the page, in the direction that one had taken, all lines up to
///              `degree` ahead that were not asked for yet.
std::unique_ptr<CachePrefetcher> make_cache_prefetcher(const CachePrefetcherConfig& config);

}  // namespace mmusim
