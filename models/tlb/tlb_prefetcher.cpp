// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_prefetcher.h"

#include <algorithm>
#include <optional>

namespace mmusim {

namespace {

class NextPage final : public TlbPrefetcher {
 public:
  explicit NextPage(unsigned degree) : degree_(degree) {}
  void missed(uint64_t page, std::vector<uint64_t>& wanted) override {
    for (unsigned i = 1; i <= degree_; ++i) wanted.push_back(page + i);
  }

 private:
  const unsigned degree_;
};

class Stride final : public TlbPrefetcher {
 public:
  explicit Stride(unsigned degree) : degree_(degree) {}
  void missed(uint64_t page, std::vector<uint64_t>& wanted) override {
    const uint64_t stride = page - last_;  // modulo 2^64, as all distances here
    for (unsigned i = 1; i <= degree_ && stride == stride_ && stride != 0; ++i) wanted.push_back(page + i * stride);
    last_ = page;
    stride_ = stride;
  }

 private:
  const unsigned degree_;
  uint64_t last_ = 0, stride_ = 0;
};

class Distance final : public TlbPrefetcher {
 public:
  explicit Distance(const TlbPrefetcherConfig& config) : degree_(config.degree), rows_(config.entries) {}
  void missed(uint64_t page, std::vector<uint64_t>& wanted) override {
    const uint64_t distance = page - last_;
    if (distance_) learn(row_of(*distance_), *distance_, distance);
    const Row& row = row_of(distance);
    if (row.distance == distance) {
      for (const uint64_t next : row.followers) wanted.push_back(page + next);
    }
    last_ = page;
    distance_ = distance;
  }

 private:
  struct Row {
    std::optional<uint64_t> distance;
    std::vector<uint64_t> followers;  // the latest first
  };
  Row& row_of(uint64_t distance) { return rows_[distance % rows_.size()]; }
  void learn(Row& row, uint64_t distance, uint64_t follower) const {
    if (row.distance != distance) row = {distance, {}};
    std::erase(row.followers, follower);
    row.followers.insert(row.followers.begin(), follower);
    if (row.followers.size() > degree_) row.followers.pop_back();
  }

  const unsigned degree_;
  uint64_t last_ = 0;
  std::optional<uint64_t> distance_;  // between the last two misses
  std::vector<Row> rows_;
};

}  // namespace

TlbPrefetcherConfig read_tlb_prefetcher_config(ConfigReader reader) {
  TlbPrefetcherConfig c;
  reader.read_enum<TlbPrefetcherKind>({"kind",
                                       "next_page: those after the miss; stride: at the distance of the last two; "
                                       "distance: at those that followed that "
                                       "distance before; default, no public figure."},
                                      c.kind,
                                      {{"none", TlbPrefetcherKind::kNone},
                                       {"next_page", TlbPrefetcherKind::kNextPage},
                                       {"stride", TlbPrefetcherKind::kStride},
                                       {"distance", TlbPrefetcherKind::kDistance}});
  reader.read({"degree", "Pages that one miss asks for at most.", "pages"}, c.degree, 1, 16);
  reader.read({"entries", "Distances that the kind distance remembers.", "distances"}, c.entries, 1, 65536);
  reader.ignore("source");
  reader.finish();
  return c;
}

std::unique_ptr<TlbPrefetcher> make_tlb_prefetcher(const TlbPrefetcherConfig& config) {
  switch (config.kind) {
    case TlbPrefetcherKind::kNone:
      return nullptr;
    case TlbPrefetcherKind::kNextPage:
      return std::make_unique<NextPage>(config.degree);
    case TlbPrefetcherKind::kStride:
      return std::make_unique<Stride>(config.degree);
    case TlbPrefetcherKind::kDistance:
      return std::make_unique<Distance>(config);
  }
  return nullptr;
}

}  // namespace mmusim
