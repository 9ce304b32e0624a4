// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/base/access.h"
#include "models/base/dram_command.h"
#include "models/base/records.h"
#include "models/x86/control.h"
#include "models/x86/fault.h"
#include "models/x86/invalidation.h"
#include "models/x86/translation.h"

namespace mmusim {

/// Kinds of notices that an observer can ask for. Observer::mask() is a union of them.
enum Notices : uint32_t {
  kAccessNotices = 1,        ///< access()
  kWalkNotices = 2,          ///< walk()
  kTranslationNotices = 4,   ///< translated()
  kProgramNotices = 8,       ///< begin_accesses(), drained(), invalidated(), control_written()
  kInterruptNotices = 16,    ///< interrupt()
  kDramCommandNotices = 32,  ///< dram_command(), dram_queues()
};

/// A translation that a core used for one page of an access.
struct UsedTranslation {
  unsigned core = 0;
  const ControlState& control;
  VirtAddr va;
  AccessType type;
  PhysAddr pa;                               ///< of `va`; means nothing with a fault
  const Translation* translation = nullptr;  ///< nullptr: a hit of the fast path, which knows `pa` only
  std::optional<FaultReason> fault;
  uint64_t access = 0;  ///< number of the access on its core
  CycleTime now;
};

/// An inter-processor interrupt that a core takes.
struct InterruptRecord {
  unsigned core = 0;    ///< the core that takes it
  unsigned sender = 0;  ///< the core that sent it
  uint8_t vector = 0;
  CycleTime sent;
  CycleTime taken;  ///< the first cycle of the handler
};

/// A command of a DRAM controller. Refreshes are not reported.
struct DramCommandRecord {
  unsigned channel = 0;
  DramCommand command = DramCommand::kActivate;
  unsigned bank = 0;  ///< of the channel, ranks and groups included
  uint64_t row = 0;   ///< kActivate only
  DramCycle at = 0;
};

/// Interface for whatever listens to a machine: logs, drawings, checkers, recorders. An observer changes no result.
///
/// Each core delivers its records in retirement order, and what its program does in program order; each DRAM channel
/// delivers its commands in the order of their cycles.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Returns the Notices that this observer wants; others are not delivered. Read when the observer is added to an
  /// ObserverList.
  virtual uint32_t mask() const = 0;

  /// An access retired.
  virtual void access(const AccessRecord&) {}
  /// A page walk ended.
  virtual void walk(const WalkRecord&) {}
  /// A core used a translation.
  virtual void translated(const UsedTranslation&) {}

  // Actions that a program makes its core do, each before it is done. The same calls on a fresh machine with the same
  // memory give the same run.

  /// Accesses begin; `awaited` is set in those whose result the program waits for.
  virtual void begin_accesses(unsigned /*core*/, std::span<const MemAccess>) {}
  /// The core waits until everything under way is done.
  virtual void drained(unsigned /*core*/) {}
  /// An invalidation that is no part of a write to a control register. `timed`: it takes its time.
  virtual void invalidated(unsigned /*core*/, const Invalidation&, bool /*timed*/) {}
  /// Control register `number` becomes `value`; 3: a MOV, with what it removes; 4: set without removing anything.
  virtual void control_written(unsigned /*core*/, unsigned /*number*/, uint64_t /*value*/, bool /*timed*/) {}

  /// A core takes an interrupt.
  virtual void interrupt(const InterruptRecord&) {}

  /// A DRAM controller sends a command.
  virtual void dram_command(const DramCommandRecord&) {}
  /// So many reads and writes are queued in a channel from cycle `at` on.
  virtual void dram_queues(unsigned /*channel*/, size_t /*reads*/, size_t /*writes*/, DramCycle /*at*/) {}
};

/// The observers of one machine: the only place where a notice is passed on to several. Modules ask wants() before they
/// make a record, so that a notice that nobody asked for costs one test.
class ObserverList {
 public:
  /// Adds an observer, which stays where it is until it is removed or the list is no longer used. Call only while no
  /// program runs.
  void add(Observer& observer) {
    entries_.push_back({&observer, observer.mask()});
    mask_ |= entries_.back().mask;
  }
  /// Removes an observer; does nothing if it is not in the list.
  void remove(const Observer& observer) {
    std::erase_if(entries_, [&](const Entry& e) { return e.observer == &observer; });
    mask_ = 0;
    for (const Entry& e : entries_) mask_ |= e.mask;
  }

  /// Returns true if an observer asked for one of these kinds of notices.
  bool wants(uint32_t notices) const { return (mask_ & notices) != 0; }

  void access(const AccessRecord& record) const {
    tell(kAccessNotices, [&](Observer& o) { o.access(record); });
  }
  void walk(const WalkRecord& record) const {
    tell(kWalkNotices, [&](Observer& o) { o.walk(record); });
  }
  void translated(const UsedTranslation& used) const {
    tell(kTranslationNotices, [&](Observer& o) { o.translated(used); });
  }
  void begin_accesses(unsigned core, std::span<const MemAccess> accesses) const {
    tell(kProgramNotices, [&](Observer& o) { o.begin_accesses(core, accesses); });
  }
  void drained(unsigned core) const {
    tell(kProgramNotices, [&](Observer& o) { o.drained(core); });
  }
  void invalidated(unsigned core, const Invalidation& operation, bool timed) const {
    tell(kProgramNotices, [&](Observer& o) { o.invalidated(core, operation, timed); });
  }
  void control_written(unsigned core, unsigned number, uint64_t value, bool timed) const {
    tell(kProgramNotices, [&](Observer& o) { o.control_written(core, number, value, timed); });
  }
  void interrupt(const InterruptRecord& record) const {
    tell(kInterruptNotices, [&](Observer& o) { o.interrupt(record); });
  }
  void dram_command(const DramCommandRecord& record) const {
    tell(kDramCommandNotices, [&](Observer& o) { o.dram_command(record); });
  }
  void dram_queues(unsigned channel, size_t reads, size_t writes, DramCycle at) const {
    tell(kDramCommandNotices, [&](Observer& o) { o.dram_queues(channel, reads, writes, at); });
  }

 private:
  struct Entry {
    Observer* observer;
    uint32_t mask;
  };
  template <class Call>
  void tell(uint32_t notices, const Call& call) const {
    for (const Entry& e : entries_) {
      if ((e.mask & notices) != 0) call(*e.observer);
    }
  }

  std::vector<Entry> entries_;
  uint32_t mask_ = 0;
};

}  // namespace mmusim
