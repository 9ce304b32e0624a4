// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/base/errors.h"
#include "models/dram/dram_config.h"

namespace mmusim {

/// The DRAM chips of one channel: which row is open in each bank, and from which cycle on each command is allowed.
///
/// Models   the constraints of kDramConstraints; all-bank refresh of each rank every tREFI. Ranks take turns:
///          rank r is due at tREFI * (1 + r / ranks), and every tREFI from there.
/// Timing   earliest() is the first cycle in which all constraints allow the command; issue() before it is an internal
///          error. A refresh that falls due in cycle d stops all commands to the rank from d on: open banks are
///          precharged together as soon as tRAS, tRTP and tWR allow, tRP later comes REF, tRFC later the next ACT.
/// Omits    power-down, per-bank refresh, postponed refreshes, temperature.
class DramDevice {
 public:
  static constexpr DramCycle kNever = ~DramCycle{0};

  explicit DramDevice(const DramConfig& config);

  /// Returns the command that a request for `row` of `bank` needs next; `column` is kRead or kWrite.
  DramCommand next_command(unsigned bank, uint64_t row, DramCommand column) const {
    if (!is_open(bank)) return DramCommand::kActivate;
    return banks_[bank].row == row ? column : DramCommand::kPrecharge;
  }
  bool is_open(unsigned bank) const { return open_[bank] != 0; }
  bool is_open_at(unsigned bank, uint64_t row) const { return is_open(bank) && banks_[bank].row == row; }

  /// First cycle in which `command` may be sent to `bank`, whatever its row.
  DramCycle earliest(DramCommand command, unsigned bank) const {
    const Bank& b = banks_[bank];
    const unsigned i = index_of(command);
    return std::max({b.ready[i], groups_[b.group].ready[i], ranks_[b.rank].ready[i]});
  }

  /// The first cycle from `t` on in which no refresh takes the command bus.
  DramCycle free_slot(DramCycle t) const { return t > last_refresh_slot_ ? t : free_slot_slow(t); }
  /// Returns earliest() from `from` on, in a cycle where no refresh takes the command bus.
  DramCycle first_slot(DramCommand command, unsigned bank, DramCycle from) const {
    return free_slot(std::max(earliest(command, bank), from));
  }

  /// Sends a command (not kRefresh) to `bank` in cycle `now`; `row` matters for kActivate only.
  template <DramCommand kCommand>
  void issue(unsigned bank, uint64_t row, DramCycle now);
  /// Lets the bank precharge itself as soon as it may (RDA, WRA): takes no command slot.
  void auto_precharge(unsigned bank);

  /// When the next refresh of any rank falls due; kNever without refresh.
  DramCycle next_refresh() const { return next_refresh_; }
  /// Performs, in order, all refreshes due in or before `now`. No command may have been sent at or after the first
  /// of them; the refresh's own commands come not before `bus_free`. Costs the same however many they are.
  void catch_up_refresh(DramCycle now, DramCycle bus_free);

  uint64_t refreshes() const { return refreshes_; }

 private:
  using Delays = std::array<DramCycle, kDramCommands>;
  struct alignas(64) Node {
    Delays ready{};
  };
  struct Bank : Node {
    uint64_t row = 0;  ///< the open one
    unsigned group = 0;
    unsigned rank = 0;
  };
  struct Rank : Node {
    std::array<DramCycle, 4> last_activates{kNever, kNever, kNever, kNever};
    size_t oldest_activate = 0;
    DramCycle refresh_due = kNever;
    std::array<DramCycle, 2> refresh_slots{};  ///< command-bus cycles of its last precharge-all and REF
  };
  /// The constraints in cycles.
  struct Tables {
    explicit Tables(const DramTiming& timing);

    std::array<DramCycle, kDramConstraints.size()> cycles{};
    /// Cycles that a refresh takes from its rank: the precharge-all before it, and itself.
    Delays after_precharge{}, after_refresh{};
    DramCycle precharge_to_activate = 0;
    DramCycle four_activates = 0;  ///< tFAW
  };

