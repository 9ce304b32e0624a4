// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/fabric/observer.h"
#include "sim/events/events.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

/// Groups of signals; values are bits.
enum class SignalGroup : unsigned { kPhase = 1, kWalkers = 2, kMisses = 4, kDramQueues = 8, kDramBanks = 16 };

/// Groups of signals that are wanted.
class SignalSelection {
 public:
  bool has(SignalGroup g) const { return (bits_ & static_cast<unsigned>(g)) != 0; }
  /// A comma list of phase, walkers, misses, dram-queues, dram-banks, all. Throws InputError naming the word it does
  /// not know.
  static SignalSelection parse(std::string_view text);

 private:
  unsigned bits_ = 0;
};

struct SignalTraceConfig {
  SignalSelection signals;
  uint64_t period_ps = 1;            ///< of a core cycle
  CycleTime begin{0};                ///< nothing earlier
  CycleTime end{~uint64_t{0}};       ///< nothing at or after this cycle
  uint64_t max_changes = 2'000'000;  ///< of signals; what comes after them is left out, and the file says so
};

/// Value change dump (IEEE 1364-2001, chapter 18) of chosen signals, for GTKWave and its like.
///
/// Scopes   `scenario`: phase. `coreN`: walkers_busy, walks_waiting; misses_in_flight (accesses under way whose line
///          was not in the L1). `dram.channelN`: reads_queued, writes_queued; bankN_row (the row last
///          opened; z: precharged since. Refreshes are not told).
/// Time     in picoseconds. What records tell when it is over (walks, misses) is put in its place in time, so changes
///          are kept in memory, 24 bytes each, until close().
class SignalTrace final : public Observer {
 public:
  SignalTrace(const std::string& path, const SignalTraceConfig& config);

  bool wants(SignalGroup group) const { return config_.signals.has(group); }

  uint32_t mask() const override;
  void walk(const WalkRecord& walk) override;
  void access(const AccessRecord& access) override;
  void phase(const PhaseEvent& event);
  /// The row of a bank from `ps` on; kClosed: none.
  static constexpr uint64_t kClosed = ~uint64_t{0};
  void dram_row(unsigned channel, unsigned bank, uint64_t row, uint64_t ps);
  void dram_queue_lengths(unsigned channel, size_t reads, size_t writes, uint64_t ps);

  /// Writes all changes in order of time and makes the file appear. `end` is where the run ended.
  void close(CycleTime end);
  /// Returns what the file does not hold because it is full, one sentence each.
  std::vector<std::string> losses() const;

 private:
  struct Signal {
    std::string scope;
    std::string name;
    unsigned bits;  ///< 0: text
  };
  struct Change {
    uint64_t ps;
    uint32_t signal;
    bool relative;  ///< `value` is added to what the signal has
    uint64_t value;
  };

  uint32_t signal(const std::string& scope, const std::string& name, unsigned bits);
  void change(uint32_t signal, uint64_t ps, uint64_t value, bool relative);
  /// `signal` is one higher in [begin, end).
  void count(uint32_t signal, CycleTime begin, CycleTime end);
  uint64_t ps(CycleTime t) const { return t.count * config_.period_ps; }
  bool in_window(uint64_t ps) const {
    return ps >= config_.begin.count * config_.period_ps && ps / config_.period_ps < config_.end.count;
  }
  void write_header();
  void write_value(uint32_t signal, uint64_t value);
  static std::string code_of(uint32_t signal);

  SignalTraceConfig config_;
  AtomicFile file_;
  std::vector<Signal> signals_;
  std::map<std::string, uint32_t> by_name_;
  std::vector<std::string> phases_;
  std::vector<Change> changes_;
  uint64_t left_out_ = 0;
};

}  // namespace mmusim
