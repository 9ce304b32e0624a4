// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "models/base/format.h"
#include "models/base/types.h"
#include "tests/differential/random_case.h"

namespace mmusim::differential {

using nlohmann::ordered_json;

namespace {

/// Where a trace's accesses go: a few regions, each walked through in its own way.
class Places {
 public:
  Places(Dice& dice, unsigned levels) : dice_(dice) {
    const unsigned bits = levels == 5 ? 56 : 47;
    const auto count = dice.between(1, 4);
    for (uint64_t i = 0; i < count; ++i) {
      Region r;
      r.user = dice.chance(0.6);
      const uint64_t page = (dice.next() & ((uint64_t{1} << (bits - 13)) - 1)) + 1;
      r.base = page * kPageBytes;
      if (!r.user) r.base |= ~uint64_t{0} << bits;
      r.pages = dice.skewed(1, 400);
      r.stride = dice.pick<uint64_t>({0, 8, 64, 2048, kPageBytes, 3 * kPageBytes + 64});
      regions_.push_back(r);
    }
  }
  struct Place {
    uint64_t va;
    bool user;
  };
  Place next() {
    Region& r = regions_[dice_.between(0, regions_.size() - 1)];
    const uint64_t bytes = r.pages * kPageBytes;
    r.at = r.stride == 0 ? dice_.next() % bytes : (r.at + r.stride) % bytes;
    return {r.base + r.at, r.user};
  }

 private:
  struct Region {
    uint64_t base = 0, pages = 1, stride = 0, at = 0;
    bool user = false;
  };
  Dice& dice_;
  std::vector<Region> regions_;
};

std::string access(Dice& dice, Places& places, uint64_t number, bool fetches) {
  const Places::Place place = places.next();
  const auto kind = fetches ? dice.pick<std::string>({"read", "read", "write", "fetch"})
                            : dice.pick<std::string>({"read", "read", "write"});
  uint64_t bytes = dice.pick<uint64_t>({1, 2, 4, 8, 8, 8, 16, 32, 64});
  std::string line = fmt::format(R"({{"access":"{}","va":"0x{:x}","bytes":{})", kind, place.va, bytes);
  if (place.user) line += R"(,"user":true)";
  if (kind == "write" && dice.chance(0.1)) line += R"(,"rmw":true)";
  if (!place.user && kind == "read" && dice.chance(0.05)) line += R"(,"implicit":true)";
  if (dice.chance(0.1)) line += R"(,"awaited":true)";
  if (number > 0 && dice.chance(0.3))
    line += fmt::format(R"(,"depends_on":{})", dice.skewed(1, std::min<uint64_t>(number, 600)));
  if (dice.chance(0.4)) line += fmt::format(R"(,"gap":{})", dice.skewed(1, 200));
  return line + "}";
}

std::string event(Dice& dice, Places& places) {
  switch (dice.between(0, 4)) {
    case 0:
      return fmt::format(R"({{"event":"invlpg","va":"0x{:x}","value":"0x{:x}"}})", places.next().va,
                         kPageBytes * dice.skewed(0, 4));
    case 1:
      return R"({"event":"drain"})";
    case 2:
      return fmt::format(R"({{"event":"process","value":"0x{:x}"}})", dice.between(1, 3));
    case 3:
      return fmt::format(R"({{"event":"timed","value":"0x{:x}"}})", dice.between(0, 1));
    default:
      return fmt::format(R"({{"event":"marker","value":"0x{:x}","name":"m"}})", dice.between(0, 9));
  }
}

}  // namespace

void random_trace(Dice& dice, unsigned levels, bool gib_pages, Case& into) {
  ordered_json options;
  const unsigned used = levels == 5 && dice.chance(0.5) ? 5 : 4;
  options["levels"] = used;
  options["pages"] = dice.pick<std::string>({"4K", "4K", "2M", "thp:0.3", "thp", gib_pages ? "1G" : "2M"});
  options["frames"] = dice.pick<std::string>({"sequential", "random", "fragmented:0.5"});
  options["flushes"] = dice.pick<std::string>({"auto", "all", "none"});
  if (dice.chance(0.3)) options["warmup"] = dice.skewed(0, 500);
  if (dice.chance(0.2)) options["skip"] = dice.skewed(0, 200);
  if (dice.chance(0.2)) options["no_fetches"] = true;
  if (dice.chance(0.2)) options["no_pcids"] = true;
  options["seed"] = dice.between(1, 1000);
  into["options"] = std::move(options);

  Places places(dice, used);
  ordered_json lines = ordered_json::array();
  lines.push_back(R"({"format":"mmusim-trace","version":1,"source":"random"})");
  const bool fetches = dice.chance(0.5);
  const double events = dice.pick<double>({0, 0.01, 0.1});
  const uint64_t count = dice.skewed(20, 4000);
  for (uint64_t i = 0; i < count; ++i) {
    if (dice.chance(events)) lines.push_back(event(dice, places));
    lines.push_back(access(dice, places, i, fetches));
  }
  into["trace"] = std::move(lines);
}

}  // namespace mmusim::differential
