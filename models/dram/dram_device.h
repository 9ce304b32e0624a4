// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "models/base/errors.h"
#include "models/dram/dram_config.h"

namespace mmusim {

/// The DRAM chips of one channel: which row is open in each bank, and from which cycle on each command is allowed.
///
/// Models   the constraint rows of dram_constraints(); all-bank refresh of each rank every tREFI. Ranks take turns:
///          rank r is due at tREFI * (1 + r / ranks), and every tREFI from there.
/// Timing   earliest() is the first cycle in which all constraints allow the command; issue() before it is an internal
///          error. A refresh that falls due in cycle d stops all commands to the rank from d on: open banks are
///          precharged together as soon as tRAS, tRTP and tWR allow, tRP later comes REF, tRFC later the next ACT.
/// Omits    power-down, per-bank refresh, postponed refreshes, temperature.
class DramDevice {
 public:
  static constexpr DramCycle kNever = ~DramCycle{0};

  explicit DramDevice(const DramConfig& config);

  /// What a request for `row` of `bank` needs next; `column` is kRead or kWrite.
  DramCommand next_command(unsigned bank, uint64_t row, DramCommand column) const {
    const Bank& b = banks_[bank];
    if (!b.open) return DramCommand::kActivate;
    return b.row == row ? column : DramCommand::kPrecharge;
  }
  bool is_open(unsigned bank) const { return banks_[bank].open; }
  bool is_open_at(unsigned bank, uint64_t row) const { return banks_[bank].open && banks_[bank].row == row; }

  /// First cycle in which `command` may be sent to `bank`, whatever its row.
  DramCycle earliest(DramCommand command, unsigned bank) const {
    const Bank& b = banks_[bank];
    const unsigned i = index_of(command);
    return std::max({b.ready[i], groups_[b.group].ready[i], ranks_[b.rank].ready[i]});
  }

  /// Sends `command` (not kRefresh) to `bank` in cycle `now`; `row` matters for kActivate only.
  void issue(DramCommand command, unsigned bank, uint64_t row, DramCycle now);
  /// Lets the bank precharge itself as soon as it may (RDA, WRA): takes no command slot.
  void auto_precharge(unsigned bank);

  /// When the next refresh of any rank falls due; kNever without refresh.
  DramCycle next_refresh() const { return next_refresh_; }
  /// Performs, in order, all refreshes due in or before `now`. No command may have been sent at or after the first
  /// of them; the refresh's own commands come not before `bus_free`. Costs the same however many they are.
  void catch_up_refresh(DramCycle now, DramCycle bus_free);

  /// The first cycle from `t` on in which no refresh takes the command bus.
  DramCycle free_slot(DramCycle t) const {
    if (t > last_refresh_slot_) return t;
    return free_slot_slow(t);
  }

  uint64_t refreshes() const { return refreshes_; }

 private:
  using Delays = std::array<DramCycle, kDramCommands>;
  struct Node {
    Delays ready{};
  };
  struct Bank : Node {
    uint64_t row = 0;
    bool open = false;
    unsigned group = 0;
    unsigned rank = 0;
  };
  struct Rank : Node {
    std::array<DramCycle, 4> last_activates{kNever, kNever, kNever, kNever};
    unsigned oldest_activate = 0;
    DramCycle refresh_due = kNever;
    std::array<DramCycle, 2> refresh_slots{};  ///< command-bus cycles of its last precharge-all and REF
  };

  /// The delays of one command in one scope that are not 0: those of 0 follow from the command bus, which is taken in
  /// the cycle of the command. (A refresh sends its commands beside the bus: for it all count.)
  struct HeldBack {
    std::array<uint8_t, kDramCommands> command{};
    Delays cycles{};
    unsigned count = 0;
  };
  static void hold_back(Node& node, const HeldBack& held, DramCycle now) {
    for (unsigned i = 0; i < held.count; ++i) {
      DramCycle& ready = node.ready[held.command[i]];
      ready = std::max(ready, now + held.cycles[i]);
    }
  }
  static void hold_back(Node& node, const Delays& delays, DramCycle now) {
    for (unsigned i = 0; i < kDramCommands; ++i) node.ready[i] = std::max(node.ready[i], now + delays[i]);
  }
  template <class Table>
  void apply(const Table& by_scope, const Bank& bank, DramCycle now);
  void refresh(Rank& rank, unsigned first_bank, DramCycle due, DramCycle bus_free);
  void update_next_refresh();
  DramCycle free_slot_slow(DramCycle t) const;

  std::vector<Bank> banks_;
  std::vector<Node> groups_;
  std::vector<Rank> ranks_;
  unsigned banks_per_rank_;
  DramCycle refi_;
  DramCycle precharge_to_activate_;
  DramCycle four_activates_ = 0;  ///< tFAW
  /// delays_[command][scope][later command]: the constraint rows, and the same laid out for issue().
  std::array<std::array<Delays, kDramScopes>, kDramCommands> delays_{};
  std::array<std::array<HeldBack, kDramScopes>, kDramCommands> held_back_{};
  DramCycle next_refresh_ = kNever;
  DramCycle last_refresh_slot_ = 0;
  uint64_t refreshes_ = 0;
};

}  // namespace mmusim
