// SPDX-License-Identifier: MIT
#include "sim/experiment/what_if.h"

#include <array>

#include <nlohmann/json.hpp>

#include "sim/report/units.h"

namespace mmusim {

namespace {

struct Curve {
  PageSize page_size;
  unsigned ways;  // 0: all
};
constexpr std::array kCurves = {Curve{PageSize::k4K, 4}, Curve{PageSize::k4K, 8}, Curve{PageSize::k4K, 0},
                                Curve{PageSize::k2M, 4}, Curve{PageSize::k2M, 0}, Curve{PageSize::k1G, 0}};
constexpr std::array<uint64_t, 10> kEntries = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

/// Curve after curve.
std::vector<TlbGeometry> geometries() {
  std::vector<TlbGeometry> all;
  for (const Curve& curve : kCurves) {
    for (const uint64_t entries : kEntries) {
      all.push_back({curve.page_size, entries, curve.ways == 0 ? static_cast<unsigned>(entries) : curve.ways});
    }
  }
  return all;
}

}  // namespace

WhatIf::WhatIf() : curves_(geometries()) {}

void WhatIf::add(std::span<const MemAccess> accesses) {
  for (const MemAccess& access : accesses) {
    if (access.kind != AccessKind::kFetch) curves_.access(access);
  }
}

std::string WhatIf::text() const {
  TextTable table;
  std::vector<std::string> head = {"entries"};
  for (const Curve& c : kCurves) {
    head.push_back(fmt::format("{} {}", name_of(c.page_size), c.ways == 0 ? "full" : fmt::format("{}-way", c.ways)));
  }
  table.row(head);
  const double lookups = curves_.lookups() == 0 ? 1 : static_cast<double>(curves_.lookups());
  for (size_t row = 0; row < kEntries.size(); ++row) {
    std::vector<std::string> cells = {std::to_string(kEntries[row])};
    for (size_t c = 0; c < kCurves.size(); ++c) {
      const auto misses = static_cast<double>(curves_.misses(c * kEntries.size() + row));
      cells.push_back(fmt::format("{:.4f}", 1000.0 * misses / lookups));
    }
    table.row(std::move(cells));
  }
  return "misses per 1000 lookups of one TLB alone, by its size, ways and page size (true LRU)\n" + table.text(2);
}

nlohmann::ordered_json WhatIf::json() const {
  nlohmann::ordered_json curves = nlohmann::ordered_json::array();
  for (size_t c = 0; c < kCurves.size(); ++c) {
    std::vector<uint64_t> misses;
    for (size_t row = 0; row < kEntries.size(); ++row) misses.push_back(curves_.misses(c * kEntries.size() + row));
    curves.push_back({{"page_size", name_of(kCurves[c].page_size)},
                      {"ways", kCurves[c].ways},
                      {"entries", kEntries},
                      {"misses", std::move(misses)}});
  }
  return {{"lookups", curves_.lookups()}, {"curves", std::move(curves)}};
}

}  // namespace mmusim
