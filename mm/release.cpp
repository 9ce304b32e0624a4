// SPDX-License-Identifier: MIT
#include "mm/release.h"

#include <charconv>

#include "models/base/format.h"

namespace mmusim::mm {

namespace {

/// A series as one number that orders like the release numbers: 5.10 is 5010.
constexpr unsigned series(unsigned major, unsigned minor) { return major * 1000 + minor; }

std::optional<unsigned> series_of(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ec != std::errc{} || dot.ptr == end || *dot.ptr != '.') return std::nullopt;
  if (std::from_chars(dot.ptr + 1, end, minor).ec != std::errc{}) return std::nullopt;
  constexpr unsigned kMost = 999;
  if (major > kMost || minor > kMost) return std::nullopt;
  return series(major, minor);
}

struct FirstSeries {
  unsigned first;
  KernelVersion version;
};
constexpr FirstSeries kFirstSeries[] = {
    {0, KernelVersion::kV5_8},
    {series(5, 9), KernelVersion::kV5_10},
    {series(5, 19), KernelVersion::kV6_1},
    {series(6, 2), KernelVersion::kV6_12},
    {series(6, 15), KernelVersion::kV6_16},
    {series(6, 17), KernelVersion::kV6_18},
    {series(7, 1), KernelVersion::kV7_1},
    {series(7, 2), KernelVersion::kV7_2},
    {series(7, 3), KernelVersion::kV7_3},
};

/// A difference between the releases of [first, last] and the profile they take.
struct Difference {
  unsigned first;
  unsigned last;
  const char* text;
  void (*apply)(ProfileOverrides&);  ///< nullptr: the model cannot follow it
};

constexpr unsigned kNewest = series(999, 999);

constexpr Difference kDifferences[] = {
    {0, series(5, 7), "kernels before 5.8 are not modelled", nullptr},
    {0, series(5, 9), "no recording of 5.8 or 5.9 can be had", nullptr},
    {series(5, 9), series(5, 9), "struct mem_section_usage has no rcu_head",
     [](ProfileOverrides& o) { o.usage_rcu_head = false; }},
    {series(5, 11), series(5, 14), "struct mem_section_usage has no rcu_head",
     [](ProfileOverrides& o) { o.usage_rcu_head = false; }},
    {series(5, 16), series(6, 0), "struct mem_section_usage has no rcu_head",
     [](ProfileOverrides& o) { o.usage_rcu_head = false; }},
    {series(5, 13), series(5, 18), "a CPU that flushes all of them does its own part meanwhile",
     [](ProfileOverrides& o) { o.overlapped_calls = true; }},
    {series(6, 2), series(6, 10), "without x2APIC, up to 8 CPUs are addressed by a mask",
     [](ProfileOverrides& o) { o.xapic_flat = true; }},
    {series(5, 13), series(5, 18), "memory blocks can hold their own struct pages",
     [](ProfileOverrides& o) { o.memmap_on_memory = true; }},
    {series(5, 13), series(5, 18), "partly used vmemmap leaves are tracked as in 6.1 (80-byte struct pages only)",
     nullptr},
    {series(5, 14), series(5, 17), "HVO exists and keeps two pages of each folio; the profile has none", nullptr},
    {series(5, 15), series(5, 18), "DEBUG_VM poisons the sparse buffer only", nullptr},
    {series(5, 18), series(5, 18), "HVO exists as in 6.1; the profile has none", nullptr},
    {series(6, 2), series(6, 5), "read-only HVO tails keep the dirty bit",
     [](ProfileOverrides& o) { o.page_kernel_ro_dirty = true; }},
    {series(6, 2), series(6, 5), "struct mem_section_usage has no rcu_head",
     [](ProfileOverrides& o) { o.usage_rcu_head = false; }},
    {series(6, 2), series(6, 6), "HVO takes folios one by one", [](ProfileOverrides& o) { o.hvo_batches = false; }},
    {series(6, 2), series(6, 6), "memmap_on_memory only for a single memory block",
     [](ProfileOverrides& o) { o.memmap_on_memory_per_block = false; }},
    {series(6, 2), series(6, 10), "hot-added pages are PG_reserved until they are online",
     [](ProfileOverrides& o) { o.offline_page_type = false; }},
    {series(6, 15), series(6, 15), "that the profile begins with 6.15 is from sources, not recorded", nullptr},
    {series(6, 19), series(7, 0),
     "until its stable fix, removing a section loses 511 of the 512 pages that held its struct pages "
     "(/kernel/overrides/pmd_block_free_loses_pages)",
     nullptr},
    {series(7, 4), kNewest, "newer than every recorded kernel", nullptr},
};

}  // namespace

std::optional<KernelVersion> version_of_release(std::string_view release) {
  const auto number = series_of(release);
  if (!number) return std::nullopt;
  KernelVersion version = KernelVersion::kV5_8;
  for (const FirstSeries& s : kFirstSeries)
    if (s.first <= *number) version = s.version;
  return version;
}

std::optional<ReleaseProfile> profile_of_release(std::string_view release) {
  const auto version = version_of_release(release);
  if (!version) return std::nullopt;
  const unsigned number = *series_of(release);
  ReleaseProfile result{.version = *version, .overrides = {}, .differences = {}};
  for (const Difference& d : kDifferences) {
    if (number < d.first || number > d.last) continue;
    result.differences.emplace_back(d.text);
    if (d.apply != nullptr) d.apply(result.overrides);
  }
  return result;
}

std::string describe_release(std::string_view release) {
  const auto known = profile_of_release(release);
  if (!known) return {};
  const Profile& p = profile_of(known->version);
  std::string text = fmt::format("kernel {}: profile {} ({}), ", release, p.name, p.series);
  text += p.recorded.empty() ? "of which no recording is at hand" : fmt::format("recorded on {}", p.recorded);
  const char* separator = "; known to differ: ";
  for (const std::string& difference : known->differences) {
    text += separator + difference;
    separator = ", ";
  }
  return text;
}

}  // namespace mmusim::mm
