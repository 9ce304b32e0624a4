// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sim/trace/stack_distance.h"

namespace mmusim {

/// Misses of many TLB geometries, counted in one pass: true LRU, each TLB alone, everything mapped by pages of its
/// size. 16 to 8192 entries; 4 KiB pages with 4, 8 and all ways, 2 MiB pages with 4 and all ways, 1 GiB pages with all
/// ways.
class WhatIf {
 public:
  WhatIf();
  /// Data accesses; instruction fetches are left out.
  void add(std::span<const MemAccess> accesses);

  /// The miss curves as a table: a row for each number of entries, misses per 1000 lookups.
  std::string text() const;
  /// `{"lookups", "curves": [{"page_size", "ways", "entries": [...], "misses": [...]}]}`; ways 0: fully associative.
  nlohmann::ordered_json json() const;

 private:
  TlbMissCurves curves_;
};

}  // namespace mmusim
