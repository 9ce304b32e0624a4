// SPDX-License-Identifier: MIT
// The pure walk over arbitrary control registers, addresses and memory. Memory is a function of the address: each
// aligned word reads as one of the input's words, so that tables of every shape, loops included, come up.
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "models/base/errors.h"
#include "models/x86/invalidation.h"
#include "models/x86/translate.h"

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
    for (size_t i = 0; i < stored_; ++i) {
      if (store_[i].pa == pa) return store_[i].value;
    }
    const size_t count = words_.size() / 8;
    if (count == 0) return 0;
    uint64_t word;
    std::memcpy(&word, words_.data() + 8 * ((pa.raw() >> 3) * 0x9e37'79b9'7f4a'7c15 % count), 8);
    if ((word & 0x400) != 0) word &= (uint64_t{1} << phys_bits_) - 1;  // often enough free of reserved address bits
    return bytes == 8 ? word : (pa.raw() & 4) != 0 ? word >> 32 : word & 0xffff'ffff;
  }
  void store_entry(PhysAddr pa, uint64_t value, unsigned bytes) {
    const uint64_t before = load_entry(pa, bytes);
    MMUSIM_INVARIANT((before & pte::kPresent) != 0, "only present entries are updated");
    MMUSIM_INVARIANT((before ^ value) == ((before ^ value) & (pte::kAccessed | pte::kDirty)) && (before & ~value) == 0,
                     "only accessed and dirty bits are set");
    ++stores;
    size_t i = 0;
    while (i < stored_ && store_[i].pa != pa) ++i;
    MMUSIM_INVARIANT(i < store_.size(), "at most one store for each entry read");
    if (i == stored_) ++stored_;
    store_[i] = {pa, value};
  }

  unsigned loads = 0;
  unsigned stores = 0;

 private:
  struct Stored {
    PhysAddr pa;
    uint64_t value = 0;
  };
  std::span<const uint8_t> words_;
  unsigned phys_bits_;
  std::array<Stored, 2 * kMaxLevels> store_;
  size_t stored_ = 0;
};

ControlRegisters registers_from(Input& input) {
  ControlRegisters r;
  const auto shape = input.take<uint8_t>();
  constexpr uint64_t kCr4s[] = {kCr4Pse, kCr4Pae, kCr4Pae, kCr4Pae | kCr4La57};
  r.cr0 = kCr0Pe | ((shape & 4) != 0 ? 0 : kCr0Pg) | ((shape & 8) != 0 ? kCr0Wp : 0);
  r.efer = ((shape & 3) >= 2 ? kEferLme : 0) | ((shape & 16) != 0 ? kEferNxe : 0);
  r.cr4 = kCr4s[shape & 3] | (uint64_t{input.take<uint16_t>()} << 17);
  r.cr3 = input.take<uint64_t>();
  r.pkru = input.take<uint32_t>();
  r.pkrs = input.take<uint32_t>();
  r.ac = (shape & 32) != 0;
  return r;
}

void check_outcome(const Outcome& outcome, const ControlState& control, AccessType access, FuzzedMemory& memory) {
  if (!outcome.fault) {
    MMUSIM_INVARIANT(outcome.pa.raw() >> std::max(control.traits().phys_bits, 32U) == 0, "within MAXPHYADDR");
    return;
  }
  const Exception e = exception_of(*outcome.fault, access, control, outcome.fault_va);
  MMUSIM_INVARIANT((e.error_code & kErrorReserved) == 0 || (e.error_code & kErrorPresent) != 0, "RSVD implies P");
  MMUSIM_INVARIANT((e.error_code & kErrorKey) == 0 || (e.error_code & kErrorReserved) == 0, "PK without RSVD");
  MMUSIM_INVARIANT((e.error_code & (kErrorWrite | kErrorFetch)) != (kErrorWrite | kErrorFetch), "W and I exclude");
  MMUSIM_INVARIANT(e.cr2.has_value() == (e.vector == Vector::kPageFault), "CR2 with #PF only");
  MMUSIM_INVARIANT(memory.stores <= kMaxLevels, "stores of the first page at most");
}

/// Every walk that starts below one of the entries of a whole walk must end the same way.
void check_partial_walks(const ControlState& control, VirtAddr va, FuzzedMemory& memory) {
  const auto complete = [&](Walk walk) {
    while (!walk.done()) walk.feed(memory.load_entry(walk.entry_pa(), control.entry_bytes()));
    return walk;
  };
  const Walk whole = complete(Walk(control, va));
  const auto steps = whole.steps();
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    const Walk partial = complete(Walk(control, va, Walk::structure_entry(steps[i])));
    MMUSIM_INVARIANT(partial.fault() == whole.fault() && partial.level() == whole.level(), "same end");
    if (!whole.fault()) MMUSIM_INVARIANT(partial.translation() == whole.translation(), "same translation");
    const auto shift = control.rules(steps[i].level).shift;
    MMUSIM_INVARIANT(removes_structure(on_page_fault(control, va), control.pcid(), control.linear(va), shift),
                     "covers");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input({data, size});
  ControlRegisters registers = registers_from(input);
  ProcessorTraits traits;
  const auto cpu = input.take<uint8_t>();
  traits.phys_bits = 32 + cpu % 21;
  traits.gib_pages = (cpu & 0x40) != 0;
  traits.vendor = (cpu & 0x80) != 0 ? Vendor::kAmd : Vendor::kIntel;
  const auto how = input.take<uint8_t>();
  const AccessType access{static_cast<AccessKind>(how % 3), static_cast<Privilege>(how / 4 % 3), (how & 0x80) != 0};
  VirtAddr va(input.take<uint64_t>());
  if ((how & 0x40) != 0) va = VirtAddr(static_cast<uint64_t>(static_cast<int64_t>(va.raw() << 16) >> 16));
  const unsigned bytes = 1 + input.take<uint16_t>() % kPageBytes;

  (void)contradiction(registers, traits);
  registers.cr3 &= ~kCr3NoInvalidate;
  ControlState control(registers, traits);
  FuzzedMemory memory(input.rest(), traits.phys_bits);
  if (control.mode() == PagingMode::kPae) {
    const auto pdptes = load_pdptes(registers.cr3, traits, memory);
    if (!pdptes) return 0;
    control.set_pdptes(*pdptes);
  }
  memory.loads = 0;
  const Outcome first = translate(control, va, bytes, access, memory);
  MMUSIM_INVARIANT(first.entry_reads <= 2 * control.levels(), "reads are bounded by the levels");
  check_outcome(first, control, access, memory);
  if (!first.fault) {
    memory.stores = 0;
    const Outcome again = translate(control, va, bytes, access, memory);
    MMUSIM_INVARIANT(!again.fault && again.pa == first.pa && again.pa2 == first.pa2, "a second time, the same");
    MMUSIM_INVARIANT(memory.stores == 0, "bits that are set are not stored again");
  }
  if (control.canonical(control.linear(va))) check_partial_walks(control, va, memory);
  return 0;
}
