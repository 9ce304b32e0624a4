// SPDX-License-Identifier: MIT
#include "models/base/rrip.h"

#include <algorithm>

namespace mmusim {

namespace {
constexpr unsigned kGroups = 32;
constexpr unsigned kMostMisses = 1023;
constexpr unsigned kMiddle = kMostMisses / 2;
constexpr unsigned kShortOneIn = 32;
constexpr uint8_t kLong = 2;
constexpr uint8_t kMostReuse = 7;
constexpr uint8_t kFirstReuse = 1;
}  // namespace

Rrip::Rrip(Kind kind, unsigned sets, unsigned slots, unsigned region_shift)
    : kind_(kind),
      region_shift_(region_shift),
      group_(std::max(sets / kGroups, kLeastGroup)),
      misses_(kMiddle),
      ways_(slots),
      reuse_(kind == Kind::kSignature ? size_t{1} << kSignatureBits : 0, kFirstReuse) {}

void Rrip::use(unsigned slot) {
  Way& way = ways_[slot];
  way.prediction = 0;
  if (way.used) return;
  way.used = true;
  if (kind_ == Kind::kSignature && reuse_[way.signature] < kMostReuse) ++reuse_[way.signature];
}

unsigned Rrip::take_victim(unsigned first, unsigned ways) {
  const auto begin = ways_.begin() + first, end = begin + ways;
  const auto victim =
      std::max_element(begin, end, [](const Way& a, const Way& b) { return a.prediction < b.prediction; });
  const auto grow = static_cast<uint8_t>(kDistant - victim->prediction);
  for (auto way = begin; way != end; ++way) way->prediction = static_cast<uint8_t>(way->prediction + grow);
  if (kind_ == Kind::kSignature && !victim->used && reuse_[victim->signature] > 0) --reuse_[victim->signature];
  return static_cast<unsigned>(victim - ways_.begin());
}

void Rrip::insert(unsigned slot, unsigned set, uint64_t key) {
  Way& way = ways_[slot];
  way.prediction = prediction_of(set, key);
  way.used = false;
  if (kind_ == Kind::kSignature) way.signature = static_cast<uint16_t>(signature_of(key));
}

void Rrip::demote(unsigned slot, unsigned first, unsigned ways) {
  for (unsigned other = first; other < first + ways; ++other) {
    if (ways_[other].prediction == kDistant) ways_[other].prediction = kLong;
  }
  ways_[slot].prediction = kDistant;
}

uint8_t Rrip::prediction_of(unsigned set, uint64_t key) {
  switch (kind_) {
    case Kind::kStatic:
      return kLong;
    case Kind::kDynamic:
      return duelled(set);
    case Kind::kSignature:
      return reuse_[signature_of(key)] == 0 ? kDistant : kLong;
  }
  return kLong;
}

/// Returns the prediction for a new key under kDynamic, and counts the miss if the set leads.
uint8_t Rrip::duelled(unsigned set) {
  bool distant = misses_ > kMiddle;
  if (set % group_ == 0) {
    distant = false;
    misses_ = std::min(misses_ + 1, kMostMisses);
  } else if (set % group_ == group_ - 1) {
    distant = true;
    misses_ = misses_ == 0 ? 0 : misses_ - 1;
  }
  if (!distant) return kLong;
  since_short_ = (since_short_ + 1) % kShortOneIn;
  return since_short_ == 0 ? kLong : kDistant;
}

unsigned Rrip::signature_of(uint64_t key) const {
  return static_cast<unsigned>((key >> region_shift_) * 0x9e3779b97f4a7c15 >> (64 - kSignatureBits));
}

}  // namespace mmusim
