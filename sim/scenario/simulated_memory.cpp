// SPDX-License-Identifier: MIT
#include "sim/scenario/simulated_memory.h"

#include <algorithm>
#include <array>

namespace mmusim {

SimulatedMemory::SimulatedMemory(Machine& machine, unsigned core, const mm::Layout& layout, bool pge)
    : machine_(machine),
      number_(core),
      core_(machine.core(core)),
      layout_(layout),
      before_tables_(machine.memory(), layout),
      pge_(pge) {}

SimulatedMemory SimulatedMemory::on_core(unsigned core) const {
  SimulatedMemory other(machine_, core, layout_, pge_);
  other.paging_ = paging_;
  return other;
}

PhysAddr SimulatedMemory::touch(VirtAddr va, unsigned bytes, AccessKind kind, bool rmw) {
  MemAccess access{va, static_cast<uint16_t>(bytes), kind};
  access.rmw = rmw;
  return reached(access, core_.access(access));
}

/// Place where an access of the kernel went; its accesses do not fault.
PhysAddr SimulatedMemory::reached(const MemAccess& access, const AccessResult& result) const {
  MMUSIM_INVARIANT(!result.fault, fmt::format("kernel {} of {} faults ({}) in cycle {}", name_of(access.kind),
                                              access.va, name_of(*result.fault), core_.now()));
  return result.pa;
}

uint64_t SimulatedMemory::load(VirtAddr va, unsigned bytes) {
  if (!paging_) return before_tables_.load(va, bytes);
  const PhysAddr pa = touch(va, bytes, AccessKind::kRead);
  return bytes == sizeof(uint64_t) ? machine_.physical_memory().load64(pa) : machine_.physical_memory().load(pa, bytes);
}

void SimulatedMemory::store(VirtAddr va, uint64_t value, unsigned bytes) {
  if (!paging_) return before_tables_.store(va, value, bytes);
  machine_.physical_memory().store(touch(va, bytes, AccessKind::kWrite), value, bytes);
}

namespace {

/// Carries out a store in host memory; returns what a read-modify-write read.
uint64_t apply_at(std::byte* at, const mm::FieldStore& s) {
  const uint64_t old = s.op ? PhysMem::load_at(at, s.bytes) : 0;
  PhysMem::store_at(at, s.op ? mm::result_of(*s.op, old, s.value) : s.value, s.bytes);
  return old;
}

}  // namespace

void SimulatedMemory::store_fields(VirtAddr base, std::span<const mm::FieldStore> stores) {
  if (!paging_) return before_tables_.store_fields(base, stores);
  while (!stores.empty()) {
    MemAccess first{base + stores[0].offset, static_cast<uint16_t>(stores[0].bytes), AccessKind::kWrite};
    first.rmw = stores[0].op.has_value();
    const uint64_t line = first.va.align_down(kLineBytes) - base;  // its offset, below 0 or not
    const auto place = [line](const mm::FieldStore& s) { return s.offset - line; };
    size_t done = 0;  // how many stores lie in the line
    while (done < stores.size() && place(stores[done]) <= kLineBytes - stores[done].bytes) ++done;
    if (done == 0) {
      apply(touch(first.va, first.bytes, AccessKind::kWrite, first.rmw), stores[0]);
      stores = stores.subspan(1);
      continue;
    }
    const PhysAddr pa = reached(first, core_.access(first));
    if (done > 1 && !core_.try_repeat(first, done - 1)) done = 1;
    std::byte* const at = machine_.physical_memory().line(pa);
    for (const mm::FieldStore& s : stores.first(done)) apply_at(at + place(s), s);
    stores = stores.subspan(done);
  }
}

/// Carries out a store at `pa` in memory; returns what a read-modify-write read.
uint64_t SimulatedMemory::apply(PhysAddr pa, const mm::FieldStore& s) {
  PhysMem& memory = machine_.physical_memory();
  const uint64_t old = s.op ? memory.load(pa, s.bytes) : 0;
  memory.store(pa, s.op ? mm::result_of(*s.op, old, s.value) : s.value, s.bytes);
  return old;
}

uint64_t SimulatedMemory::read_modify_write(VirtAddr va, mm::RmwOp op, uint64_t operand, unsigned bytes, bool locked) {
  if (!paging_) return before_tables_.read_modify_write(va, op, operand, bytes, locked);
  return apply(touch(va, bytes, AccessKind::kWrite, /*rmw=*/true), {0, bytes, operand, op});
}

/// Touches every line of [va, va + bytes), which lies in one 4 KiB page; returns the physical address of `va`.
PhysAddr SimulatedMemory::touch_run(VirtAddr va, uint64_t bytes, AccessKind kind) {
  const auto piece = [&](VirtAddr at) {
    return static_cast<unsigned>(std::min(va + bytes - at, (at + 1).align_up(kLineBytes) - at));
  };
  const PhysAddr pa = touch(va, piece(va), kind);
  batch_.clear();
  for (VirtAddr at = va + piece(va); at < va + bytes; at += piece(at)) {
    batch_.push_back({at, static_cast<uint16_t>(piece(at)), kind});
  }
  core_.execute(batch_);
  return pa;
}

void SimulatedMemory::fill(VirtAddr va, uint8_t value, uint64_t bytes) {
  if (!paging_) return before_tables_.fill(va, value, bytes);
  while (bytes != 0) {
    const uint64_t n = std::min(bytes, (va + 1).align_up(kPageBytes) - va);
    machine_.physical_memory().fill(touch_run(va, n, AccessKind::kWrite), value, n);
    va += n;
    bytes -= n;
  }
}

void SimulatedMemory::copy(VirtAddr to, VirtAddr from, uint64_t bytes) {
  if (!paging_) return before_tables_.copy(to, from, bytes);
  std::array<std::byte, kPageBytes> buffer;
  while (bytes != 0) {
    const uint64_t n = std::min({bytes, (to + 1).align_up(kPageBytes) - to, (from + 1).align_up(kPageBytes) - from});
    const auto part = std::span(buffer).first(n);
    machine_.physical_memory().read(touch_run(from, n, AccessKind::kRead), part);
    machine_.physical_memory().write(touch_run(to, n, AccessKind::kWrite), part);
    to += n;
    from += n;
    bytes -= n;
  }
}

/// Where there are several cores, the topology of the platform says what each instruction costs; a lone core has one
/// figure for all (/platform/core/tlb_flush_cycles).
void SimulatedMemory::invalidate(mm::TlbInstruction how, VirtAddr va, bool free) {
  before_tables_.invalidate(how, va);
  if (!paging_) return;
  if (machine_.cores() == 1 || charge_ == Charge::kNothing) return remove(number_, how, va, charge_);
  if (free) return remove(number_, how, va, Charge::kNothing);
  remove(number_, how, va, Charge::kCounted);
  core_.idle(cost(how));
}

void SimulatedMemory::invalidate_on(unsigned core, mm::TlbInstruction how, VirtAddr va) {
  if (paging_) remove(core, how, va, Charge::kNothing);
}

/// Removes what INVPCID of one page or of one PCID would. A CPU that has not loaded a process yet has nothing of any.
void SimulatedMemory::invalidate_pcid_on(unsigned core, unsigned pcid, std::optional<VirtAddr> va) {
  if (!paging_) return;
  const auto operation = on_invpcid(machine_.control(core), va ? 0 : 1, pcid, va.value_or(VirtAddr(0)));
  if (operation) machine_.invalidate(core, *operation, Charge::kNothing);
}

Cycles SimulatedMemory::cost(mm::TlbInstruction how) const {
  const TopologyConfig& t = machine_.platform().topology;
  switch (how) {
    case mm::TlbInstruction::kInvlpg:
      return t.invlpg;
    case mm::TlbInstruction::kInvpcidPage:
      return t.invpcid_page;
    case mm::TlbInstruction::kInvpcidAll:
    case mm::TlbInstruction::kInvpcidUser:
      return t.invpcid_all;
    case mm::TlbInstruction::kCr4Pair:
      return t.cr4_pair;
    case mm::TlbInstruction::kCr3:
      return t.cr3;
  }
  return t.invlpg;
}

void SimulatedMemory::remove(unsigned core, mm::TlbInstruction how, VirtAddr va, Charge charge) {
  // The user half of a process has no translations of its own here: INVPCID of a page finds what INVLPG would.
  const bool page = how == mm::TlbInstruction::kInvlpg || how == mm::TlbInstruction::kInvpcidPage;
  const bool globals = how != mm::TlbInstruction::kInvpcidUser;
  const Invalidation everything{InvalidationScope::kAll, globals, InvalidationScope::kAll, 0, {}};
  const ControlState& control = machine_.control(core);
  if (how == mm::TlbInstruction::kCr3) {
    const bool loaded = machine_.write_cr3(core, control.registers().cr3, charge);
    MMUSIM_INVARIANT(loaded, "CR3 can be loaded with what it holds");
    return;
  }
  machine_.invalidate(core, page ? on_invlpg(control, va) : everything, charge);
}

void SimulatedMemory::switch_cr3(unsigned cpu, PhysAddr root, unsigned pcid, bool keep) {
  if (!paging_) return;
  // The kernel sets CR4.PCIDE while it boots; before there is a process, nothing shows that it does.
  if (pcid != 0 && !machine_.control(cpu).pcide()) {
    ControlRegisters registers = machine_.control(cpu).registers();
    registers.cr4 |= kCr4Pcide;
    machine_.set_control(cpu, ControlState(registers, machine_.platform().processor));
  }
  const bool timed = charge_ != Charge::kNothing && cpu == number_;
  const bool one_core = machine_.cores() == 1;
  const bool loaded = machine_.write_cr3(cpu, root.raw() | pcid | (keep ? kCr3NoInvalidate : 0),
                                         !timed     ? Charge::kNothing
                                         : one_core ? Charge::kCycles
                                                    : Charge::kCounted);
  MMUSIM_INVARIANT(loaded, "the root table of a process is a valid CR3");
  if (timed && !one_core) core_.idle(cost(mm::TlbInstruction::kCr3));
}

void SimulatedMemory::load_cr3(PhysAddr root) {
  before_tables_.load_cr3(root);
  for (unsigned core = 0; core < machine_.cores(); ++core) {
    ControlRegisters registers = machine_.control(core).registers();
    registers.cr4 = layout_.levels() == 5 ? registers.cr4 | kCr4La57 : registers.cr4 & ~kCr4La57;
    registers.cr4 = pge_ ? registers.cr4 | kCr4Pge : registers.cr4 & ~kCr4Pge;
    machine_.set_control(core, ControlState(registers, machine_.platform().processor));
    const bool loaded = machine_.write_cr3(core, root.raw(), charge_);
    MMUSIM_INVARIANT(loaded, "the kernel's own root table is a valid CR3");
  }
  paging_ = true;
}

}  // namespace mmusim
