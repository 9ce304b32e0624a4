// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <boost/intrusive/unordered_set.hpp>

#include "models/base/set_array.h"
#include "models/base/types.h"
#include "models/cache/core_set.h"

namespace mmusim {

/// Rule by which private caches share lines that one of them has written.
enum class CoherenceProtocol : uint8_t {
  kMesi,   ///< a modified line that another core reads is written to the cache below, and both share it (Intel)
  kMoesi,  ///< the core that modified it keeps owing it, and hands it to readers (AMD)
};

/// What the private caches of all cores have of one line. perf: fits into a cache line of the host.
struct alignas(64) DirectoryLine : boost::intrusive::unordered_set_base_hook<> {
  static constexpr unsigned kNobody = ~0u;
  enum class State : uint8_t {
    kShared,     ///< clean; has no owner
    kExclusive,  ///< clean, and the owner alone has it
    kModified,   ///< the owner alone has it, and wrote it
    kOwned,      ///< the owner wrote it and owes it to memory; others read it
  };

  uint64_t number = 0;       ///< of the line
  CoreSet holders;           ///< the owner included
  unsigned owner = kNobody;  ///< may write it in kExclusive and kModified
  State state = State::kShared;
  bool locked = false;  ///< a request for it is under way: the entry stays, whoever gives the line up
  CycleTime available;  ///< readers find it from then on
  CycleTime settled;    ///< all copies handed out have arrived by then

  /// Returns true if this is the entry of `line`, or was before it came free.
  bool is_of(PhysAddr line) const { return number == line.raw() >> kLineShift; }
  /// Returns true if `core` may write the line as it is.
  bool writable(unsigned core) const {
    return owner == core && (state == State::kExclusive || state == State::kModified);
  }
  /// Makes it one that nobody holds; a lock stays.
  void reset() {
    holders.clear();
    owner = kNobody;
    state = State::kShared;
    available = settled = {};
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
  /// `capacity`: entries and ways; 0 entries: without limit. `lines`: how many lines the private caches hold about, which
  /// matters for speed only.
  LineDirectory(CoherenceProtocol protocol, const Geometry& capacity, size_t lines = 64);
  ~LineDirectory() { lines_.clear(); }
  LineDirectory(const LineDirectory&) = delete;
  LineDirectory& operator=(const LineDirectory&) = delete;

  /// Returns what is known of a line, or nullptr if no core has it.
  DirectoryLine* find(PhysAddr line);
  /// Returns the entry of a line, which is there from now on; a reference lasts until the last core leaves the
  /// line and it is not locked.
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
  /// Forgets the line of an entry, whoever has it.
  void forget(DirectoryLine& entry);
  /// Says that no request for the line is under way any more.
  void unlock(DirectoryLine& entry);

 private:
  static uint64_t number(PhysAddr line) { return line.raw() >> kLineShift; }
  static uint64_t key_of(uint64_t number) { return number << 1 | 1; }

  struct NumberOf {
    using type = uint64_t;
    uint64_t operator()(const DirectoryLine& line) const { return line.number; }
  };
  /// Mixes all bits into the lower ones, which choose the bucket: lines of aligned tables differ in the upper ones.
  struct Hash {
    size_t operator()(uint64_t number) const { return number * 0x9e37'79b9'7f4a'7c15 >> 24; }
  };
  using Lines = boost::intrusive::unordered_set<DirectoryLine, boost::intrusive::key_of_value<NumberOf>,
                                                boost::intrusive::hash<Hash>, boost::intrusive::power_2_buckets<true>,
                                                boost::intrusive::constant_time_size<false>>;

  void remove(DirectoryLine& entry);

  const CoherenceProtocol protocol_;
  std::deque<DirectoryLine> entries_made_;  // used and free
  std::vector<DirectoryLine*> free_;
  std::vector<Lines::bucket_type> buckets_;
  Lines lines_;
  std::optional<SetArray> entries_;  // where their number is limited
};

}  // namespace mmusim
