// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/bootlog/boot_facts.h"
#include "sim/bootlog/memory_agreement.h"
#include "sim/recorded/recorded_kernel.h"

namespace mmusim {

/// Physical addresses of the kernel image: [start, end), data from `data` on.
struct KernelImage {
  PhysAddr start;
  PhysAddr data;
  PhysAddr end;
};

/// The kernel's own addresses, as a crash dump tells them; no log does.
struct KernelAddresses {
  unsigned levels = 4;
  PhysAddr root;           ///< init_top_pgt
  PhysAddr image_start;    ///< of its code
  uint64_t phys_base = 0;  ///< physical address that is mapped at 0xffffffff80000000, modulo 2^64
  VirtAddr vmemmap_base;
  VirtAddr page_offset_base;
  unsigned struct_page_bytes = 64;
  unsigned mem_section_bytes = 32;
};

/// All that the given files tell of one machine.
struct Evidence {
  BootFacts facts;                               ///< from the boot log; empty without one
  bool boot_log = false;                         ///< there was one
  std::vector<MemoryAccount> accounts;           ///< of /proc/iomem, /sys/firmware/memmap, lsmem
  std::vector<std::vector<unsigned>> distances;  ///< [from][to] of numactl; empty: not told
  std::optional<KernelImage> image;              ///< /proc/iomem tells where it lies
  std::optional<KernelAddresses> addresses;      ///< a crash dump does
  std::vector<std::string> notes;
};

/// Boot to take from a log with several: 1 is the first, 0 the last, -1 the one before it. Missing: the last.
using BootNumber = std::optional<int>;

/// Adds what a boot log tells. Throws InputError if it has no message, if it is that of another architecture, or if
/// there is no boot `boot`.
void add_boot_log(Evidence& evidence, std::string_view bytes, const std::string& name, BootNumber boot);

/// Adds the contents of a file, whose kind is found by content: /proc/iomem, /sys/firmware/memmap (as `grep -r` or
/// `head` print it), lsmem (text or JSON), numactl -H, else a boot log. Throws InputError.
void add_file(Evidence& evidence, std::string_view bytes, const std::string& name, BootNumber boot);

/// A scenario from the evidence: one phase, the boot. The notes of the result begin with the summary of the memory.
/// Throws InputError if the memory cannot be told, see agree_on_memory.
DerivedScenario scenario_from_evidence(const Evidence& evidence, const std::string& name);

/// HugeTLB pages of `bytes` (2 MiB or 1 GiB) that "hugepagesz=" and "hugepages=" of a command line ask for, on all nodes
/// together ("hugepages=0:12,1:12" names nodes).
uint64_t huge_pages_asked(const std::string& cmdline, uint64_t bytes);

/// Collects the evidence of a boot log alone, its last boot.
DerivedScenario scenario_from_boot_log(std::string_view text, const std::string& name);

}  // namespace mmusim
