// SPDX-License-Identifier: MIT
#include "models/cache/prefetcher.h"

#include <algorithm>
#include <list>

#include "models/base/types.h"

namespace mmusim {

namespace {

constexpr uint64_t kLinesOfPage = kPageBytes / kLineBytes;

bool in_page_of(uint64_t line, uint64_t other) { return line / kLinesOfPage == other / kLinesOfPage; }

class NextLine final : public CachePrefetcher {
 public:
  explicit NextLine(unsigned degree) : degree_(degree) {}
  void requested(uint64_t line, bool hit, std::vector<uint64_t>& wanted) override {
    if (hit) return;
    for (uint64_t next = line + 1; next <= line + degree_ && in_page_of(next, line); ++next) wanted.push_back(next);
  }

 private:
  const unsigned degree_;
};

/// What is known of each of some pages, those used last.
template <class Known>
class Trackers {
 public:
  explicit Trackers(unsigned most) : most_(most) {}
  /// Returns what is known of the page of `line`; nullptr if it is new: then it knows `first` from now on.
  Known* of(uint64_t line, const Known& first) {
    const uint64_t page = line / kLinesOfPage;
    const auto found = std::find_if(pages_.begin(), pages_.end(), [page](const Page& p) { return p.number == page; });
    if (found != pages_.end()) {
      pages_.splice(pages_.begin(), pages_, found);
      return &found->known;
    }
    if (pages_.size() == most_) pages_.pop_back();
    pages_.push_front({page, first});
    return nullptr;
  }

 private:
  struct Page {
    uint64_t number;
    Known known;
  };
  const unsigned most_;
  std::list<Page> pages_;  // the one used last first
};

class Stride final : public CachePrefetcher {
 public:
  explicit Stride(const CachePrefetcherConfig& config) : degree_(config.degree), trackers_(config.trackers) {}
  void requested(uint64_t line, bool, std::vector<uint64_t>& wanted) override {
    Known* known = trackers_.of(line, {line, 0});
    if (known == nullptr || line == known->last) return;
    const uint64_t stride = line - known->last;  // modulo 2^64: may stand for a negative one
    const bool again = stride == known->stride;
    *known = {line, stride};
    uint64_t next = line + stride;
    for (unsigned i = 0; again && i < degree_ && in_page_of(next, line); ++i, next += stride) wanted.push_back(next);
  }

 private:
  struct Known {
    uint64_t last, stride;
  };
  const unsigned degree_;
  Trackers<Known> trackers_;
};

class Stream final : public CachePrefetcher {
 public:
  explicit Stream(const CachePrefetcherConfig& config) : degree_(config.degree), trackers_(config.trackers) {}
  void requested(uint64_t line, bool, std::vector<uint64_t>& wanted) override {
    Known* known = trackers_.of(line, {line, line, Direction::kNone});
    if (known == nullptr || line == known->last) return;
    const Direction direction = line > known->last ? Direction::kUp : Direction::kDown;
    const bool streams = direction == known->direction;
    known->last = line;
    if (!streams) known->furthest = line;
    known->direction = direction;
    if (!streams) return;
    const bool up = direction == Direction::kUp;
    const uint64_t step = up ? 1 : ~uint64_t{0};
    if (up ? known->furthest < line : known->furthest > line) known->furthest = line;
    uint64_t ahead = up ? known->furthest - line : line - known->furthest;
    for (; ahead < degree_ && in_page_of(known->furthest + step, line); ++ahead) {
      known->furthest += step;
      wanted.push_back(known->furthest);
    }
  }

 private:
  enum class Direction : uint8_t { kNone, kUp, kDown };
  struct Known {
    uint64_t last, furthest;
    Direction direction;
  };
  const unsigned degree_;
  Trackers<Known> trackers_;
};

}  // namespace

CachePrefetcherConfig read_cache_prefetcher_config(ConfigReader reader) {
  CachePrefetcherConfig c;
  reader.read_enum<CachePrefetcherKind>({"kind",
                                         "next_line: those after a miss; stride: at the distance of the last two in "
                                         "the page; stream: in the direction of "
                                         "the last two; default, no public figure."},
                                        c.kind,
                                        {{"none", CachePrefetcherKind::kNone},
                                         {"next_line", CachePrefetcherKind::kNextLine},
                                         {"stride", CachePrefetcherKind::kStride},
                                         {"stream", CachePrefetcherKind::kStream}});
  reader.read({"degree", "Lines that one request asks for at most, and that can be under way.", "lines"}, c.degree, 1,
              16);
  reader.read({"trackers", "4 KiB pages that strides and streams are looked for in at once.", "pages"}, c.trackers, 1,
              4096);
  reader.ignore("source");
  reader.finish();
  return c;
}

std::unique_ptr<CachePrefetcher> make_cache_prefetcher(const CachePrefetcherConfig& config) {
  switch (config.kind) {
    case CachePrefetcherKind::kNone:
      return nullptr;
    case CachePrefetcherKind::kNextLine:
      return std::make_unique<NextLine>(config.degree);
    case CachePrefetcherKind::kStride:
      return std::make_unique<Stride>(config);
    case CachePrefetcherKind::kStream:
      return std::make_unique<Stream>(config);
  }
  return nullptr;
}

}  // namespace mmusim
