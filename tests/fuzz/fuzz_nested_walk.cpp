// SPDX-License-Identifier: MIT
// The two-dimensional walk over arbitrary registers of both dimensions, addresses and memory. Memory is a function of
// the address, as in fuzz_walk.cpp; half of the words are made plausible nested entries, so that walks get far.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "models/base/errors.h"
#include "models/x86/nested_translate.h"

namespace {

using namespace mmusim;

/// Hands out the input front to back; zeros once it is used up.
class Input {
 public:
  explicit Input(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    const size_t n = std::min(sizeof value, bytes_.size());
    if (n != 0) std::memcpy(&value, bytes_.data(), n);
    bytes_ = bytes_.subspan(n);
    return value;
  }
  std::span<const uint8_t> rest() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

class FuzzedMemory {
 public:
  FuzzedMemory(std::span<const uint8_t> words, unsigned phys_bits) : words_(words), phys_bits_(phys_bits) {}

  uint64_t load_entry(PhysAddr pa, unsigned bytes) {
    MMUSIM_INVARIANT(pa.raw() >> PhysMem::kAddressBits == 0, "entry reads stay within physical memory");
    MMUSIM_INVARIANT(pa.is_aligned(bytes), "entry reads are aligned");
    ++loads;
    const uint64_t word = whole(pa.align_down(kEntryBytes));
    return bytes == 8 ? word : (pa.raw() & 4) != 0 ? word >> 32 : word & 0xffff'ffff;
  }
  void store_entry(PhysAddr pa, uint64_t value, unsigned bytes) {
    const PhysAddr at = pa.align_down(kEntryBytes);
    const uint64_t before = whole(at);
    const unsigned shift = bytes == 4 && (pa.raw() & 4) != 0 ? 32 : 0;
    const uint64_t mask = bytes == 4 ? uint64_t{0xffff'ffff} << shift : ~uint64_t{0};
    const uint64_t after = (before & ~mask) | (value << shift & mask);
    constexpr uint64_t kFlags = pte::kAccessed | pte::kDirty | ept::kAccessed | ept::kDirty;
    MMUSIM_INVARIANT(((before ^ after) >> shift & ~kFlags) == 0 && (before & ~after) == 0,
                     "only accessed and dirty bits are set");
    ++stores;
    size_t i = 0;
    while (i < stored_ && store_[i].pa != at) ++i;
    MMUSIM_INVARIANT(i < store_.size(), "at most one store for each entry read");
    if (i == stored_) ++stored_;
    store_[i] = {at, after};
  }

  unsigned loads = 0;
  unsigned stores = 0;

 private:
  struct Stored {
    PhysAddr pa;
    uint64_t value = 0;
  };
  uint64_t whole(PhysAddr at) const {
    for (size_t i = 0; i < stored_; ++i) {
      if (store_[i].pa == at) return store_[i].value;
    }
    const size_t count = words_.size() / 8;
    if (count == 0) return 0;
    uint64_t word;
    std::memcpy(&word, words_.data() + 8 * ((at.raw() >> 3) * 0x9e37'79b9'7f4a'7c15 % count), 8);
    if ((word & 0x800) != 0) word &= (uint64_t{1} << phys_bits_) - 1;  // often enough free of reserved address bits
    if ((word & 0x400) != 0) word = (word & ~uint64_t{0x78}) | 7;      // and a table in each format
    return word;
  }

  std::span<const uint8_t> words_;
  unsigned phys_bits_;
  std::array<Stored, 64> store_;
  size_t stored_ = 0;
};

ControlRegisters guest_from(Input& input) {
  ControlRegisters r;
  const auto shape = input.take<uint8_t>();
  constexpr uint64_t kCr4s[] = {kCr4Pse, kCr4Pae, kCr4Pae, kCr4Pae | kCr4La57};
  r.cr0 = kCr0Pe | ((shape & 4) != 0 ? 0 : kCr0Pg) | ((shape & 8) != 0 ? kCr0Wp : 0);
  r.efer = ((shape & 3) >= 2 ? kEferLme : 0) | ((shape & 16) != 0 ? kEferNxe : 0);
  r.cr4 = kCr4s[shape & 3] | (uint64_t{input.take<uint16_t>()} << 17);
  r.cr3 = input.take<uint64_t>() & ~kCr3NoInvalidate;
  r.pkru = input.take<uint32_t>();
  r.ac = (shape & 32) != 0;
  for (uint64_t& pdpte : r.pdpte) pdpte = input.take<uint64_t>() & 0xf'ffff'f001;
  return r;
}

NestedRegisters nested_from(Input& input, unsigned phys_bits) {
  NestedRegisters r;
  const auto shape = input.take<uint8_t>();
  const uint64_t root = input.take<uint64_t>() & pte::kAddressMask & ((uint64_t{1} << phys_bits) - 1);
  r.kind = (shape & 1) != 0 ? NestedKind::kNpt : NestedKind::kEpt;
  r.gib_pages = (shape & 2) != 0;
  r.mode_based_execute = (shape & 4) != 0;
  r.execute_only = (shape & 8) != 0;
  r.advanced_information = (shape & 16) != 0;
  if (r.kind == NestedKind::kEpt) {
    r.root = root | ept::kPointerWriteBack | ((shape & 32) != 0 ? ept::kPointer5Levels : ept::kPointer4Levels) |
             ((shape & 64) != 0 ? ept::kPointerAccessedDirty : 0);
  } else {
    r.root = root;
    if ((shape & 32) != 0) r.host_cr4 |= kCr4La57;
    if ((shape & 64) != 0) r.host_cr4 |= kCr4Smep;
    if ((shape & 128) != 0) r.host_efer &= ~kEferNxe;
  }
  MMUSIM_INVARIANT(!contradiction(r, phys_bits), "registers that VM entry accepts");
  return r;
}

void check_exit(const NestedFault& fault, const NestedControl& nested) {
  const NestedExit exit = exit_of(fault, nested);
  const uint64_t info = exit.information;
  MMUSIM_INVARIANT(exit.gpa == fault.gpa, "the address that failed");
  if (!nested.is_ept()) {
    MMUSIM_INVARIANT((info >> 32 & 3) == 1 || (info >> 32 & 3) == 2, "exactly one of bits 32 and 33");
    MMUSIM_INVARIANT((info & 4) != 0 && ((info & 8) == 0 || (info & 1) != 0), "U always; RSV comes with P");
  } else if (exit.reason == ExitReason::kEptViolation) {
    MMUSIM_INVARIANT((info & 7) != 0 && (info & 0x80) != 0 && info >> 17 == 0, "a violation names its access");
    MMUSIM_INVARIANT((info & 4) == 0 || (info & 0x100) != 0, "only the access itself is a fetch");
    const bool absent = fault.reason == NestedFaultReason::kNotPresent || fault.level == 0;
    MMUSIM_INVARIANT(!absent || (info & 0x78) == 0, "no rights where an entry is not present");
  } else {
    MMUSIM_INVARIANT(info == 0, "a misconfiguration has no qualification");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input({data, size});
  const ControlRegisters registers = guest_from(input);
  ProcessorTraits traits;
  const auto cpu = input.take<uint8_t>();
  traits.phys_bits = 32 + cpu % 21;
  traits.gib_pages = (cpu & 0x40) != 0;
  const NestedRegisters nested_registers = nested_from(input, traits.phys_bits);
  traits.vendor = nested_registers.kind == NestedKind::kNpt ? Vendor::kAmd : Vendor::kIntel;
  const auto how = input.take<uint8_t>();
  const AccessType access{static_cast<AccessKind>(how % 3), static_cast<Privilege>(how / 4 % 3), (how & 0x80) != 0};
  VirtAddr va(input.take<uint64_t>());
  if ((how & 0x40) != 0) va = VirtAddr(static_cast<uint64_t>(static_cast<int64_t>(va.raw() << 16) >> 16));
  const unsigned bytes = 1 + input.take<uint16_t>() % kPageBytes;

  const ControlState guest(registers, traits);
  const NestedControl nested(nested_registers, traits);
  FuzzedMemory memory(input.rest(), traits.phys_bits);
  const NestedAccessOutcome first = translate_nested(guest, nested, va, bytes, access, memory);
  // Once for each page, and once more for each flag that a table of both dimensions got under the walk.
  const unsigned bound = (guest.levels() + 1) * (nested.levels() + 1) + nested.levels();
  MMUSIM_INVARIANT(first.entry_reads <= memory.loads, "each read is counted");
  MMUSIM_INVARIANT(first.entry_reads <= bound * (2 + memory.stores), "reads are bounded");
  MMUSIM_INVARIANT(!(first.fault && first.exit), "the guest's own fault or an exit");
  if (first.exit) check_exit(*first.exit, nested);
  if (first.fault) (void)exception_of(*first.fault, access, guest, first.fault_va);
  if (first.fault || first.exit) return 0;
  MMUSIM_INVARIANT(first.first.pa().raw() >> traits.phys_bits == 0, "within MAXPHYADDR");
  (void)memory_type_of(guest, nested, first.first.nested, first.first.guest.pat_index());
  // Flags that were set may change what an entry of a table of both dimensions says; without one nothing changes.
  const bool as_it_was = memory.stores == 0;
  const NestedAccessOutcome again = translate_nested(guest, nested, va, bytes, access, memory);
  if (!as_it_was) return 0;
  MMUSIM_INVARIANT(!again.fault && !again.exit && again.first.pa() == first.first.pa(), "a second time, the same");
  MMUSIM_INVARIANT(memory.stores == 0 && again.entry_reads == first.entry_reads, "a second time, the same walk");
  return 0;
}
