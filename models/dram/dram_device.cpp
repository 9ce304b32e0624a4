// SPDX-License-Identifier: MIT
#include "models/dram/dram_device.h"

namespace mmusim {

DramDevice::Tables::Tables(const DramTiming& timing) {
  for (size_t i = 0; i < kDramConstraints.size(); ++i) {
    const DramConstraint& row = kDramConstraints[i];
    cycles[i] = row.cycles(timing);
    if (row.window == 4) four_activates = cycles[i];
    if (row.scope != DramScope::kRank) continue;
    if (row.from == DramCommand::kPrecharge) after_precharge[index_of(row.to)] = cycles[i];
    if (row.from == DramCommand::kRefresh) after_refresh[index_of(row.to)] = cycles[i];
  }
  precharge_to_activate = timing.rp;
}

DramDevice::DramDevice(const DramConfig& config)
    : banks_(config.geometry.banks()),
      open_(config.geometry.banks()),
      groups_(config.geometry.ranks * config.geometry.bank_groups),
      ranks_(config.geometry.ranks),
      banks_per_rank_(config.geometry.banks_per_rank()),
      refi_(config.timing.refi),
      tables_(std::make_shared<const Tables>(config.timing)) {
  for (unsigned i = 0; i < banks_.size(); ++i) {
    banks_[i].rank = i / banks_per_rank_;
    banks_[i].group = i / config.geometry.banks_per_group;
  }
  for (unsigned r = 0; r < ranks_.size() && refi_ != 0; ++r) {
    ranks_[r].refresh_due = refi_ + refi_ * r / ranks_.size();
  }
  update_next_refresh();
}

void DramDevice::auto_precharge(unsigned bank) {
  Bank& b = banks_[bank];
  open_[bank] = 0;
  const DramCycle closed = b.ready[index_of(DramCommand::kPrecharge)] + tables_->precharge_to_activate;
  hold_back(b.ready[index_of(DramCommand::kActivate)], closed);
  hold_back(ranks_[b.rank].ready[index_of(DramCommand::kRefresh)], closed);
}

/// Closes all open banks of a rank together, which is not before `from` and as soon as each of them may. When; nothing
/// if none was open.
std::optional<DramCycle> DramDevice::precharge_all(unsigned rank, DramCycle from) {
  const auto first = open_.begin() + rank * banks_per_rank_;
  const auto end = first + banks_per_rank_;
  std::optional<DramCycle> together;
  for (auto open = std::find(first, end, 1); open != end; open = std::find(open, end, 1)) {
    *open = 0;
    const Bank& bank = banks_[static_cast<size_t>(open - open_.begin())];
    together = std::max(together.value_or(from), bank.ready[index_of(DramCommand::kPrecharge)]);
  }
  return together;
}

/// The commands of a refresh are not on the channel's command bus: no other command of the rank comes before them, and
/// none of another rank before the precharge-all. What banks and groups would add of their own ends before tRFC.
void DramDevice::refresh(unsigned number, DramCycle due, DramCycle bus_free) {
  Rank& rank = ranks_[number];
  const DramCycle from = std::max(due, bus_free);
  const std::optional<DramCycle> precharge = precharge_all(number, from);
  if (precharge) {
    hold_back(rank, tables_->after_precharge, *precharge);
    for (Rank& other : ranks_) {
      if (&other != &rank) hold_back(other, Delays{}, *precharge);
    }
  }
  const DramCycle start = std::max(from, rank.ready[index_of(DramCommand::kRefresh)]);
  hold_back(rank, tables_->after_refresh, start);
  rank.refresh_slots = {precharge.value_or(start), start};
  last_refresh_slot_ = std::max(last_refresh_slot_, start);
  ++refreshes_;
}

void DramDevice::catch_up_refresh(DramCycle now, DramCycle bus_free) {
  // The next refreshes of all ranks lie in one interval, in the order of their numbers from the first one on. The first of
  // each rank may close banks, which holds the other ranks back: so these come in the order in which they fall due.
  const auto earliest = std::min_element(ranks_.begin(), ranks_.end(),
                                         [](const Rank& a, const Rank& b) { return a.refresh_due < b.refresh_due; });
  const auto ranks = static_cast<unsigned>(ranks_.size());
  for (unsigned i = 0; i < ranks; ++i) {
    const unsigned r = (static_cast<unsigned>(earliest - ranks_.begin()) + i) % ranks;
    if (ranks_[r].refresh_due > now) break;
    refresh(r, ranks_[r].refresh_due, bus_free);
  }
  for (unsigned r = 0; r < ranks; ++r) {
    Rank& rank = ranks_[r];
    if (rank.refresh_due > now) continue;
    // The interval leaves room for all that may be under way (read_dram_timing), so of the refreshes that followed
    // with all banks closed only the last one can still matter.
    const DramCycle further = (now - rank.refresh_due) / refi_;
    if (further != 0) {
      rank.refresh_due += further * refi_;
      refreshes_ += further - 1;
      refresh(r, rank.refresh_due, bus_free);
    }
    rank.refresh_due += refi_;
  }
  update_next_refresh();
}

void DramDevice::update_next_refresh() {
  next_refresh_ = kNever;
  for (const Rank& rank : ranks_) next_refresh_ = std::min(next_refresh_, rank.refresh_due);
}

DramCycle DramDevice::free_slot_slow(DramCycle t) const {
  const auto taken = [this](DramCycle cycle) {
    return std::any_of(ranks_.begin(), ranks_.end(), [cycle](const Rank& rank) {
      return rank.refresh_slots[0] == cycle || rank.refresh_slots[1] == cycle;
    });
  };
  while (taken(t)) ++t;
  return t;
}

}  // namespace mmusim
