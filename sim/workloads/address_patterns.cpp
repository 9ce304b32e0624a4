// SPDX-License-Identifier: MIT
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "models/base/errors.h"
#include "sim/workloads/direction.h"
#include "sim/workloads/random.h"
#include "sim/workloads/readers.h"

namespace mmusim {

namespace {

enum class Region : uint8_t { kVmemmap, kDirectMap };

/// The settings that all patterns have.
struct PatternConfig {
  Region region = Region::kVmemmap;
  std::optional<VirtAddr> base;  ///< instead of the region: any address
  uint64_t bytes = 0;            ///< of the working set; 0: the whole region
  uint64_t accesses = 1'000'000;
  unsigned access_bytes = 8;
  Direction direction = Direction::kRead;
  bool user = false;
  unsigned gap = 2;
};

PatternConfig read_pattern(ConfigReader& r) {
  PatternConfig c;
  r.read_enum({"region", "Region that is accessed: the struct pages, or the direct map, of the largest memory range."},
              c.region, {{"vmemmap", Region::kVmemmap}, {"direct_map", Region::kDirectMap}});
  r.read({"base", "First address that is accessed, instead of a region.", "", "the region's"}, c.base);
  r.read_size({"bytes", "Size of the working set; 0: the whole region.", "bytes"}, c.bytes, 0, uint64_t{1} << 47);
  r.check(!c.base || c.bytes != 0, "bytes", "missing, \"base\" needs it");
  r.read({"accesses", "Accesses that are made.", "accesses"}, c.accesses, 1, uint64_t{1} << 40);
  r.read({"access_bytes", "Size of an access.", "bytes"}, c.access_bytes, 1, 64);
  read_direction(r, c.direction);
  r.read({"user", "Accesses come from user mode (CPL 3)."}, c.user);
  r.read({"gap", "Instructions without memory access between two accesses.", "instructions"}, c.gap, 0, 65535);
  return c;
}

struct Window {
  VirtAddr base;
  uint64_t bytes;
};

/// The addresses a pattern runs over: the struct pages, or the direct map, of the largest range of memory.
Window window_of(const PatternConfig& c, const WorkloadContext& context) {
  if (c.base) return {*c.base, c.bytes};
  const auto largest = std::max_element(
      context.memory.begin(), context.memory.end(),
      [](const mm::MemoryRange& a, const mm::MemoryRange& b) { return a.end - a.start < b.end - b.start; });
  if (largest == context.memory.end()) throw InputError("workload: the machine has no memory");
  const uint64_t pages = largest->end - largest->start;
  const uint64_t unit = c.region == Region::kVmemmap ? context.struct_page_bytes : kPageBytes;
  const VirtAddr base =
      (c.region == Region::kVmemmap ? context.vmemmap_base : context.page_offset_base) + largest->start.raw * unit;
  if (c.bytes > pages * unit) {
    throw InputError(fmt::format("workload: {} bytes are more than the region's {}", c.bytes, pages * unit));
  }
  return {base, c.bytes == 0 ? pages * unit : c.bytes};
}

/// Emits `accesses` accesses whose offsets `Next` computes.
template <class Next>
class Pattern final : public Workload {
 public:
  Pattern(const PatternConfig& config, Window window, unsigned depends_on, Next next_offset)
      : config_(config), base_(window.base), depends_on_(depends_on), next_(std::move(next_offset)) {}

  bool next(std::vector<MemAccess>& batch) override {
    batch.clear();
    while (done_ < config_.accesses && batch.size() < kBatch) {
      MemAccess a;
      a.va = base_ + next_(done_);
      a.bytes = static_cast<uint16_t>(config_.access_bytes);
      a.kind = config_.direction == Direction::kRead ? AccessKind::kRead : AccessKind::kWrite;
      a.rmw = config_.direction == Direction::kModify;
      a.user = config_.user;
      a.gap = static_cast<uint16_t>(config_.gap);
      a.depends_on = static_cast<uint16_t>(done_ == 0 ? 0 : depends_on_);
      batch.push_back(a);
      ++done_;
    }
    return !batch.empty();
  }

 private:
  const PatternConfig config_;
  VirtAddr base_;
  unsigned depends_on_;
  Next next_;
  uint64_t done_ = 0;
};

template <class Next>
std::unique_ptr<Workload> make_pattern(const PatternConfig& config, Window window, unsigned depends_on, Next next) {
  return std::make_unique<Pattern<Next>>(config, window, depends_on, std::move(next));
}

/// Places that `bytes` hold when each is `unit` apart and an access must fit.
uint64_t places(uint64_t bytes, uint64_t unit, unsigned access_bytes) {
  if (bytes < access_bytes) throw InputError("workload: one access does not fit the working set");
  return (bytes - access_bytes) / unit + 1;
}

WorkloadPlan strided_plan(const PatternConfig& config, uint64_t stride) {
  return [config, stride](const WorkloadContext& context) {
    const Window window = window_of(config, context);
    const uint64_t count = places(window.bytes, stride, config.access_bytes);
    return make_pattern(config, window, 0, [count, stride](uint64_t i) { return i % count * stride; });
  };
}

/// Ranks 0 to n-1 with probability proportional to 1 / (rank + 1)^exponent, by rejection-inversion (Hoermann and
/// Derflinger 1996): constant time and space for any n.
class ZipfRanks {
 public:
  ZipfRanks(uint64_t n, double exponent)
      : n_(n), s_(exponent), h_first_(integral(1.5) - 1), h_last_(integral(static_cast<double>(n) + 0.5)) {}

