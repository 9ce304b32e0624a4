// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/measure/event_counters.h"
#include "sim/measure/host_clock.h"
#include "sim/measure/host_mapping.h"
#include "sim/measure/subject.h"

namespace mmusim {

struct HostSubjectOptions {
  double seconds = 60;                ///< after that no further chase is begun
  uint64_t memory = 0;                ///< bytes that all probes together may take
  bool huge_pages = true;             ///< false: as if the system had none
  bool gigabyte_pages = true;         ///< false: as if there were none
  EventCounters* counters = nullptr;  ///< of events of chases of loads; nullptr: none
};

/// The machine in front of us. Needs no privileges, takes one processor, leaves nothing behind.
///
/// Each chase is built, run until the structures hold what they can, and then timed several times; the clock of the core is
/// found beside each repetition, so that turbo and frequency scaling do not count. A repetition during which the clock
/// changed or the processor was given to another program is made again. Whatever disturbs makes a chase slower, never
/// faster: a sample is the quieter half of the repetitions, and of several samples of a chase the least.
class HostSubject final : public Subject {
 public:
  explicit HostSubject(const HostSubjectOptions& options);
  ~HostSubject() override;

  std::optional<Sample> measure(const Chase& chase) override;
  uint64_t most_steps(ChaseKind kind, PageSize pages) const override;
  double foreign_share() const override { return 0.15; }
  unsigned passes() const override { return noise() > 0.01 ? 4 : 2; }
  bool predicts_fetches() const override { return true; }
  /// Returns true when the time is up or the user has interrupted.
  bool stopped() const override;

  double core_mhz() const;
  /// Sentences on what this machine could not give: huge pages, memory, quiet.
  std::vector<std::string> remarks() const;
  /// Returns the median, over all chases, of the distance between the quartiles in relation to the median.
  double noise() const;
  /// Share of the elapsed time in which the hypervisor ran others ("steal", /proc/stat), and how often other programs took
  /// the processor.
  double stolen_share() const;
  uint64_t interruptions() const;

 private:
  /// Something to time.
  struct Timed {
    std::function<void(uint64_t steps)>
        run;                       ///< goes on where it was; at least so many steps that whole pieces are made
    uint64_t round = 0;            ///< steps of a round
    uint64_t piece = 1;            ///< steps come in multiples of it
    std::function<void()> before;  ///< before each repetition; may be empty
    bool counted = true;           ///< events of loads mean something
  };

  std::optional<Timed> pointer_chase(const Chase& chase);
  std::optional<Timed> lane_chase(const Chase& chase);
  std::optional<Timed> jump_chase(const Chase& chase);
  HostMapping* region(const Chase& chase);
  HostMapping& zeros(const Chase& chase);
  /// One timed run of a chase.
  struct Repetition {
    double cycles = 0;  ///< of a step
    Events events;
  };
  Repetition repetition(const Timed& timed, uint64_t steps) const;
  static Sample sample_of_quieter(std::vector<Repetition> repetitions);
  Sample repeat(const Timed& timed, bool cold);

  HostSubjectOptions options_;
  std::chrono::steady_clock::time_point begin_;
  double tsc_hz_ = 0;
  uint64_t huge_ = 0;       ///< bytes of 2 MiB pages there are
  uint64_t gigabytes_ = 0;  ///< pages of 1 GiB there are
  HostMapping lines_, small_, strided_, zero_, giga_, code_, code_lines_;
  HostMapping far_;         ///< mapped when a chase over GiB first needs it
  bool touched_ = false;    ///< small_ has its frames
  bool executable_ = true;  ///< code may be made
  mutable std::vector<double> clocks_;
  std::vector<double> spreads_;
  std::map<std::string, Sample> least_;  ///< of each chase
  uint64_t stolen_before_ = 0, switches_before_ = 0;
  std::vector<uint64_t> processors_before_;  ///< affinity, to be restored
};

}  // namespace mmusim
