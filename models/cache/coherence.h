// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/cache/cache.h"
#include "models/cache/line_directory.h"

namespace mmusim {

struct CoherenceConfig {
  CoherenceProtocol protocol = CoherenceProtocol::kMesi;
  Geometry directory;  ///< entries of the machine; 0: without limit
  size_t lines = 64;   ///< that private caches hold, about; for speed only
  /// Load to use of a line that `holder` has and `asker` gets, as a ping-pong of two cores measures it.
  std::function<Cycles(unsigned asker, unsigned holder)> transfer;
  /// Nothing reaches the private caches of a core sooner than so many cycles after another core asked for a line: the least
  /// transfer less a hit in the first level.
  Cycles least{1};
  bool look_always = false;  ///< before each access, though nothing can have come: slower, same results
};

struct CoherenceStats {
  uint64_t transfers = 0, upgrades = 0, invalidated = 0, demoted = 0, back_invalidated = 0;
  Cycles waited{};

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("transfers", transfers, "lines that came from the private caches of another core");
    v("upgrades", upgrades, "stores that hit a line which other cores might have, and asked for it alone");
    v("invalidated", invalidated, "lines that left the private caches because another core stored to them");
    v("demoted", demoted, "modified lines that may only be read any more, because another core read them");
    v("back_invalidated", back_invalidated, "lines that left because the directory or the last cache had no room");
    v("waited_for_line_cycles", waited, "cycles requests waited for one of another core for the same line");
  }
};

class CoherenceAgent;

/// Home of all lines: the directory beside the last cache, and the way from there to the cores.
class CoherenceHome : public BackInvalidateIf {
 public:
  CoherenceHome(const CoherenceConfig& config, Cache& l3);

  /// Invalidates a line in all private caches, because an inclusive last cache or the directory has no room for it. Returns
  /// true if one of them had modified it. A line for which a request is under way stays.
  bool back_invalidate(PhysAddr line, LocalClock& clock) override;

  const CoherenceConfig& config() const { return config_; }

 private:
  friend class CoherenceAgent;
  DirectoryLine& lock(PhysAddr line, LocalClock& clock, const char* module);
  void unlock(PhysAddr line, DirectoryLine& entry, const LocalClock& clock);
  void admit(PhysAddr line, LocalClock& clock);

  const CoherenceConfig config_;
  Cache& l3_;
  LineDirectory directory_;
  std::unordered_map<uint64_t, Signal> unlocked_;  // lines that requests wait for
  std::vector<CoherenceAgent*> agents_;            // by core
};

/// The private caches of one core as the directory sees them: between its second level and the last cache.
///
/// Models   MESI or MOESI for the lines of L1D, L1I and L2. Page walkers read through L1D, and set flags by stores, so they
///          are coherent as any access. A line is writable in L1D if it is dirty there; a store to another line asks here.
/// Timing   a line that another core has arrives transfer() cycles after the request entered the first level; if an earlier
///          request is still under way, so many cycles after that one's line has arrived. The core that had it may use it
///          until then, so that no two cores own it at any time. A store to a line that others have takes the transfer from
///          the farthest. A line that only the cache below has costs what that says. Requests for one line follow each other;
///          those of readers overlap once the line is shared.
/// Ahead    what others take away is noted with the cycle in which it takes effect. settle() carries it out. A core that
///          has synchronised in cycle t knows all that takes effect before t + least, so hits up to there need no look.
/// Omits    time that writing back and answering probes takes from the caches of the core that has the line.
/// Sources  docs/parameters.md#coherence
class CoherenceAgent : public MemoryIf {
 public:
  /// `name` is the core's. Cores are made in the order of their numbers.
  CoherenceAgent(const std::string& name, unsigned core, CoherenceHome& home);

  /// Sets the private caches. `l1i`: nullptr, if fetches go through `l1d`.
  void attach(Cache& l1d, Cache* l1i, Cache& l2);
  /// Returns what the first-level caches take for the level below them.
  MemoryIf& second_level() { return second_level_; }

  HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) override;
  void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override;
  HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override {
    return home_.l3_.access_uncached(line, reason, clock);
  }

  /// Asks for a line that is to be written, and waits until it may be: not at all if the core owns it. A line that is taken
  /// away again leaves later than that. The line may have left L1D meanwhile.
  void own(PhysAddr line, LocalClock& clock);
  /// Returns true if the directory knows the core as a holder: what arrives may be kept.
  bool holds(PhysAddr line) const;

  /// Returns true if something may have taken effect at `now` that is not known.
  bool due(CycleTime now) const { return now >= check_at_; }
  /// Lets the simulation reach the core's time, and carries out what has taken effect.
  void catch_up(LocalClock& clock) {
    clock.sync();
    settle(clock.now());
  }
  /// Carries out what takes effect up to `now`, a cycle in which a requester of this core has synchronised.
  void settle(CycleTime now);

  const CoherenceStats& stats() const { return stats_; }
  /// Stops if a line of the private caches is not what the directory says, pending changes included: a line is dirty in the
  /// first level of its owner only. For a machine that stands still.
  void check() const;

 private:
  friend class CoherenceHome;
  enum class Change : uint8_t { kInvalidate, kDemote, kBackInvalidate };
  struct Probe {
    CycleTime at;
    PhysAddr line;
    Change change;
  };
  /// The second level, for the first: what leaves the first level may leave the core.
  class SecondLevel : public MemoryIf {
   public:
    explicit SecondLevel(CoherenceAgent& agent) : agent_(agent) {}
    HitLevel read_line(PhysAddr line, RequestReason reason, LocalClock& clock) override;
    void evict_line(PhysAddr line, Eviction eviction, LocalClock& clock) override;
    HitLevel access_uncached(PhysAddr line, RequestReason reason, LocalClock& clock) override;

   private:
    CoherenceAgent& agent_;
  };

  void post(const Probe& probe);
  void carry_out(const Probe& probe);
  void take_pending(PhysAddr line, bool carry_out);
  bool in_first_level(PhysAddr line) const;
  Cycles farthest(const CoreSet& holders) const;
  Cycles nearest(const CoreSet& holders) const;
  CycleTime take_over(PhysAddr line, DirectoryLine& held, CycleTime arrival);
  HitLevel read_from_owner(PhysAddr line, DirectoryLine& held, CycleTime asked, LocalClock& clock);
  HitLevel read_shared(PhysAddr line, DirectoryLine& held, CycleTime asked, RequestReason reason, LocalClock& clock);
  HitLevel read_below(PhysAddr line, DirectoryLine& held, RequestReason reason, LocalClock& clock);

  const std::string name_;
  const unsigned core_;
  CoherenceHome& home_;
  SecondLevel second_level_;
  Cache* l2_ = nullptr;
  std::vector<CacheArray*> first_level_;  // L1D first
  std::vector<CacheArray*> all_;
  Cycles l1_latency_, l2_latency_;
  const DirectoryLine* asked_ = nullptr;  // the entry of the line that the core asked for last
  std::vector<Probe> pending_;            // earliest first
  CycleTime check_at_{0};
  CycleTime settled_{0};
  CoherenceStats stats_;
};

}  // namespace mmusim
