// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/bootlog/boot_facts.h"
#include "sim/bootlog/line_scan.h"

namespace mmusim {

/// Is `what` a part of `text`?
inline bool contains(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

/// Verdict of a reader of messages on one. A damaged one begins like a message it knows and does not go on like it.
enum class LineRead : uint8_t { kOther, kTaken, kDamaged };

/// Reads the messages about the firmware's map of memory and what the kernel changed in it [arch/x86/kernel/e820.c].
class MapLines {
 public:
  explicit MapLines(BootFacts& facts) : facts_(facts) {}

  LineRead read(std::string_view message, unsigned line);
  /// Fills facts.map: the last map printed, with the changes that were made before memblock took it.
  void finish();

 private:
  struct Change {
    PhysRange range;
    std::optional<MemoryKind> from;  ///< empty: whatever is there
    std::optional<MemoryKind> to;    ///< empty: removed
    size_t order = 0;
  };
  LineRead entry(std::string_view message);
  LineRead change(std::string_view message);
  LineRead last_pfn(std::string_view message, unsigned line);

  BootFacts& facts_;
  std::vector<Change> changes_;
  size_t order_ = 0;
  size_t last_pfn_at_ = 0;  ///< 0: none yet
  size_t taken_at_ = 0;     ///< the first message that comes after memblock took the map; 0: none yet
};

/// Reads the messages about nodes, zones and totals [mm/mm_init.c, arch/x86/mm/numa.c, srat.c].
class NodeLines {
 public:
  explicit NodeLines(BootFacts& facts) : facts_(facts) {}

  LineRead read(std::string_view message, unsigned line);

 private:
  LineRead early_range(std::string_view message, unsigned line);
  LineRead old_early_range(std::string_view message, unsigned line);
  LineRead affinity(std::string_view message);
  LineRead setup(std::string_view message, unsigned line);
  LineRead node_data(std::string_view message);
  LineRead zone(std::string_view message, unsigned line);
  LineRead zone_range(std::string_view name, LineScan scan, unsigned line);
  LineRead totals(std::string_view message, unsigned line);
  LineRead vmemmap(std::string_view message, unsigned line);
  void add_span(PhysRange range, unsigned node, unsigned line, bool exact);

  BootFacts& facts_;
  bool old_list_ = false;   ///< a heading of the list of page frame numbers was there
  bool zone_list_ = false;  ///< between "Zone ranges:" and the list of nodes
  unsigned node_ = 0;       ///< the node that "On node" or "Initmem setup node" named last
};

/// Reads what memblock, the initial ramdisk and the crash kernel take.
class ReservedLines {
 public:
  explicit ReservedLines(BootFacts& facts) : facts_(facts) {}

  LineRead read(std::string_view message);

 private:
  LineRead memblock(std::string_view message);
  LineRead crash_kernel(std::string_view message);
  LineRead ramdisk(std::string_view message);
  void reserve(const PhysRange& range);

  BootFacts& facts_;
  bool past_sparse_init_ = false;
  std::vector<PhysRange> before_root_;  ///< what was reserved before the last allocation of __memblock_alloc_or_panic
  bool root_pending_ = false;
};

/// Reads release, command line, features and processor.
class KernelLines {
 public:
  explicit KernelLines(BootFacts& facts) : facts_(facts) {}

  LineRead read(std::string_view message);

 private:
  LineRead command_line(std::string_view message);
  LineRead features(std::string_view message);
  LineRead architecture(std::string_view message);
  LineRead processor(std::string_view message);
  LineRead image(std::string_view message);
  LineRead huge_pages(std::string_view message);

  BootFacts& facts_;
};

}  // namespace mmusim
