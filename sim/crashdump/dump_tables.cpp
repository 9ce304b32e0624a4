// SPDX-License-Identifier: MIT
#include "sim/crashdump/dump_tables.h"

#include <array>
#include <filesystem>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/crashdump/dumped_kernel.h"

namespace mmusim {

namespace {

/// Returns the registers of a kernel on a processor that tells none: long mode, write protection, no supervisor protections.
ControlRegisters usual_registers(unsigned levels) {
  ControlRegisters registers;
  registers.cr4 |= kCr4Pge;
  if (levels == 5) registers.cr4 |= kCr4La57;
  return registers;
}

ControlRegisters registers_of(const CrashDump& dump, const RootChoice& choice, std::vector<std::string>& notes) {
  std::optional<KernelRoot> kernel;
  if (choice.kernel || dump.processors().empty()) {
    if (dump.processors().empty() && choice.cr3 && !dump.has_vmcoreinfo()) {
      notes.push_back("the dump tells neither registers nor the number of levels: 4 levels are taken");
    } else {
      kernel = kernel_root(dump);
    }
  }
  ControlRegisters registers = usual_registers(kernel ? kernel->levels : 4);
  if (!dump.processors().empty()) {
    const DumpedRegisters& own = dump.processors().front();
    registers.cr0 = own.cr0;
    registers.cr3 = own.cr3;
    registers.cr4 = own.cr4;
    if (dump.processors().size() > 1 && !choice.cr3 && !choice.kernel) {
      notes.push_back(
          fmt::format("CR3 is that of the first of {} processors (--cr3 takes another)", dump.processors().size()));
    }
  }
  if (kernel && !choice.cr3) {
    registers.cr3 = kernel->root.raw();
    if (!choice.kernel) notes.push_back("the dump tells no CR3: the kernel's own tables are taken");
  }
  if (choice.cr3) registers.cr3 = *choice.cr3;
  return registers;
}

}  // namespace

void TableCopier::copy(PhysAddr root, unsigned level) {
  std::array<std::byte, kPageBytes> page{};
  if (!dump_.read(root, page)) {
    throw InputError(fmt::format("{}: the table at {}, to which CR3 points, is not in the dump", dump_.path(), root));
  }
  copy_below(root, level);
}

void TableCopier::copy_below(PhysAddr table, unsigned level) {
  if (!seen_.insert({table, level}).second) return;
  std::array<uint64_t, kEntriesPerTable> entries{};
  const auto bytes = std::as_writable_bytes(std::span(entries));
  if (!dump_.read(table, bytes)) {
    ++missing_;
    return;
  }
  memory_.write(table, bytes);
  if (level == 1) return;
  for (const uint64_t entry : entries) {
    const bool is_leaf = level <= 3 && (entry & pte::kPageSize) != 0;
    if ((entry & pte::kPresent) != 0 && !is_leaf) copy_below(PhysAddr(entry & pte::kAddressMask), level - 1);
  }
}

KernelRoot kernel_root(const CrashDump& dump) {
  if (!dump.has_vmcoreinfo()) {
    throw InputError(dump.path() +
                     ": no VMCOREINFO in the dump, which tells where the kernel's tables are (QEMU writes it with "
                     "-device vmcoreinfo and the guest's module qemu_fw_cfg): expected it, or --cr3");
  }
  if (const auto mask = dump.number("sme_mask"); mask && *mask != 0) {
    throw InputError(
        fmt::format("{}: memory is encrypted (sme_mask 0x{:x}), page tables too: not supported", dump.path(), *mask));
  }
  KernelRoot kernel;
  std::optional<VirtAddr> table;
  for (const char* name : {"init_top_pgt", "swapper_pg_dir", "init_level4_pgt"}) {
    if (!table) table = dump.symbol(name);
  }
  if (!table || *table < kImageMapping) {
    throw InputError(dump.path() + ": VMCOREINFO names no top-level table of the kernel (init_top_pgt)");
  }
  kernel.phys_base = static_cast<int64_t>(dump.number("phys_base").value_or(0));
  kernel.root = PhysAddr((*table - kImageMapping) + static_cast<uint64_t>(kernel.phys_base));
  if (dump.number("pgtable_l5_enabled").value_or(0) != 0) kernel.levels = 5;
  return kernel;
}

PageTableImage load_crash_dump(const std::string& path, PhysMem& memory, const RootChoice& choice) {
  const CrashDump dump(path);
  PageTableImage image;
  image.name = std::filesystem::path(path).filename().string();
  const ControlRegisters registers = registers_of(dump, choice, image.notes);
  ProcessorTraits traits;
  traits.phys_bits = kMaxPhysBits;
  if (const auto why = contradiction(registers, traits)) throw InputError(fmt::format("{}: {}", path, *why));
  image.control = ControlState(registers, traits);
  if (!is_long_mode(image.control.mode())) {
    throw InputError(fmt::format("{}: the processor is in {} mode: expected 4- or 5-level paging, or --cr3 kernel",
                                 path, name_of(image.control.mode())));
  }
  TableCopier copier(dump, memory);
  copier.copy(image.control.root(), image.control.levels());
  image.table_pages = copier.tables();
  if (copier.missing() != 0) {
    image.notes.push_back(
        fmt::format("{} of {} tables are not in the dump (makedumpfile leaves pages of zeros out): "
                    "they are taken as empty",
                    copier.missing(), copier.tables()));
  }
  for (const PhysRange& r : dump.memory()) image.guest_memory.push_back({r.start, r.end});
  if (!dump.has_vmcoreinfo()) return image;
  PhysMem own;  // where the kernel's tables are another process's too, or a user's half of them
  const DumpedKernel kernel = read_dumped_kernel(dump, own);
  image.vmemmap_base = kernel.vmemmap_base;
  image.page_offset_base = kernel.page_offset_base;
  image.struct_page_bytes = kernel.struct_page_bytes;
  return image;
}

void register_crash_dumps() {
  add_image_kind({[](const std::string& path) { return dump_form(path).has_value(); }, &load_crash_dump});
}

}  // namespace mmusim
