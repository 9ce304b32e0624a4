// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "mm/cpus.h"
#include "models/base/errors.h"
#include "models/base/types.h"

namespace mmusim::mm {

/// The operation of a read-modify-write on its operand.
enum class RmwOp : uint8_t { kAdd, kOr, kAnd };

constexpr uint64_t result_of(RmwOp op, uint64_t old, uint64_t operand) {
  return op == RmwOp::kAdd ? old + operand : op == RmwOp::kOr ? old | operand : old & operand;
}

/// One store into a structure: `bytes` bytes, `offset` from where the structure begins. With `op` a read-modify-write
/// without LOCK prefix, `value` being its operand.
struct FieldStore {
  unsigned offset;
  unsigned bytes;
  uint64_t value;
  std::optional<RmwOp> op = {};
};

/// Memory as kernel code sees it: virtual addresses of the direct map, the kernel image and the vmemmap.
///
/// The kernel model makes every one of its loads, stores and flushes through this port, in program order. Timed, it is
/// a simulated core; untimed (mm/direct_memory.h) it works straight on physical memory.
///
/// Until the first load_cr3() the tables that translate these addresses do not exist yet: an implementation then
/// translates direct-map and image addresses by arithmetic (mm/layout.h), as the boot loader's mapping would, and
/// charges no time.
class KernelMemory {
 public:
  virtual ~KernelMemory() = default;

  /// 1, 2, 4 or 8 bytes, naturally aligned.
  virtual uint64_t load(VirtAddr va, unsigned bytes) = 0;
  virtual void store(VirtAddr va, uint64_t value, unsigned bytes) = 0;
  /// Stores fields of the structure at `base`, in this order: each by store() or read_modify_write().
  virtual void store_fields(VirtAddr base, std::span<const FieldStore> stores) {
    for (const FieldStore& s : stores) {
      if (s.op) {
        read_modify_write(base + s.offset, *s.op, s.value, s.bytes, /*locked=*/false);
      } else {
        store(base + s.offset, s.value, s.bytes);
      }
    }
  }
  /// Read-modify-write of 1 to 8 bytes; returns the value before it. `locked`: with a LOCK prefix.
  virtual uint64_t read_modify_write(VirtAddr va, RmwOp op, uint64_t operand, unsigned bytes, bool locked) {
    (void)locked;
    const uint64_t old = load(va, bytes);
    store(va, result_of(op, old, operand), bytes);
    return old;
  }
  /// memset: `bytes` bytes, any alignment, may cross pages.
  virtual void fill(VirtAddr va, uint8_t value, uint64_t bytes) = 0;
  /// memcpy; the ranges do not overlap.
  virtual void copy(VirtAddr to, VirtAddr from, uint64_t bytes) = 0;

  /// Removes translations on the calling CPU only; `va` where the instruction is for one page.
  virtual void invalidate(TlbInstruction how, VirtAddr va) = 0;
  /// A broadcast reaches the calling CPU: removes what it has of `pcid` for the page at `va`, or all of it but global pages.
  /// Takes this CPU no time.
  virtual void invalidate_pcid(unsigned pcid, std::optional<VirtAddr> va) = 0;
  /// The CPUs of a machine with several; nullptr on a machine with one.
  virtual Cpus* cpus() { return nullptr; }
  /// Installs the top-level table at `root`; from here on the tables translate.
  virtual void load_cr3(PhysAddr root) = 0;
  /// Loads CR3 of `cpu`, which is the calling one where this takes time, with the top-level table of a process or of
  /// init_mm, which have the same kernel half. `pcid`: 0 where the kernel uses none. `keep`: what is cached for that PCID
  /// stays (bit 63).
  virtual void switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) = 0;

  /// A spin lock, named by where the kernel keeps it: waits while another core holds it. A core alone never has to wait
  /// for, and neither call does anything.
  virtual void lock(VirtAddr lock) { (void)lock; }
  virtual void unlock(VirtAddr lock) { (void)lock; }
  /// Releases `lock`, sleeps until wake(lock), reacquires it. The caller holds `lock`; needs two or more cores.
  virtual void sleep(VirtAddr lock) { MMUSIM_INVARIANT(false, fmt::format("nobody can wake who sleeps on {}", lock)); }
  /// Wakes all cores that sleep on `lock`. The caller holds it.
  virtual void wake(VirtAddr lock) { (void)lock; }
};

}  // namespace mmusim::mm
