// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <systemc>

#include "models/fabric/ports.h"
#include "models/tlb/tlb_level.h"

namespace mmusim {

struct SecondLevelTlbConfig {
  TlbConfig data;                        ///< data, and instructions too unless `instruction` is there
  std::optional<TlbConfig> instruction;  ///< a second-level ITLB of its own (AMD)
};

struct SecondLevelTlbStats {
  uint64_t lookups = 0, hits = 0, misses = 0;
  uint64_t instruction_lookups = 0, instruction_misses = 0;
  uint64_t hits_4k = 0, hits_2m_4m = 0, hits_1g = 0, hits_coalesced = 0;
  uint64_t upgrades = 0, prefetched = 0;

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("lookups", lookups, "data translations the first level did not have");
    v("hits", hits, "of these, found here");
    v("misses", misses, "of these, not found: a walk is needed");
    v("hits_4k", hits_4k, "hits on 4 KiB entries");
    v("hits_2m_4m", hits_2m_4m, "hits on 2 MiB or 4 MiB entries");
    v("hits_1g", hits_1g, "hits on 1 GiB entries");
    v("hits_coalesced", hits_coalesced, "hits on entries of four coalesced 4 KiB pages");
    v("upgrades", upgrades, "entries that were there but clean or too restrictive, walked again");
    v("prefetched", prefetched, "translations of the next page brought in with a walk");
    v("instruction_lookups", instruction_lookups, "the same for instruction fetches");
    v("instruction_misses", instruction_misses, "of these, not found");
  }
};

/// The state of the second level: one unified TLB, or one for data and one for instructions.
class SecondLevelState {
 public:
  explicit SecondLevelState(const SecondLevelTlbConfig& config);

  TlbLevel& level(AccessKind kind) { return kind == AccessKind::kFetch && instruction_ ? *instruction_ : data_; }
  TlbLevel& data() { return data_; }
  unsigned invalidate(const Invalidation& operation);
  SecondLevelTlbStats& stats() { return stats_; }
  const SecondLevelTlbStats& stats() const { return stats_; }

  /// Looks up a translation that the first level could not give, and counts. What is there but useless for the access
  /// (clean and written, or forbidden) does not count as a hit and is left to the walk to replace.
  std::optional<TlbLevel::Hit> lookup(const TranslateRequest& request, const ControlState& control);
  /// Keeps what a walk found, the next page's translation included if the walk brought it.
  void fill(const TranslateRequest& request, const ControlState& control, const WalkOutcome& outcome);

 private:
  TlbLevel data_;
  std::optional<TlbLevel> instruction_;
  SecondLevelTlbStats stats_;
};

/// Second-level TLB of one core.
///
/// Models   lookup, fill after a walk, spreading over banks, coalesced and smashed entries (tlb_level.h).
/// Timing   asked in cycle t, it answers a hit at t + hit_penalty; a miss goes to the walkers at t + hit_penalty. The
///          fill happens in the cycle in which the walk ends. A request whose page another walk brought in meanwhile
///          is answered in the cycle in which that walk ends.
/// Omits    port conflicts.
/// Sources  docs/parameters.md#second-level-tlb
class SecondLevelTlb : public sc_core::sc_module, public TranslateIf {
 public:
  sc_core::sc_port<WalkerIf> walker{"walker"};

  SecondLevelTlb(const sc_core::sc_module_name& name, const SecondLevelTlbConfig& config, CoreContext& context);

  TranslateReply translate(const TranslateRequest& request, LocalClock& clock, StageCycles& stage) override;

  SecondLevelState& state() { return state_; }

 private:
  CoreContext* context_;
  SecondLevelState state_;
};

}  // namespace mmusim
