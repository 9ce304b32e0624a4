// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include <boost/dynamic_bitset.hpp>

#include "models/base/set_array.h"
#include "models/base/types.h"

namespace mmusim {

/// Rule by which private caches share lines that one of them has written.
enum class CoherenceProtocol : uint8_t {
  kMesi,   ///< a modified line that another core reads is written to the cache below, and both share it (Intel)
  kMoesi,  ///< the core that modified it keeps owing it, and hands it to readers (AMD)
};

/// Cores of a machine, one bit each.
using CoreSet = boost::dynamic_bitset<uint64_t>;

/// What the private caches of all cores have of one line.
struct DirectoryLine {
  static constexpr unsigned kNobody = ~0u;
  enum class State : uint8_t {
    kShared,     ///< clean; has no owner
    kExclusive,  ///< clean, and the owner alone has it
    kModified,   ///< the owner alone has it, and wrote it
    kOwned,      ///< the owner wrote it and owes it to memory; others read it
  };

  CoreSet holders;           ///< the owner included
  unsigned owner = kNobody;  ///< may write it in kExclusive and kModified
  State state = State::kShared;
  CycleTime available;  ///< readers find it from then on
  CycleTime settled;    ///< all copies handed out have arrived by then

  /// Returns true if `core` may write the line as it is.
  bool writable(unsigned core) const {
    return owner == core && (state == State::kExclusive || state == State::kModified);
  }
  CoreSet others(unsigned core) const {
    CoreSet set = holders;
    set.reset(core);
    return set;
  }
};

/// Directory of the lines in private caches: MESI or MOESI as pure state, without time. At most one core owns a line.
///
/// Models   precise presence (cores say when they have given a line up); a limited number of entries, or as many as lines.
/// Sources  docs/parameters.md#coherence
class LineDirectory {
 public:
  /// `capacity`: entries and ways; 0 entries: without limit.
  LineDirectory(unsigned cores, CoherenceProtocol protocol, const Geometry& capacity);

  /// Returns what is known of a line, or nullptr if no core has it.
  DirectoryLine* find(PhysAddr line);
  /// Returns the entry of a line, which is there from now on; a reference lasts until the last core leaves the line.
  DirectoryLine& open(PhysAddr line);

  /// What a read means for other cores and for the cache below.
  struct Read {
    unsigned from = DirectoryLine::kNobody;  ///< owner that hands the line over
    bool demoted = false;                    ///< it may not write any more
    bool copied_below = false;               ///< the cache below gets a copy
    bool dirty_below = false;                ///< and it is newer than memory
  };
  /// Makes `core` a holder that may read.
  Read read(unsigned core, DirectoryLine& line);
  /// Makes `core` the only holder, which may write; returns the cores that lose the line.
  CoreSet write(unsigned core, DirectoryLine& line);

  /// What a core gives up with a line.
  struct Left {
    bool held = false;   ///< the line was its
    bool dirty = false;  ///< what it has is newer than memory
  };
  /// Takes a line from `core`, which has no copy any more. `dirty`: its last copy was.
  Left leave(unsigned core, PhysAddr line, bool dirty);

  /// Gives a line that cores hold its entry; returns the line whose entry had to go, if one had to.
  std::optional<PhysAddr> admit(PhysAddr line);
  /// Forgets a line, whoever has it.
  void forget(PhysAddr line);

 private:
  static uint64_t number(PhysAddr line) { return line.raw() >> kLineShift; }
  static uint64_t key_of(PhysAddr line) { return number(line) << 1 | 1; }

  const unsigned cores_;
  const CoherenceProtocol protocol_;
  std::unordered_map<uint64_t, DirectoryLine> lines_;
  std::optional<SetArray> entries_;  // where their number is limited
};

}  // namespace mmusim
