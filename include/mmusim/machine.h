// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmusim/events.h"
#include "mmusim/platform.h"

namespace mmusim {
inline namespace v0 {

enum class Kind : uint8_t { kRead, kWrite, kFetch };

/// One access of a program.
struct Access {
  uint64_t va = 0;     ///< first byte; canonical
  unsigned bytes = 8;  ///< 1 to 65,535; may cross a page boundary
  Kind kind = Kind::kRead;
  bool user = false;        ///< made at CPL 3; else a supervisor access
  unsigned gap = 0;         ///< instructions without memory access before this one, up to 65,535
  unsigned depends_on = 0;  ///< the address needs the result of the access that many places earlier; 0: of none
};

/// Outcome of one access.
struct AccessResult {
  std::optional<uint64_t> pa;  ///< of the first byte; missing if the access raised an exception
  std::string fault;           ///< which exception and why; empty if there was none
};

/// Rights of a page, beside reading.
struct Rights {
  bool write = true;
  bool user = false;
  bool execute = true;
};

/// The sums that every summary of mmusim states. Cycles are 0 on a functional machine.
struct Totals {
  uint64_t accesses = 0;        ///< data accesses
  uint64_t lookups = 0;         ///< of the first-level data TLB
  uint64_t l1_dtlb_misses = 0;  ///< of these, those that missed
  uint64_t stlb_misses = 0;     ///< of these, those that missed the second-level TLB as well
  uint64_t walks = 0;           ///< page walks, faults included
  uint64_t entry_reads = 0;     ///< paging-structure entries that walks read
  uint64_t cycles = 0;          ///< elapsed core cycles
};

/// One counter of one part of the machine.
struct Counter {
  std::string path;  ///< "core0.stlb.misses"
  uint64_t value = 0;
  std::string meaning;
};

/// A simulated machine with page tables in its own simulated memory.
///
/// The cycle model simulates time in SystemC; SystemC has one simulation for each process and takes no new parts once it
/// has run, so all machines of that model have to be made before the first of them runs. The functional model counts the
/// same hits, misses and walks without time, and any number can be made at any time.
class Machine {
 public:
  enum class Model : uint8_t { kCycle, kFunctional };

  explicit Machine(const Platform& platform, Model model = Model::kCycle);
  ~Machine();
  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;

  /// Maps the page of `bytes` (4096, 2 MiB or 1 GiB) at `va` to `pa`, both aligned to it: writes the entries, and the
  /// tables above it where they are missing. Tables come from the end of the platform's memory downwards. Cached
  /// translations stay as they are: see invalidate_page(). Throws std::runtime_error for addresses that do not fit.
  void map(uint64_t va, uint64_t pa, uint64_t bytes = 4096, Rights rights = {});
  /// Loads CR3 of all cores with the root of tables that are in memory already, in place of those that map() makes.
  void set_root(uint64_t root_pa);

  /// Reads and writes simulated memory. Takes no simulated time.
  void read_memory(uint64_t pa, std::span<std::byte> bytes) const;
  void write_memory(uint64_t pa, std::span<const std::byte> bytes);

  /// Runs accesses in program order on a core and waits until they are done. Exceptions are counted.
  void run(std::span<const Access> accesses, unsigned core = 0);
  /// Runs one access and returns how it ended.
  AccessResult run_one(const Access& access, unsigned core = 0);
  /// INVLPG on all cores.
  void invalidate_page(uint64_t va);
  /// Removes every translation from all cores, global ones too.
  void invalidate_all();

  /// Names what hears of walks, and of accesses if `accesses`; nullptr: nothing does. The cycle model only. `observer`
  /// outlives the machine or the next call.
  void observe(EventObserver* observer, bool accesses = false);

  Totals totals() const;
  /// Returns every counter of every part, in the order of the parts.
  std::vector<Counter> counters() const;
  /// Returns how many accesses raised an exception.
  uint64_t faults() const;
  const Platform& platform() const;

  struct Parts;
  Parts& parts() { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace v0
}  // namespace mmusim
