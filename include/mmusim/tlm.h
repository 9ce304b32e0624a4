// SPDX-License-Identifier: MIT
#pragma once

// The MMU in somebody else's virtual platform. Link mmusim::tlm.

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "mmusim/machine.h"
#include "mmusim/platform.h"

namespace mmusim {
inline namespace v0 {
namespace tlm {

/// Exception that an access raised.
struct Exception {
  std::string vector;          ///< "#PF", "#GP" or "#SS"
  std::string reason;          ///< "not_present", "read_only", ...
  uint32_t error_code = 0;     ///< of a page fault
  std::optional<uint64_t> va;  ///< what CR2 holds after a page fault
};

/// Extension of a transaction at Mmu::target: what the access is beside command, address and length, and how its translation
/// ended. A transaction without it is a supervisor's load or store.
struct AccessExtension : ::tlm::tlm_extension<AccessExtension> {
  bool user = false;   ///< made at CPL 3
  bool fetch = false;  ///< an instruction fetch; with TLM_READ_COMMAND

  std::optional<uint64_t> pa;          ///< set by the MMU: of the first byte; missing if the access raised an exception
  std::optional<Exception> exception;  ///< set by the MMU

  ::tlm::tlm_extension_base* clone() const override { return new AccessExtension(*this); }
  void copy_from(const ::tlm::tlm_extension_base& from) override { *this = static_cast<const AccessExtension&>(from); }
};

/// Control registers that paging depends on. The defaults are 4-level paging with NX and global pages, root table at 0.
struct ControlRegisters {
  uint64_t cr0 = 0x8001'0001;  ///< PG, WP, PE
  uint64_t cr3 = 0;
  uint64_t cr4 = 0xa0;    ///< PGE, PAE
  uint64_t efer = 0xd00;  ///< NXE, LMA, LME
};

enum class Register : uint8_t { kCr0, kCr3, kCr4, kEfer };

struct MmuOptions {
  /// Grants direct memory pointers and hints at them. Accesses through them are neither timed nor counted.
  bool dmi = false;
};

/// MMU, caches and DRAM timing of one core behind TLM-2.0 sockets (IEEE 1666-2011).
///
/// Transactions at `target` have virtual addresses. Each is one access of a blocking core (`--core blocking`): TLBs,
/// page walks, caches and DRAM of the platform give its time, which is added to the transaction's delay. Bytes are not kept
/// here: the transaction goes on to `memory` with its physical address (as two where it crosses a page boundary), and the
/// delay that the memory annotates is added. So with a memory that adds none, times and counts are those of
/// `mmusim replay` with the same accesses. Page tables are bytes behind `memory`, read and written by transport_dbg(); the
/// time of these reads is the machine's.
///
/// Blocking    b_transport() begins in the cycle of the caller's local time, sc_time_stamp() + delay, or when the access
///             before is done. It waits only if the memory does, or if the platform has prefetchers; so initiators may run ahead by
///             any quantum, and one initiator's times do not depend on it. Call it from a thread.
/// Non-blocking  one transaction at a time: BEGIN_RESP comes when the access is done and ends the request too.
/// Debug       transport_dbg() translates without rights, TLBs and time; returns the bytes up to the first page that is not
///             mapped.
/// Status      TLM_ADDRESS_ERROR_RESPONSE with an exception (see AccessExtension), TLM_BURST_ERROR_RESPONSE for more than
///             4096 bytes or a streaming width below the length, TLM_BYTE_ENABLE_ERROR_RESPONSE for byte enables across a
///             page boundary, else what the memory responds.
/// Omits       several cores, guests, memory types other than the platform's.
class Mmu : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Mmu, 64> target{"target"};
  tlm_utils::simple_initiator_socket<Mmu, 64> memory{"memory"};

  /// Takes the platform's numbers for one blocking core, whatever its core model is. Sets the time resolution of the
  /// simulation to 1 fs; throws std::runtime_error if it is another and fixed already, or if the platform has several cores.
  Mmu(const sc_core::sc_module_name& name, const Platform& platform, MmuOptions options = {});
  ~Mmu() override;

  ControlRegisters registers() const;
  /// Sets the registers as they are when the platform comes up: takes no time and removes nothing from the TLBs. Throws
  /// std::runtime_error for what no processor can be in.
  void set_registers(const ControlRegisters& registers);
  /// MOV to a control register (or WRMSR), with what it removes from TLBs and paging-structure caches. Returns false where
  /// it raises #GP(0) and changes nothing. `delay` is the caller's local time, as in b_transport().
  bool write(Register which, uint64_t value, sc_core::sc_time& delay);
  /// INVLPG.
  void invalidate_page(uint64_t va, sc_core::sc_time& delay);
  /// Removes every translation, global ones too.
  void invalidate_all(sc_core::sc_time& delay);

  /// As Machine::observe(), totals(), counters() and faults(). Cycles end with the last access.
  void observe(EventObserver* observer, bool accesses = false);
  Totals totals() const;
  std::vector<Counter> counters() const;
  uint64_t faults() const;

 private:
  struct Parts;

  void b_transport(::tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  unsigned transport_dbg(::tlm::tlm_generic_payload& transaction);
  bool get_direct_mem_ptr(::tlm::tlm_generic_payload& transaction, ::tlm::tlm_dmi& dmi);
  void invalidate_direct_mem_ptr(sc_dt::uint64 begin, sc_dt::uint64 end);

  std::unique_ptr<Parts> parts_;
};

}  // namespace tlm
}  // namespace v0
}  // namespace mmusim
