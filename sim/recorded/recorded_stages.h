// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sim/recorded/guest_machine.h"
#include "sim/recorded/resource_tree.h"

namespace mmusim {

/// A line of /sys/devices/system/memory.
struct MemoryBlock {
  uint64_t number = 0;  ///< in units of the machine's block size
  std::string state;    ///< "online", "offline"
  unsigned node = 0;
  std::string zones;  ///< zone when online, zones it may be onlined to when offline
};

/// The inputs of one stage of a recorded kernel.
struct RecordedStage {
  std::string name;
  std::vector<std::string> actions;
  std::vector<std::string> action_output;
  std::vector<Resource> resources;
  std::vector<MemoryBlock> blocks;
  std::optional<std::set<std::pair<uint64_t, uint64_t>>> folios;  ///< optimised hugetlb folios: head pfn, pages
};

/// Setup of a namespace of persistent memory by the actions so far.
struct NamespaceSetup {
  enum class Kind { kRaw, kPfn, kDax };
  enum class Mode { kRam, kDevice };  ///< where its struct pages live: "ram", "pmem"
  Kind kind = Kind::kRaw;
  Mode mode = Mode::kRam;
  uint64_t align = 2 * kMiB;
  bool operator==(const NamespaceSetup&) const = default;
};
/// Follows the shell commands that write to /sys/bus/nd: a seed device gets mode, alignment and namespace, then a
/// driver is bound to it.
void follow_namespace_actions(const std::string& action, std::vector<std::pair<std::string, NamespaceSetup>>& setups);

/// Order in which the kernel goes through the folios of one request: as it allocated them, or (once it collects them in a
/// list before it optimises them, since 6.7) the last one first [mm/hugetlb.c: set_max_huge_pages].
enum class FolioOrder : uint8_t { kAsAllocated, kLastFirst };

/// The phases that lead from boot to each stage in turn; the difference of two stages' resources, blocks and folios
/// says what was added, brought online, removed, optimised and restored in between. `boot_hugetlb`: gigantic folios of
/// the boot; hugetlb_init optimises those, no phase of their own.
nlohmann::ordered_json phases_of(const std::vector<RecordedStage>& stages, const std::vector<BootRange>& boot,
                                 const std::vector<PhysRange>& boot_hugetlb, uint64_t block_bytes,
                                 FolioOrder folio_order);

}  // namespace mmusim
