// SPDX-License-Identifier: MIT
#include "models/dram/dram_device.h"

namespace mmusim {

DramDevice::DramDevice(const DramConfig& config)
    : banks_(config.geometry.banks()),
      groups_(config.geometry.ranks * config.geometry.bank_groups),
      ranks_(config.geometry.ranks),
      banks_per_rank_(config.geometry.banks_per_rank()),
      refi_(config.timing.refi),
      precharge_to_activate_(config.timing.rp) {
  for (unsigned i = 0; i < banks_.size(); ++i) {
    banks_[i].rank = i / banks_per_rank_;
    banks_[i].group = i / config.geometry.banks_per_group;
  }
  for (unsigned r = 0; r < ranks_.size() && refi_ != 0; ++r) {
    ranks_[r].refresh_due = refi_ + refi_ * r / ranks_.size();
  }
  for (const DramConstraint& row : dram_constraints(config.timing)) {
    if (row.window == 1) {
      DramCycle& delay = delays_[index_of(row.from)][static_cast<unsigned>(row.scope)][index_of(row.to)];
      delay = std::max(delay, row.cycles);
    } else {
      MMUSIM_INVARIANT(row.window == 4 && row.from == DramCommand::kActivate && row.to == DramCommand::kActivate &&
                           row.scope == DramScope::kRank,
                       "the only constraint over several commands is tFAW");
      four_activates_ = row.cycles;
    }
  }
  for (unsigned from = 0; from < kDramCommands; ++from) {
    for (unsigned scope = 0; scope < kDramScopes; ++scope) {
      HeldBack& held = held_back_[from][scope];
      for (unsigned to = 0; to < kDramCommands; ++to) {
        if (delays_[from][scope][to] == 0) continue;
        held.command[held.count] = static_cast<uint8_t>(to);
        held.cycles[held.count++] = delays_[from][scope][to];
      }
    }
  }
  update_next_refresh();
}

void DramDevice::issue(DramCommand command, unsigned bank, uint64_t row, DramCycle now) {
  Bank& b = banks_[bank];
  MMUSIM_INVARIANT(now >= earliest(command, bank), "DRAM command before its time");
  if (command == DramCommand::kActivate) {
    MMUSIM_INVARIANT(!b.open, "activate of an open bank");
    b.open = true;
    b.row = row;
    Rank& rank = ranks_[b.rank];
    rank.last_activates[rank.oldest_activate] = now;
    rank.oldest_activate = (rank.oldest_activate + 1) % 4;
    // The next activate is the fifth counted from what is now the oldest.
    const DramCycle fourth_last = rank.last_activates[rank.oldest_activate];
    if (fourth_last != kNever) {
      DramCycle& ready = rank.ready[index_of(DramCommand::kActivate)];
      ready = std::max(ready, fourth_last + four_activates_);
    }
  } else {
    MMUSIM_INVARIANT(b.open, "column command or precharge of a closed bank");
    if (command == DramCommand::kPrecharge) b.open = false;
  }
  apply(held_back_[index_of(command)], b, now);
}

template <class Table>
void DramDevice::apply(const Table& by_scope, const Bank& bank, DramCycle now) {
  const auto scope = [&by_scope](DramScope s) -> const auto& { return by_scope[static_cast<unsigned>(s)]; };
  hold_back(banks_[static_cast<size_t>(&bank - banks_.data())], scope(DramScope::kBank), now);
  hold_back(groups_[bank.group], scope(DramScope::kBankGroup), now);
  hold_back(ranks_[bank.rank], scope(DramScope::kRank), now);
  if (ranks_.size() == 1) return;
  for (Rank& rank : ranks_) {
    if (&rank != &ranks_[bank.rank]) hold_back(rank, scope(DramScope::kOtherRanks), now);
  }
}

void DramDevice::auto_precharge(unsigned bank) {
  Bank& b = banks_[bank];
  b.open = false;
  const DramCycle closed = b.ready[index_of(DramCommand::kPrecharge)] + precharge_to_activate_;
  DramCycle& activate = b.ready[index_of(DramCommand::kActivate)];
  activate = std::max(activate, closed);
  DramCycle& refresh = ranks_[b.rank].ready[index_of(DramCommand::kRefresh)];
  refresh = std::max(refresh, closed);
}

void DramDevice::refresh(Rank& rank, unsigned first_bank, DramCycle due, DramCycle bus_free) {
  DramCycle precharge = std::max(due, bus_free);
  bool any_open = false;
  for (unsigned i = first_bank; i < first_bank + banks_per_rank_; ++i) {
    if (!banks_[i].open) continue;
    any_open = true;
    precharge = std::max(precharge, banks_[i].ready[index_of(DramCommand::kPrecharge)]);
  }
  if (any_open) {
    for (unsigned i = first_bank; i < first_bank + banks_per_rank_; ++i) {
      if (!banks_[i].open) continue;
      banks_[i].open = false;
      apply(delays_[index_of(DramCommand::kPrecharge)], banks_[i], precharge);
    }
  }
  const DramCycle start = std::max({due, bus_free, rank.ready[index_of(DramCommand::kRefresh)]});
  hold_back(rank, delays_[index_of(DramCommand::kRefresh)][static_cast<unsigned>(DramScope::kRank)], start);
  rank.refresh_slots = {any_open ? precharge : start, start};
  last_refresh_slot_ = std::max(last_refresh_slot_, start);
  ++refreshes_;
}

void DramDevice::catch_up_refresh(DramCycle now, DramCycle bus_free) {
  for (unsigned r = 0; r < ranks_.size(); ++r) {
    Rank& rank = ranks_[r];
    if (rank.refresh_due > now) continue;
    refresh(rank, r * banks_per_rank_, rank.refresh_due, bus_free);
    // The interval leaves room for all that may be under way (read_dram_timing), so of the refreshes that followed
    // with all banks closed only the last one can still matter.
    const DramCycle further = (now - rank.refresh_due) / refi_;
    if (further != 0) {
      rank.refresh_due += further * refi_;
      refreshes_ += further - 1;
      refresh(rank, r * banks_per_rank_, rank.refresh_due, bus_free);
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
