// SPDX-License-Identifier: MIT
#include "sim/machine/host_tables.h"

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr unsigned level_of(PageSize size) { return size == PageSize::k4K ? 1 : size == PageSize::k2M ? 2 : 3; }

NestedRegisters registers_of(const VirtualizationConfig& c, PhysAddr root, const ProcessorTraits& processor) {
  NestedRegisters r;
  r.gib_pages = processor.gib_pages;
  r.root = root.raw();
  if (c.mode == VirtualizationMode::kEpt) {
    r.root |= ept::kPointerWriteBack | (c.host_levels == 5 ? ept::kPointer5Levels : ept::kPointer4Levels) |
              (c.accessed_dirty ? ept::kPointerAccessedDirty : 0);
  } else {
    r.kind = NestedKind::kNpt;
    r.host_cr4 |= c.host_levels == 5 ? kCr4La57 : 0;
  }
  return r;
}

}  // namespace

HostTables::HostTables(PhysMem& memory, const VirtualizationConfig& config, const ProcessorTraits& processor,
                       HostRange tables)
    : memory_(memory),
      config_(config),
      gib_pages_(processor.gib_pages),
      phys_bits_(processor.phys_bits),
      tables_(tables),
      next_table_(tables.begin) {
  recent_.fill(~uint64_t{0});
  root_ = take_table();
  const NestedRegisters registers = registers_of(config, root_, processor);
  if (const auto why = contradiction(registers, processor.phys_bits)) throw InputError("/virtualization: " + *why);
  control_ = NestedControl(registers, processor);
}

PhysAddr HostTables::take_table() {
  const PhysAddr table = next_table_;
  next_table_ += kPageBytes;
  if (next_table_ > tables_.end) {
    throw JobError(
        fmt::format("virtualization: the nested tables do not fit below {:#x}; a larger host_offset leaves them room",
                    tables_.end.raw()));
  }
  return table;
}

/// Frames of 4 KiB host pages may be shuffled within their 2 MiB; larger pages lie as they are.
PhysAddr HostTables::below(PhysAddr page) const {
  const PhysAddr straight = page + config_.host_offset;
  if (whole_2m(page)) return straight;
  const uint64_t region = page.raw() >> kRegionShift;
  const uint64_t draw = (region + config_.seed) * 0x9e37'79b9'7f4a'7c15;
  const uint64_t index = page.raw() >> kPageShift & (kEntriesPerTable - 1);
  const uint64_t other = (index * (draw >> 32 | 1) + (draw >> 20)) & (kEntriesPerTable - 1);  // one to one: odd factor
  return PhysAddr(straight.raw() - index * kPageBytes + other * kPageBytes);
}

bool HostTables::whole_2m(PhysAddr page) const {
  if (config_.host_offset % bytes_of(PageSize::k2M) != 0) return false;
  if (config_.frames == HostFrameOrder::kSequential) return true;
  return host_page_size(config_, gib_pages_, GuestPhysAddr(page.raw())) != PageSize::k4K;
}

void HostTables::map_region(GuestPhysAddr gpa) {
  if (!regions_.insert(gpa.raw() >> kRegionShift).second || control_.beyond_width(gpa)) return;
  const PageSize size = host_page_size(config_, gib_pages_, gpa);
  if (size != PageSize::k4K) return map_page(gpa, size);
  const GuestPhysAddr first = gpa.align_down(uint64_t{1} << kRegionShift);
  for (unsigned i = 0; i < kEntriesPerTable; ++i) {
    map_page(first + i * kPageBytes, host_page_size(config_, gib_pages_, first + i * kPageBytes));
  }
}

void HostTables::map_page(GuestPhysAddr gpa, PageSize size) {
  const GuestPhysAddr first = gpa.align_down(bytes_of(size));
  const PhysAddr frame = below(PhysAddr(first.raw()));
  if ((frame.raw() | (bytes_of(size) - 1)) >> phys_bits_ != 0) return;  // no such host memory: a violation
  const bool ept = control_.is_ept();
  constexpr uint64_t kNptTable = pte::kPresent | pte::kWritable | pte::kUser;
  constexpr uint64_t kEptTable = ept::kRead | ept::kWrite | ept::kExecute;
  const uint64_t flags = config_.accessed_dirty ? 0 : pte::kAccessed | pte::kDirty;
  const uint64_t table_flags = ept ? kEptTable : kNptTable | (flags & pte::kAccessed);
  // KVM's defaults [N-96]: write-back, for EPT without regard to the guest's PAT.
  uint64_t leaf = ept ? kEptTable | 6U << ept::kTypeShift | ept::kIgnorePat : kNptTable | flags;
  if (size != PageSize::k4K) leaf |= pte::kPageSize;
  PhysAddr table = root_;
  for (unsigned level = control_.levels(); level > level_of(size); --level) {
    const PhysAddr at = control_.entry_pa(table, first, level);
    uint64_t entry = memory_.load64(at);
    if ((entry & control_.present_mask()) == 0) {
      entry = take_table().raw() | table_flags;
      memory_.store64(at, entry);
    }
    table = entry_address(entry);
  }
  const PhysAddr at = control_.entry_pa(table, first, level_of(size));
  if ((memory_.load64(at) & control_.present_mask()) != 0) return;
  memory_.store64(at, frame.raw() | leaf);
  ++mapped_[level_of(size) - 1];
}

std::optional<Cycles> HostTables::handle_exit(const NestedFault& fault) {
  if (!config_.on_demand || fault.reason != NestedFaultReason::kNotPresent) return std::nullopt;
  const uint64_t before = mapped_[0] + mapped_[1] + mapped_[2];
  map_page(fault.gpa, host_page_size(config_, gib_pages_, fault.gpa));
  if (mapped_[0] + mapped_[1] + mapped_[2] == before) return std::nullopt;
  return config_.exit_cycles;
}

}  // namespace mmusim