  uint64_t draw(Random& random) const {
    for (;;) {
      const double u = h_last_ + random.unit() * (h_first_ - h_last_);
      const double x = inverse(u);
      const double k = std::min(std::max(std::floor(x + 0.5), 1.0), static_cast<double>(n_));
      if (u >= integral(k + 0.5) - std::exp(-s_ * std::log(k))) return static_cast<uint64_t>(k) - 1;
    }
  }

 private:
  double integral(double x) const {
    const double log_x = std::log(x);
    return s_ == 1.0 ? log_x : std::expm1((1 - s_) * log_x) / (1 - s_);
  }
  double inverse(double y) const { return s_ == 1.0 ? std::exp(y) : std::exp(std::log1p(y * (1 - s_)) / (1 - s_)); }

  uint64_t n_;
  double s_;
  double h_first_;
  double h_last_;
};

/// The line to use in page number `page`: 64 pages in a row use 64 different lines, and the next 64 begin one line
/// further, so that the lines spread over the sets of the second-level caches too, which take bits of the page number.
uint64_t line_in_page(uint64_t page) {
  constexpr uint64_t kLinesInPage = kPageBytes / kLineBytes;
  return (page + page / kLinesInPage) % kLinesInPage;
}

/// All pages in random order.
std::vector<uint32_t> random_cycle(uint64_t pages, uint64_t seed) {
  std::vector<uint32_t> order(pages);
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed);
  for (uint64_t i = pages; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace

WorkloadPlan read_sequential(ConfigReader& r) {
  const PatternConfig config = read_pattern(r);
  return strided_plan(config, config.access_bytes);
}

WorkloadPlan read_strided(ConfigReader& r) {
  uint64_t stride = 4 * kKiB;
  r.read_size({"stride", "Distance from one access to the next.", "bytes"}, stride, 1, kTiB);
  return strided_plan(read_pattern(r), std::max<uint64_t>(stride, 1));
}

WorkloadPlan read_uniform(ConfigReader& r) {
  const PatternConfig config = read_pattern(r);
  return [config](const WorkloadContext& context) {
    const Window window = window_of(config, context);
    const uint64_t count = places(window.bytes, config.access_bytes, config.access_bytes);
    return make_pattern(config, window, 0,
                        [count, unit = config.access_bytes, random = Random(context.seed)](uint64_t) mutable {
                          return random.below(count) * unit;
                        });
  };
}

WorkloadPlan read_pointer_chase(ConfigReader& r) {
  uint64_t pages = 1024;
  uint64_t page = kPageBytes;
  r.read({"pages", "Pages that the chain goes through.", "pages"}, pages, 1, uint64_t{1} << 26);
  r.read_size({"page", "Distance of neighbouring pages, a multiple of 4 KiB.", "bytes"}, page);
  r.check(page >= kPageBytes && page % kPageBytes == 0, "page", "{} bytes, expected a multiple of 4KiB", page);
  PatternConfig config = read_pattern(r);
  return [config, pages, page](const WorkloadContext& context) mutable {
    config.bytes = pages * page;
    const Window window = window_of(config, context);
    return make_pattern(config, window, /*depends_on=*/1,
                        [page, order = random_cycle(pages, context.seed)](uint64_t i) {
                          const uint64_t number = order[i % order.size()];
                          return number * page + line_in_page(number) * kLineBytes;
                        });
  };
}

WorkloadPlan read_zipf(ConfigReader& r) {
  double exponent = 0.99;
  uint64_t unit = kPageBytes;
  r.read_above({"exponent", "Exponent of Zipf's law: popularity falls with rank to this power."}, exponent, 0, 10);
  r.read_size({"unit", "Piece of the region that has one popularity.", "bytes"}, unit, 1, kGiB);
  const PatternConfig config = read_pattern(r);
  return [config, exponent, unit](const WorkloadContext& context) {
    const Window window = window_of(config, context);
    const uint64_t count = places(window.bytes, unit, config.access_bytes);
    // Popular units are spread over the region by an odd factor, so that popularity is no neighbourhood.
    uint64_t factor = 0x9e3779b97f4a7c15 % count | 1;
    while (std::gcd(factor, count) != 1) factor += 2;
    return make_pattern(
        config, window, 0,
        [count, unit, factor, ranks = ZipfRanks(count, exponent), random = Random(context.seed)](uint64_t) mutable {
          __extension__ using Wide = unsigned __int128;
          const auto place = static_cast<Wide>(ranks.draw(random)) * factor % count;
          return static_cast<uint64_t>(place) * unit;
        });
  };
}

}  // namespace mmusim
