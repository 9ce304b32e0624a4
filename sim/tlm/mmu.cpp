// SPDX-License-Identifier: MIT
#include <algorithm>

#include "models/x86/translate.h"
#include "sim/library/events.h"
#include "sim/library/machine_parts.h"
#include "sim/library/platform_content.h"
#include "sim/tlm/memory_port.h"
// Last, because internal.h keeps the public names and those of the code below apart.
#include "mmusim/tlm.h"

namespace mmusim {
inline namespace v0 {
namespace tlm {

namespace {

using sc_core::sc_time;
using ::tlm::tlm_generic_payload;

Platform blocking(Platform platform) {
  if (platform.cores() != 1) {
    throw InputError(fmt::format("platform {} has {} cores, but an Mmu is that of one: set /cores to 1",
                                 platform.name(), platform.cores()));
  }
  return platform.set("/core/model", "blocking");
}

/// Where the pages of an access are, for one that touches two.
class PageNotes final : public Observer {
 public:
  uint32_t mask() const override { return kTranslationNotices; }
  void translated(const UsedTranslation& used) override {
    va = used.va;
    pa = used.pa;
  }
  VirtAddr va;  ///< of the page translated last
  PhysAddr pa;
};

/// Keeps a machine, which takes one access at a time, for one initiator.
class Turn {
 public:
  explicit Turn(sc_core::sc_mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Turn() { mutex_.unlock(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  sc_core::sc_mutex& mutex_;
};

bool crosses_page(uint64_t va, unsigned bytes) { return va / kPageBytes != (va + bytes - 1) / kPageBytes; }

::tlm::tlm_response_status refusal(const tlm_generic_payload& transaction) {
  const unsigned bytes = transaction.get_data_length();
  if (bytes == 0 || bytes > kPageBytes || transaction.get_streaming_width() < bytes)
    return ::tlm::TLM_BURST_ERROR_RESPONSE;
  if (transaction.get_byte_enable_ptr() != nullptr && crosses_page(transaction.get_address(), bytes))
    return ::tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  return ::tlm::TLM_OK_RESPONSE;
}

MemAccess access_of(const tlm_generic_payload& transaction, const AccessExtension* extension) {
  MemAccess access;
  access.va = VirtAddr(transaction.get_address());
  access.bytes = static_cast<uint16_t>(transaction.get_data_length());
  access.user = extension != nullptr && extension->user;
  access.kind = transaction.is_write()                     ? AccessKind::kWrite
                : extension != nullptr && extension->fetch ? AccessKind::kFetch
                                                           : AccessKind::kRead;
  return access;
}

}  // namespace

struct Mmu::Parts {
  Parts(Mmu& m, const Platform& platform, MmuOptions o)
      : mmu(m),
        options(o),
        machine(blocking(platform)),
        timed(*machine.parts().timed),
        port([&m]() -> MemoryPort::Interface& { return *m.memory.operator->(); }),
        tables(port, timed.physical_memory(), timed.control(0)) {
    timed.set_mapper(0, &tables);
  }

  /// Runs `act` on the core from the cycle of the caller's local time on; `delay` becomes that of the core's end.
  template <class Act>
  auto at(sc_time& delay, const Act& act) {
    const Turn turn(mutex);
    Core& core = timed.core(0);
    const ClockDomain& clock = core.clock().domain();
    const Moment asked = kernel_now() + delay.value();
    if (const CycleTime begin = clock.cycle_of(asked); begin > core.now()) core.idle(begin - core.now());
    const auto result = act(core);
    tables.write_back();
    // The simulation may stand a little after the edge of the core's cycle, where the core acts in it.
    const Moment end = std::max({clock.moment(core.now(), 0), asked, kernel_now()});
    delay = sc_time::from_value(end - kernel_now());
    return result;
  }

  /// Where the pieces of an access are, or why it faults.
  struct Translated {
    internal::AccessResult result;
    VirtAddr fault_va;
    PhysAddr second_page;  ///< of an access that crosses a page boundary
  };
  Translated perform(Core& core, const MemAccess& access) {
    if (!crosses_page(access.va.raw(), access.bytes)) return {core.access(access), access.va, {}};
    PageNotes notes;
    timed.observe(notes);
    const internal::AccessResult result = core.access(access);
    timed.stop_observing(notes);
    return {result, notes.va, notes.pa};
  }

  void forward(tlm_generic_payload& transaction, const Translated& to, sc_time& delay);
  ::tlm::tlm_response_status pass(tlm_generic_payload& transaction, unsigned from, unsigned bytes, PhysAddr pa,
                                  sc_time& delay);
  /// Runs an invalidation on the core.
  template <class Act>
  void remove(sc_time& delay, const Act& act) {
    at(delay, [&](Core&) {
      act();
      return 0;
    });
    mmu.invalidate_direct_mem_ptr(0, ~sc_dt::uint64{0});
  }
  std::optional<ControlState> changed(Register which, uint64_t value) const;

  Mmu& mmu;
  const MmuOptions options;
  Machine machine;
  internal::Machine& timed;
  MemoryPort port;
  TableCopies tables;
  sc_core::sc_mutex mutex;
  bool dmi_granted = false;
};

/// Passes a translated transaction on, and its response back.
void Mmu::Parts::forward(tlm_generic_payload& transaction, const Translated& to, sc_time& delay) {
  const unsigned bytes = transaction.get_data_length();
  unsigned first = bytes;
  if (crosses_page(transaction.get_address(), bytes))
    first = static_cast<unsigned>(kPageBytes - transaction.get_address() % kPageBytes);
  ::tlm::tlm_response_status status = pass(transaction, 0, first, to.result.pa, delay);
  if (status == ::tlm::TLM_OK_RESPONSE && first < bytes)
    status = pass(transaction, first, bytes - first, to.second_page, delay);
  transaction.set_response_status(status);
}

/// Passes `bytes` bytes of a transaction on, which begin at `from`.
::tlm::tlm_response_status Mmu::Parts::pass(tlm_generic_payload& transaction, unsigned from, unsigned bytes,
                                            PhysAddr pa, sc_time& delay) {
  tlm_generic_payload physical;
  physical.set_command(transaction.get_command());
  physical.set_address(pa.raw());
  physical.set_data_ptr(transaction.get_data_ptr() + from);
  physical.set_data_length(bytes);
  physical.set_streaming_width(bytes);
  physical.set_byte_enable_ptr(transaction.get_byte_enable_ptr());
  physical.set_byte_enable_length(transaction.get_byte_enable_length());
  mmu.memory->b_transport(physical, delay);
  if (options.dmi && physical.is_dmi_allowed()) transaction.set_dmi_allowed(true);
  return physical.get_response_status();
}

/// The state after a write to a register other than CR3; nullopt where it raises #GP(0).
std::optional<ControlState> Mmu::Parts::changed(Register which, uint64_t value) const {
  const ControlState& before = timed.control(0);
  mmusim::ControlRegisters registers = before.registers();
  (which == Register::kCr0 ? registers.cr0 : which == Register::kCr4 ? registers.cr4 : registers.efer) = value;
  if (contradiction(registers, before.traits())) return std::nullopt;
  ControlState after(registers, before.traits());
  if (after.mode() == PagingMode::kPae) {
    const auto pdptes = load_pdptes(registers.cr3, after.traits(), port);
    if (!pdptes) return std::nullopt;
    after.set_pdptes(*pdptes);
  }
  return after;
}

Mmu::Mmu(const sc_core::sc_module_name& name, const Platform& platform, MmuOptions options)
    : sc_module(name), parts_(std::make_unique<Parts>(*this, platform, options)) {
  target.register_b_transport(this, &Mmu::b_transport);
  target.register_transport_dbg(this, &Mmu::transport_dbg);
  target.register_get_direct_mem_ptr(this, &Mmu::get_direct_mem_ptr);
  memory.register_invalidate_direct_mem_ptr(this, &Mmu::invalidate_direct_mem_ptr);
}

Mmu::~Mmu() = default;

void Mmu::b_transport(tlm_generic_payload& transaction, sc_time& delay) {
  AccessExtension* const extension = transaction.get_extension<AccessExtension>();
  if (extension != nullptr) {
    extension->pa.reset();
    extension->exception.reset();
  }
  if (transaction.get_command() == ::tlm::TLM_IGNORE_COMMAND)
    return transaction.set_response_status(::tlm::TLM_OK_RESPONSE);
  if (const auto status = refusal(transaction); status != ::tlm::TLM_OK_RESPONSE)
    return transaction.set_response_status(status);
  const MemAccess access = access_of(transaction, extension);
  const Parts::Translated to = parts_->at(delay, [&](Core& core) { return parts_->perform(core, access); });
  if (!to.result.fault) {
    if (extension != nullptr) extension->pa = to.result.pa.raw();
    return parts_->forward(transaction, to, delay);
  }
  transaction.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  if (extension == nullptr) return;
  const auto raised = exception_of(*to.result.fault, access_type_of(access), parts_->timed.control(0), to.fault_va);
  extension->exception = {name_of(raised.vector), name_of(*to.result.fault), raised.error_code, std::nullopt};
  if (raised.cr2) extension->exception->va = raised.cr2->raw();
}

unsigned Mmu::transport_dbg(tlm_generic_payload& transaction) {
  const ControlState& control = parts_->timed.control(0);
  auto* const data = reinterpret_cast<std::byte*>(transaction.get_data_ptr());
  const unsigned bytes = transaction.get_data_length();
  for (unsigned done = 0; done < bytes;) {
    const VirtAddr va = VirtAddr(transaction.get_address()) + done;
    const unsigned piece = std::min(bytes - done, static_cast<unsigned>(kPageBytes - va.raw() % kPageBytes));
    if (!control.canonical(va)) return done;
    Walk walk(control, va);
    while (!walk.done()) walk.feed(parts_->port.load_entry(walk.entry_pa(), walk.entry_bytes()));
    if (walk.fault()) return done;
    const PhysAddr pa = walk.translation().address(control.linear(va));
    const std::span at(data + done, piece);
    const unsigned moved = transaction.is_write() ? parts_->port.write(pa, at) : parts_->port.read(pa, at);
    done += moved;
    if (moved < piece) return done;
  }
  return bytes;
}

bool Mmu::get_direct_mem_ptr(tlm_generic_payload& transaction, ::tlm::tlm_dmi& dmi) {
  const ControlState& control = parts_->timed.control(0);
  const VirtAddr va(transaction.get_address());
  const uint64_t page = va.align_down(kPageBytes).raw();
  dmi.init();
  dmi.set_start_address(page);
  dmi.set_end_address(page + kPageBytes - 1);
  const auto refuse = [&] {
    dmi.allow_read_write();  // what is refused: both, for the page
    return false;
  };
  if (!parts_->options.dmi || !control.canonical(va)) return refuse();
  Walk walk(control, va);
  while (!walk.done()) walk.feed(parts_->port.load_entry(walk.entry_pa(), walk.entry_bytes()));
  const MemAccess access = access_of(transaction, transaction.get_extension<AccessExtension>());
  const auto granted = [&](AccessKind kind) {  // without a flag to set
    const AccessType type(kind, access_type_of(access).privilege());
    return !walk.fault() && !check_rights(control, walk.translation(), type) && !walk.needs_update(type);
  };
  if (!granted(AccessKind::kRead)) return refuse();
  const PhysAddr pa = walk.translation().address(control.linear(VirtAddr(page)));
  tlm_generic_payload physical;
  physical.set_command(transaction.get_command());
  physical.set_address(pa.raw());
  ::tlm::tlm_dmi below;
  if (!parts_->mmu.memory->get_direct_mem_ptr(physical, below)) return refuse();
  if (below.get_start_address() > pa.raw() || below.get_end_address() < pa.raw() + kPageBytes - 1) return refuse();
  dmi.set_dmi_ptr(below.get_dmi_ptr() + (pa.raw() - below.get_start_address()));
  if (below.is_read_allowed()) dmi.allow_read();
  if (below.is_write_allowed() && granted(AccessKind::kWrite)) {
    dmi.set_granted_access(
        static_cast<::tlm::tlm_dmi::dmi_access_e>(dmi.get_granted_access() | ::tlm::tlm_dmi::DMI_ACCESS_WRITE));
  }
  const PlatformConfig& config = parts_->timed.platform();
  const sc_time hit(static_cast<double>(config.l1d.latency.count * config.period_ps), sc_core::SC_PS);
  dmi.set_read_latency(hit);
  dmi.set_write_latency(hit);
  parts_->dmi_granted = true;
  const bool wanted = transaction.is_write() ? dmi.is_write_allowed() : dmi.is_read_allowed();
  return wanted || refuse();
}

/// Pointers into memory end, or translations do: virtual addresses of all pages may be concerned.
void Mmu::invalidate_direct_mem_ptr(sc_dt::uint64, sc_dt::uint64) {
  if (std::exchange(parts_->dmi_granted, false)) target->invalidate_direct_mem_ptr(0, ~sc_dt::uint64{0});
}

ControlRegisters Mmu::registers() const {
  const mmusim::ControlRegisters& r = parts_->timed.control(0).registers();
  return {r.cr0, r.cr3, r.cr4, r.efer};
}

void Mmu::set_registers(const ControlRegisters& registers) {
  const ControlState& before = parts_->timed.control(0);
  mmusim::ControlRegisters r = before.registers();
  r.cr0 = registers.cr0;
  r.cr3 = registers.cr3;
  r.cr4 = registers.cr4;
  r.efer = registers.efer;
  if (const auto why = contradiction(r, before.traits())) throw InputError(fmt::format("{}: {}", name(), *why));
  const ControlState state(r, before.traits());
  if (state.mode() == PagingMode::kPae)
    throw InputError(
        fmt::format("{}: PAE paging begins with write(Register::kCr0 or kCr4), which loads PDPTEs", name()));
  parts_->timed.set_control(0, state);
}

bool Mmu::write(Register which, uint64_t value, sc_time& delay) {
  const ControlState before = parts_->timed.control(0);
  if (which == Register::kCr3) {
    if (before.mode() == PagingMode::kPae) parts_->tables.fetch(PhysAddr(value & 0xffff'ffe0).align_down(kLineBytes));
    const bool written = parts_->at(delay, [&](Core&) { return parts_->timed.write_cr3(0, value); });
    if (written) invalidate_direct_mem_ptr(0, ~sc_dt::uint64{0});
    return written;
  }
  const auto after = parts_->changed(which, value);
  if (!after) return false;
  const Invalidation removed = which == Register::kCr0   ? on_mov_cr0(before, value)
                               : which == Register::kCr4 ? on_mov_cr4(before, value)
                                                         : on_write_efer(before, value);
  if (!removed.nothing()) parts_->remove(delay, [&] { parts_->timed.invalidate(0, removed); });
  parts_->timed.set_control(0, *after);
  return true;
}

void Mmu::invalidate_page(uint64_t va, sc_time& delay) {
  parts_->remove(delay, [&] { parts_->machine.invalidate_page(va); });
}

void Mmu::invalidate_all(sc_time& delay) {
  parts_->remove(delay, [&] { parts_->machine.invalidate_all(); });
}

void Mmu::observe(EventObserver* observer, bool accesses) { parts_->machine.observe(observer, accesses); }
Totals Mmu::totals() const { return parts_->machine.totals(); }
std::vector<Counter> Mmu::counters() const { return parts_->machine.counters(); }
uint64_t Mmu::faults() const { return parts_->machine.faults(); }

}  // namespace tlm
}  // namespace v0
}  // namespace mmusim
