// SPDX-License-Identifier: MIT
#include "models/tlb/second_level_tlb.h"

namespace mmusim {

namespace {
constexpr uint64_t kDataSeed = 0x51ed270b0f6d6e35;
constexpr uint64_t kInstructionSeed = 0x2545f4914f6cdd1d;
constexpr uint64_t kThirdSeed = 0x9e6c63d0876a9a47;

bool related(const TlbConfig& tlb) { return tlb.inclusion != TlbInclusion::kNone; }
bool exclusive(const TlbLevel& tlb) { return tlb.config().inclusion == TlbInclusion::kExclusive; }
}  // namespace

SecondLevelState::SecondLevelState(const SecondLevelTlbConfig& config)
    : data_(config.data, kDataSeed),
      related_(related(config.data) || (config.instruction && related(*config.instruction)) || config.third) {
  if (config.instruction) instruction_.emplace(*config.instruction, kInstructionSeed);
  if (config.third) third_.emplace(*config.third, kThirdSeed);
}

void SecondLevelState::connect(FirstLevel& above) {
  above_ = &above;
  if (exclusive(data_) || (instruction_ && exclusive(*instruction_))) above.hand_down_to(*this);
}

unsigned SecondLevelState::invalidate(const Invalidation& operation) {
  return data_.invalidate(operation) + (instruction_ ? instruction_->invalidate(operation) : 0) +
         (third_ ? third_->invalidate(operation) : 0);
}

void SecondLevelState::fill_next(TlbLevel& tlb, const TlbQuery& query, const Translation& next_page) {
  keep_prefetched(tlb, {query.va + kPageBytes, query.pcid}, next_page);
}

void SecondLevelState::keep_prefetched(TlbLevel& tlb, const TlbQuery& query, const Translation& translation) {
  if (tlb.find(query)) return;
  insert(tlb, query, translation, /*coalescible=*/false);
  ++stats_.prefetched;
}

/// Performs fill() where levels are inclusive or exclusive, or where there is a third one.
void SecondLevelState::fill_related(TlbLevel& tlb, const TlbQuery& query, const WalkOutcome& outcome) {
  if (third_) {
    if (exclusive(*third_)) {
      if (const TlbLevel::Place stale = third_->find(query)) third_->erase(stale);
    } else {
      DisplacedEntry out;
      third_->fill(query, outcome.translation, outcome.coalescible, /*absent=*/false, &out);
      third_lost(out);
    }
  }
  if (!exclusive(tlb)) return insert(tlb, query, outcome.translation, outcome.coalescible);
  if (const TlbLevel::Place stale = tlb.find(query)) tlb.erase(stale);
}

/// Inserts a translation into a second-level TLB; what has to leave goes where it belongs.
void SecondLevelState::insert(TlbLevel& tlb, const TlbQuery& query, const Translation& translation, bool coalescible) {
  DisplacedEntry out;
  tlb.fill(query, translation, coalescible, /*absent=*/false, &out);
  lost(tlb, out);
}

/// Deals with what left a second-level TLB.
void SecondLevelState::lost(TlbLevel& tlb, const DisplacedEntry& entry) {
  if (!entry.valid) return;
  if (tlb.config().inclusion == TlbInclusion::kInclusive && above_ != nullptr) above_->remove_within(entry);
  if (!third_ || !exclusive(*third_)) return;
  DisplacedEntry out;
  third_->take(entry, out);
}

/// Deals with what left the third level.
void SecondLevelState::third_lost(const DisplacedEntry& entry) {
  if (!entry.valid || third_->config().inclusion != TlbInclusion::kInclusive) return;
  data_.remove_within(entry);
  if (instruction_) instruction_->remove_within(entry);
  if (above_ != nullptr) above_->remove_within(entry);
}

std::optional<SecondLevelState::ThirdHit> SecondLevelState::find_in_third(const TlbQuery& query, AccessType type,
                                                                          const ControlState& control) {
  ++extended_stats_.third_lookups;
  const TlbLevel::Place place = third_->find(query);
  if (!place) return std::nullopt;
  third_->touch(place);
  const ThirdHit hit{third_->at(place, query.va), place.kind == EntryKind::k16K};
  if (!serves(control, hit.translation, type)) return std::nullopt;
  ++extended_stats_.third_hits;
  if (exclusive(*third_)) third_->erase(place);
  TlbLevel& tlb = level(type.kind());
  if (!exclusive(tlb)) insert(tlb, query, hit.translation, hit.coalescible);
  return hit;
}

void SecondLevelState::take(AccessKind kind, const DisplacedEntry& entry) {
  TlbLevel& tlb = level(kind);
  if (!exclusive(tlb)) return;
  DisplacedEntry out;
  tlb.take(entry, out);
  lost(tlb, out);
}

}  // namespace mmusim
