// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <functional>
#include <span>
#include <tlm>
#include <vector>

#include "models/base/phys_mem.h"
#include "models/x86/structure_store.h"
#include "models/x86/walk.h"

namespace mmusim {

/// The bytes behind a memory socket, without time.
class MemoryPort {
 public:
  using Interface = ::tlm::tlm_fw_transport_if<>;
  /// `interface` returns what the socket is bound to; it is asked at each use, because sockets are bound after modules are
  /// made.
  explicit MemoryPort(std::function<Interface&()> interface) : interface_(std::move(interface)) {}

  /// Reads or writes by transport_dbg(). Returns the number of bytes moved.
  unsigned read(PhysAddr pa, std::span<std::byte> to) const;
  unsigned write(PhysAddr pa, std::span<const std::byte> from) const;

  // EntryMemory (models/x86/translate.h). What cannot be read is 0, an entry that is not present.
  uint64_t load_entry(PhysAddr pa, unsigned bytes) const;
  void store_entry(PhysAddr pa, uint64_t value, unsigned bytes) const;

 private:
  unsigned debug(::tlm::tlm_command command, PhysAddr pa, std::byte* at, unsigned bytes) const;

  std::function<Interface&()> interface_;
};

/// Copies the page-table lines of each walk into the machine's memory before the walk reads them, and what the walk
/// changed (accessed and dirty flags) back.
class TableCopies final : public DemandMapper {
 public:
  TableCopies(const MemoryPort& port, PhysMem& machine, const ControlState& control)
      : port_(port), machine_(machine), control_(control) {}

  /// Throws JobError if a table is where the memory cannot be read.
  bool ensure_mapped(VirtAddr va) override;
  /// Copies the line at `pa`.
  void fetch(PhysAddr line);
  /// Writes back what has changed since the lines were fetched. Call after each access.
  void write_back();

 private:
  struct Line {
    PhysAddr pa;
    std::array<std::byte, kLineBytes> bytes;  // as fetched
  };

  const MemoryPort& port_;
  PhysMem& machine_;
  const ControlState& control_;
  std::vector<Line> lines_;  // of the access under way
};

}  // namespace mmusim