  static void hold_back(DramCycle& ready, DramCycle until) { ready = std::max(ready, until); }
  static void hold_back(Node& node, const Delays& delays, DramCycle now) {
    for (unsigned i = 0; i < kDramCommands; ++i) hold_back(node.ready[i], now + delays[i]);
  }
  template <DramCommand kCommand, bool kOther, size_t kConstraint>
  void hold_back(Bank& bank, Rank& rank, DramCycle now);
  void count_activate(Rank& rank, DramCycle now) {
    rank.last_activates[rank.oldest_activate] = now;
    rank.oldest_activate = (rank.oldest_activate + 1) % rank.last_activates.size();
    // The next activate is the fifth counted from what is now the oldest.
    const DramCycle fourth_last = rank.last_activates[rank.oldest_activate];
    if (fourth_last == kNever) return;
    hold_back(rank.ready[index_of(DramCommand::kActivate)], fourth_last + tables_->four_activates);
  }
  void refresh(unsigned rank, DramCycle due, DramCycle bus_free);
  std::optional<DramCycle> precharge_all(unsigned rank, DramCycle from);
  void update_next_refresh();
  DramCycle free_slot_slow(DramCycle t) const;

  std::vector<Bank> banks_;
  std::vector<uint8_t> open_;  ///< by bank, 1: a row is open
  std::vector<Node> groups_;
  std::vector<Rank> ranks_;
  unsigned banks_per_rank_;
  DramCycle refi_;
  std::shared_ptr<const Tables> tables_;  ///< one for all channels
  DramCycle next_refresh_ = kNever;
  DramCycle last_refresh_slot_ = 0;
  uint64_t refreshes_ = 0;
};

/// Applies that constraint after a command, if it is about this one and about the ranks asked for. The fifth activate
/// of a rank has a rule of its own.
template <DramCommand kCommand, bool kOther, size_t kConstraint>
inline void DramDevice::hold_back(Bank& bank, Rank& rank, DramCycle now) {
  constexpr DramConstraint kRow = kDramConstraints[kConstraint];
  if constexpr (kRow.from == kCommand && kRow.window == 1 && (kRow.scope == DramScope::kOtherRanks) == kOther) {
    constexpr unsigned kTo = index_of(kRow.to);
    const DramCycle until = now + tables_->cycles[kConstraint];
    if constexpr (kRow.scope == DramScope::kBank) {
      hold_back(bank.ready[kTo], until);
    } else if constexpr (kRow.scope == DramScope::kBankGroup) {
      hold_back(groups_[bank.group].ready[kTo], until);
    } else {
      hold_back(rank.ready[kTo], until);
    }
  }
}

template <DramCommand kCommand>
inline void DramDevice::issue(unsigned bank, uint64_t row, DramCycle now) {
  static_assert(kCommand != DramCommand::kRefresh, "catch_up_refresh() refreshes");
  Bank& b = banks_[bank];
  Rank& rank = ranks_[b.rank];
  MMUSIM_INVARIANT(now >= earliest(kCommand, bank), "DRAM command before its time");
  MMUSIM_INVARIANT(is_open(bank) != (kCommand == DramCommand::kActivate),
                   "only closed banks are activated, only open ones read, written and precharged");
  if constexpr (kCommand == DramCommand::kActivate) {
    open_[bank] = 1;
    b.row = row;
    count_activate(rank, now);
  } else if constexpr (kCommand == DramCommand::kPrecharge) {
    open_[bank] = 0;
  }
  const auto note_all = [&]<bool kOther, size_t... kConstraint>(std::bool_constant<kOther>, Rank & of,
                                                                std::index_sequence<kConstraint...>) {
    (hold_back<kCommand, kOther, kConstraint>(b, of, now), ...);
  };
  constexpr auto kAll = std::make_index_sequence<kDramConstraints.size()>{};
  note_all(std::false_type{}, rank, kAll);
  constexpr bool kOtherRanksToo = std::ranges::any_of(kDramConstraints, [](const DramConstraint& rule) {
    return rule.from == kCommand && rule.scope == DramScope::kOtherRanks;
  });
  if constexpr (kOtherRanksToo) {
    for (Rank& other : ranks_) {
      if (&other != &rank) note_all(std::true_type{}, other, kAll);
    }
  }
}

}  // namespace mmusim
