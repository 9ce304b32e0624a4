// SPDX-License-Identifier: MIT
#include "sim/machine/memory_cost.h"

#include <algorithm>
#include <limits>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

constexpr uint64_t kProgramBytes = 24 * kMiB;  // mmusim itself, with its libraries

uint64_t saturating_product(uint64_t a, uint64_t b) { return b != 0 && a > kMost / b ? kMost : a * b; }

/// Keys, digests and order of use of a set-associative array (models/base/set_array.h), and `beside` bytes that the
/// owner keeps for each entry.
uint64_t bytes_of(const Geometry& geometry, uint64_t beside) {
  const bool stamps = geometry.replacement == Replacement::kLru && geometry.ways > 16;
  return geometry.entries * (8 + 4 + (stamps ? 8 : 0) + beside) + geometry.sets() * uint64_t{8};
}

uint64_t bytes_of(const TlbConfig& tlb) {
  uint64_t bytes = 0;
  for (const TlbArrayConfig& array : tlb.arrays) {
    constexpr uint64_t kSerial = 8;
    bytes += bytes_of(array.geometry, sizeof(Translation) + kSerial + (tlb.holds_pdes ? sizeof(StructureEntry) : 0));
  }
  return bytes;
}

uint64_t bytes_of(const CacheConfig& cache) { return bytes_of(cache.geometry, 0); }

uint64_t bytes_of(const StructureCachesConfig& caches) {
  uint64_t bytes = bytes_of(caches.upper, sizeof(StructureEntry));
  for (const Geometry& geometry : caches.level) bytes += bytes_of(geometry, sizeof(StructureEntry));
  return bytes;
}

std::string in_units(uint64_t bytes) {
  if (bytes >= kGiB) return fmt::format("{:.3g} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  return fmt::format("{:.3g} MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

}  // namespace

void HostMemoryCost::add(std::string what, uint64_t bytes) {
  items_.push_back({std::move(what), bytes});
  total_ = bytes > kMost - total_ ? kMost : total_ + bytes;
}

void HostMemoryCost::add(const HostMemoryCost& other) {
  for (const Item& item : other.items_) add(item.what, item.bytes);
}

const HostMemoryCost::Item& HostMemoryCost::largest() const {
  MMUSIM_INVARIANT(!items_.empty(), "a cost has an item");
  return *std::max_element(items_.begin(), items_.end(),
                           [](const Item& a, const Item& b) { return a.bytes < b.bytes; });
}

HostMemoryCost cost_of(const PlatformConfig& p) {
  HostMemoryCost cost;
  cost.add("the program", kProgramBytes);
  uint64_t tlbs = bytes_of(p.lsu.tlbs.load) + bytes_of(p.lsu.tlbs.instruction) + bytes_of(p.second_level.data);
  if (p.lsu.tlbs.store) tlbs += bytes_of(*p.lsu.tlbs.store);
  if (p.second_level.instruction) tlbs += bytes_of(*p.second_level.instruction);
  cost.add("TLBs", saturating_product(p.cores, tlbs + bytes_of(p.walker.structure_caches)));
  uint64_t caches = bytes_of(p.l1d) + bytes_of(p.l2);
  if (p.l1i) caches += bytes_of(*p.l1i);
  cost.add("caches", saturating_product(p.cores, caches) + bytes_of(p.l3));
  return cost;
}

void check_host_memory(const std::string& subject, const HostMemoryCost& cost, uint64_t limit,
                       std::string_view advice) {
  if (cost.total() <= limit) return;
  const HostMemoryCost::Item& most = cost.largest();
  throw EnvironmentError(fmt::format(
      "{}: needs about {} of host memory, {} of it for {}; the limit is {} (--max-memory, else what this host has left)"
      "{}{}",
      subject, in_units(cost.total()), in_units(most.bytes), most.what, in_units(limit), advice.empty() ? "" : ": ",
      advice));
}

}  // namespace mmusim
