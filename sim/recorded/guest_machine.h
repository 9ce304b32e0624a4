// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/recorded/resource_tree.h"

namespace mmusim {

/// A memory range that the kernel knew at boot, with its node.
struct BootRange {
  PhysRange range;
  unsigned node = 0;
};

/// Place where the kernel put a node's struct pglist_data; the usage maps of the node are put into the same section.
struct NodeData {
  unsigned node = 0;
  PhysRange range;
};
/// From the lines "NODE_DATA(0) allocated [mem 0x1ebd4000-0x1ebfefff]" of a boot log.
std::vector<NodeData> node_data_of(const std::vector<std::string>& dmesg);

/// Machine as the arguments of a virtual machine and its kernel's command line describe it.
struct GuestMachine {
  std::string description;                       ///< one line for readers
  bool pti = false;                              ///< kernel page tables are isolated: no global bits
  bool pse = true;                               ///< 2 MiB pages; false: taken from the processor
  bool pge = true;                               ///< global pages; false: taken from the processor
  bool nx = true;                                ///< pages that cannot be executed; false: taken from the processor
  bool gbpages = false;                          ///< 1 GiB pages for the direct map
  bool memmap_on_memory = false;                 ///< memory_hotplug.memmap_on_memory
  bool hvo = false;                              ///< hugetlb_free_vmemmap
  std::vector<std::vector<unsigned>> distances;  ///< [from][to], 10 = local
};

/// `cpu` is the value of QEMU's -cpu. Isolation of page tables follows the kernel's rule: command line first, then
/// whether the processor is subject to Meltdown (Intel models are, as QEMU offers no RDCL_NO without KVM).
/// A feature is missing if "-cpu" or "clearcpuid=" takes it away.
GuestMachine read_guest_machine(const std::vector<std::string>& qemu_args, const std::string& cpu,
                                const std::string& cmdline, const std::vector<std::string>& dmesg,
                                const std::vector<BootRange>& ranges, std::vector<std::string>& notes);

/// Value of `key` in "a,key=value,b"; empty if it is not there. The last one wins, as with QEMU and the kernel.
std::string option_value(const std::string& list, const std::string& key, char separator);
/// A kernel parameter that is given and says yes, as kstrtobool reads it ("force" is a third way of memmap_on_memory).
bool switched_on(const std::string& cmdline, const std::string& name);

}  // namespace mmusim
