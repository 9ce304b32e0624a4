// SPDX-License-Identifier: MIT
#include "models/dram/dram_device.h"

namespace mmusim {

DramDevice::Tables::Tables(const DramTiming& timing) {
  for (const DramConstraint& row : dram_constraints(timing)) {
    if (row.window == 1) {
      DramCycle& delay = by_scope[index_of(row.from)][static_cast<unsigned>(row.scope)][index_of(row.to)];
      delay = std::max(delay, row.cycles);
    } else {
      MMUSIM_INVARIANT(row.window == 4 && row.from == DramCommand::kActivate && row.to == DramCommand::kActivate &&
                           row.scope == DramScope::kRank,
                       "the only constraint over several commands is tFAW");
      four_activates = row.cycles;
    }
  }
  using enum DramCommand;
  for (const DramCommand command : {kActivate, kPrecharge, kRead, kWrite}) lay_out(command);
}

void DramDevice::Tables::lay_out(DramCommand command) {
  HeldBack& held = held_back[index_of(command)];
  unsigned count = 0;
  for (const DramScope scope : {DramScope::kBank, DramScope::kBankGroup, DramScope::kRank}) {
    for (unsigned to = 0; to < kDramCommands; ++to) {
      const DramCycle cycles = delays(command, scope)[to];
      if (cycles == 0) continue;
      MMUSIM_INVARIANT(count < HeldBack::kMost, "all delays of a command have a place");
      held.later[count++] = {static_cast<uint8_t>(scope), static_cast<uint8_t>(to), static_cast<uint32_t>(cycles)};
    }
  }
  held.other_ranks = delays(command, DramScope::kOtherRanks) != Delays{};
}

DramDevice::DramDevice(const DramConfig& config)
    : banks_(config.geometry.banks()),
      open_(config.geometry.banks()),
      groups_(config.geometry.ranks * config.geometry.bank_groups),
      ranks_(config.geometry.ranks),
      banks_per_rank_(config.geometry.banks_per_rank()),
      refi_(config.timing.refi),
      precharge_to_activate_(config.timing.rp),
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

void DramDevice::issue(DramCommand command, unsigned bank, uint64_t row, DramCycle now) {
  Bank& b = banks_[bank];
  MMUSIM_INVARIANT(now >= earliest(command, bank), "DRAM command before its time");
  if (command == DramCommand::kActivate) {
    MMUSIM_INVARIANT(!is_open(bank), "activate of an open bank");
    open_[bank] = 1;
    b.row = row;
    Rank& rank = ranks_[b.rank];
    rank.last_activates[rank.oldest_activate] = now;
    rank.oldest_activate = (rank.oldest_activate + 1) % 4;
    // The next activate is the fifth counted from what is now the oldest.
    const DramCycle fourth_last = rank.last_activates[rank.oldest_activate];
    if (fourth_last != kNever) {
      DramCycle& ready = rank.ready[index_of(DramCommand::kActivate)];
      ready = std::max(ready, fourth_last + tables_->four_activates);
    }
  } else {
    MMUSIM_INVARIANT(is_open(bank), "column command or precharge of a closed bank");
    if (command == DramCommand::kPrecharge) open_[bank] = 0;
  }
  const std::array<Node*, 3> nodes{&b, &groups_[b.group], &ranks_[b.rank]};  // by DramScope
  const HeldBack& held = tables_->held_back[index_of(command)];
  for (const HeldBack::Later& later : held.later) {
    DramCycle& ready = nodes[later.scope]->ready[later.command];
    ready = std::max(ready, now + later.cycles);
  }
  if (held.other_ranks) hold_back_other_ranks(command, b.rank, now);
}

void DramDevice::hold_back_other_ranks(DramCommand command, unsigned rank, DramCycle now) {
  for (unsigned r = 0; r < ranks_.size(); ++r) {
    if (r != rank) hold_back(ranks_[r], tables_->delays(command, DramScope::kOtherRanks), now);
  }
}

void DramDevice::auto_precharge(unsigned bank) {
  Bank& b = banks_[bank];
  open_[bank] = 0;
  const DramCycle closed = b.ready[index_of(DramCommand::kPrecharge)] + precharge_to_activate_;
  DramCycle& activate = b.ready[index_of(DramCommand::kActivate)];
  activate = std::max(activate, closed);
  DramCycle& refresh = ranks_[b.rank].ready[index_of(DramCommand::kRefresh)];
  refresh = std::max(refresh, closed);
}

void DramDevice::refresh(unsigned number, DramCycle due, DramCycle bus_free) {
  Rank& rank = ranks_[number];
  const unsigned first_bank = number * banks_per_rank_;
  DramCycle precharge = std::max(due, bus_free);
  bool any_open = false;
  for (unsigned i = first_bank; i < first_bank + banks_per_rank_; ++i) {
    if (!is_open(i)) continue;
    any_open = true;
    precharge = std::max(precharge, banks_[i].ready[index_of(DramCommand::kPrecharge)]);
  }
  if (any_open) {
    for (unsigned i = first_bank; i < first_bank + banks_per_rank_; ++i) {
      if (!is_open(i)) continue;
      open_[i] = 0;
      hold_back(banks_[i], tables_->delays(DramCommand::kPrecharge, DramScope::kBank), precharge);
      hold_back(groups_[banks_[i].group], tables_->delays(DramCommand::kPrecharge, DramScope::kBankGroup), precharge);
    }
    // All precharges come in one cycle: what they hold back in a rank is noted once.
    hold_back(rank, tables_->delays(DramCommand::kPrecharge, DramScope::kRank), precharge);
    hold_back_other_ranks(DramCommand::kPrecharge, number, precharge);
  }
  const DramCycle start = std::max({due, bus_free, rank.ready[index_of(DramCommand::kRefresh)]});
  hold_back(rank, tables_->delays(DramCommand::kRefresh, DramScope::kRank), start);
  rank.refresh_slots = {any_open ? precharge : start, start};
  last_refresh_slot_ = std::max(last_refresh_slot_, start);
  ++refreshes_;
}

void DramDevice::catch_up_refresh(DramCycle now, DramCycle bus_free) {
  for (unsigned r = 0; r < ranks_.size(); ++r) {
    Rank& rank = ranks_[r];
    if (rank.refresh_due > now) continue;
    refresh(r, rank.refresh_due, bus_free);
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
