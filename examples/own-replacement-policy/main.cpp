// SPDX-License-Identifier: MIT
// A second-level TLB with a replacement policy of one's own, beside that of a machine. usage: own_replacement_policy [ACCESSES]
#include <mmusim/machine.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

/// 1,536 entries in 128 sets, as the textbook machine's, with static re-reference interval prediction (Jaleel et al., ISCA
/// 2010): a new entry is expected to be used late, one that hit soon; the victim is one that is expected latest.
class OwnTlb : public mmusim::EventObserver {
 public:
  void access(const mmusim::AccessEvent& event) override {
    if (event.tlb_miss) look_up(event.va >> 12);
  }
  uint64_t lookups = 0, misses = 0;

 private:
  static constexpr unsigned kSoon = 0, kLate = 2, kLatest = 3;
  struct Entry {
    uint64_t page = ~uint64_t{0};
    unsigned expected = kLatest;
  };

  void look_up(uint64_t page) {
    ++lookups;
    auto& set = sets_[page % sets_.size()];
    const auto hit = std::find_if(set.begin(), set.end(), [&](const Entry& e) { return e.page == page; });
    if (hit != set.end()) {
      hit->expected = kSoon;
      return;
    }
    ++misses;
    *victim(set) = {page, kLate};
  }
  static Entry* victim(std::array<Entry, 12>& set) {
    for (;;) {
      for (Entry& e : set) {
        if (e.expected == kLatest) return &e;
      }
      for (Entry& e : set) ++e.expected;
    }
  }

  std::vector<std::array<Entry, 12>> sets_ = std::vector<std::array<Entry, 12>>(128);
};

/// Pages used again and again, with scans between them that would throw them out.
std::vector<mmusim::Access> program(uint64_t accesses) {
  std::vector<mmusim::Access> list;
  uint64_t x = 1, scan = 4000;
  while (list.size() < accesses) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const uint64_t page = x >> 60 < 6 ? scan++ : (x >> 30) % 1200;
    list.push_back({.va = 0x7f00'0000'0000 + page % 20000 * 4096 + x % 512 * 8});
  }
  return list;
}

int main(int argc, char** argv) {
  mmusim::Machine machine(mmusim::Platform::load("textbook"));
  for (uint64_t page = 0; page < 20000; ++page) machine.map(0x7f00'0000'0000 + page * 4096, (4096 + page) << 12);
  OwnTlb own;
  machine.observe(&own, /*accesses=*/true);
  machine.run(program(argc > 1 ? std::stoull(argv[1]) : 500'000));
  const mmusim::Totals t = machine.totals();
  std::printf("%lu accesses, %lu lookups of the second level\n", t.accesses, own.lookups);
  std::printf("misses with LRU %lu, with SRRIP %lu\n", t.stlb_misses, own.misses);
  return own.lookups == t.l1_dtlb_misses ? 0 : 1;
}
