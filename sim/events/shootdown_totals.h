// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "mm/observer.h"
#include "models/base/histogram.h"
#include "models/base/stats.h"

namespace mmusim {

/// Messages and instructions that flushes on several CPUs took. Filled by KernelRecorder.
struct ShootdownTotals {
  uint64_t flush_rounds_full = 0;
  uint64_t flush_rounds_range = 0;
  uint64_t flush_rounds_user = 0;
  uint64_t ipis_sent = 0;
  uint64_t ipis_received = 0;
  uint64_t icr_writes = 0;
  uint64_t invlpg = 0;
  uint64_t invpcid = 0;
  uint64_t cr4_flush = 0;
  uint64_t invlpgb = 0;
  uint64_t tlbsync = 0;
  uint64_t interrupt_cycles = 0;
  Histogram wait_cycles;  ///< of each round, from the interrupts until the last acknowledgement was read
  unsigned cpus = 1;      ///< the most that took part in a round

  uint64_t rounds() const { return flush_rounds_full + flush_rounds_range + flush_rounds_user; }

  /// One CPU has done its part of a round.
  void add(const mm::FlushEvent& e) {
    cpus = std::max(cpus, e.cpu + 1);
    if (e.round != 0 && e.cpu == e.initiator) {
      ++(e.user ? flush_rounds_user : e.scope == mm::FlushScope::kAll ? flush_rounds_full : flush_rounds_range);
    }
    invlpg += e.invlpg;
    invpcid += e.invpcid;
    cr4_flush += e.cr4;
    invlpgb += e.invlpgb;
    tlbsync += e.tlbsync;
  }
  void add(const mm::CallInterrupts& e) {
    icr_writes += e.icr_writes;
    ipis_sent += e.targets.size();
  }
  void merge(const ShootdownTotals& other) {
    const unsigned most = std::max(cpus, other.cpus);
    *this = sum(*this, other);
    cpus = most;
  }

  template <class Visitor>
  void describe(Visitor&& v) const {
    v("flush_rounds_full", flush_rounds_full, "times that all CPUs flushed everything");
    v("flush_rounds_range", flush_rounds_range, "times that all CPUs flushed a range page by page");
    v("flush_rounds_user", flush_rounds_user, "times that CPUs flushed memory of a process");
    v("ipis_sent", ipis_sent, "interrupts to other CPUs for it");
    v("ipis_received", ipis_received, "of these, handled");
    v("icr_writes", icr_writes, "writes of the interrupt command register that sent them");
    v("invlpg", invlpg, "INVLPGs, on all CPUs");
    v("invpcid", invpcid, "INVPCIDs, on all CPUs");
    v("cr4_flush", cr4_flush, "CR4 writes that flush, two for each full flush without INVPCID");
    v("invlpgb", invlpgb, "broadcast invalidations");
    v("interrupt_cycles", interrupt_cycles, "cycles that these interrupts took from the programs of other cores");
    v("shootdown_wait_cycles", wait_cycles, "time from the interrupts until all was acknowledged, round by round");
    v("tlbsync", tlbsync, "waits for broadcast invalidations");
  }
};

}  // namespace mmusim
