// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mm/direct_memory.h"
#include "mm/entry_flags.h"
#include "mm/kernel.h"

namespace mmusim::mm::test {

/// Keeps every event; `order` is all of them in sequence, one word each: "alloc:buddy", "fill", "write:2", "flush:all".
struct Recorder : Observer {
  uint32_t mask() const override { return kAllEvents; }
  void entry_write(const EntryWrite& e) override {
    writes.push_back(e);
    order.push_back("write:" + std::to_string(e.level));
  }
  void entry_read(const EntryRead& e) override {
    reads.push_back(e);
    order.push_back("read:" + std::to_string(e.level));
  }
  void alloc(const AllocEvent& e) override {
    allocs.push_back(e);
    order.push_back(std::string("alloc:") + name_of(e.source));
  }
  void free(const AllocEvent& e) override {
    frees.push_back(e);
    order.push_back(std::string("free:") + name_of(e.source));
  }
  void fill(const FillEvent& e) override {
    fills.push_back(e);
    order.push_back("fill");
  }
  void flush(const FlushEvent& e) override {
    flushes.push_back(e);
    order.push_back(std::string("flush:") + name_of(e.scope));
  }
  void call(const CallEvent& e) override { calls.emplace_back(e.function); }
  void log(LogLevel level, std::string_view line) override { lines.emplace_back(level, line); }

  void clear() { *this = Recorder{}; }
  uint64_t lines_with(std::string_view part) const {
    return static_cast<uint64_t>(std::count_if(
        lines.begin(), lines.end(), [&](const auto& l) { return l.second.find(part) != std::string::npos; }));
  }
  /// Writes to entries that map part of [start, start + bytes).
  std::vector<EntryWrite> writes_in(VirtAddr start, uint64_t bytes) const {
    std::vector<EntryWrite> found;
    for (const EntryWrite& w : writes)
      if (w.va.raw() < start.raw() + bytes && start.raw() < w.va.raw() + w.bytes) found.push_back(w);
    return found;
  }
  long calls_of(std::string_view function) const { return std::count(calls.begin(), calls.end(), function); }
  uint64_t leaf_writes(unsigned level) const {
    return static_cast<uint64_t>(std::count_if(writes.begin(), writes.end(), [&](const EntryWrite& w) {
      const bool leaf = level == 1 || entry_leaf(w.new_value);
      return w.level == level && leaf && w.new_value != 0;
    }));
  }

  std::vector<EntryWrite> writes;
  std::vector<EntryRead> reads;
  std::vector<AllocEvent> allocs;
  std::vector<AllocEvent> frees;
  std::vector<FillEvent> fills;
  std::vector<FlushEvent> flushes;
  std::vector<std::string_view> calls;
  std::vector<std::pair<LogLevel, std::string>> lines;
  std::vector<std::string> order;
};

/// A machine of `gib` GiB of contiguous memory on one node, no hole.
inline MemoryMap contiguous(uint64_t gib) {
  MemoryMap map;
  map.memory = {{Pfn(0), pfn_of(PhysAddr(gib * kGiB)), 0}};
  map.early_tables = EarlyTables::kFromMemblock;
  return map;
}

/// Value of the entry of `level` for `va`; 0 if the walk does not get there.
inline uint64_t entry_of(const PhysMem& phys, const Kernel& kernel, const Layout& layout, unsigned level, VirtAddr va) {
  PhysAddr table = kernel.root();
  for (unsigned at = layout.levels();; --at) {
    const uint64_t value = phys.load64(table + kEntryBytes * level_index(va, at));
    if (at == level) return value;
    if ((value & kPagePresent) == 0 || (at <= 3 && entry_leaf(value))) return 0;
    table = entry_address(value);
  }
}

/// A kernel on untimed memory.
struct Machine {
  explicit Machine(const KernelConfig& config = {}, const MemoryMap& map = contiguous(2), bool observe = true)
      : layout(config, 0),
        memory(phys, layout),
        kernel(config, map, memory, observe ? static_cast<Observer*>(&events) : nullptr) {}

  Errno boot() { return kernel.boot(); }
  uint64_t entry(unsigned level, VirtAddr va) const { return entry_of(phys, kernel, layout, level, va); }
  VirtAddr page(Pfn pfn) const { return layout.pfn_to_page(pfn); }
  uint64_t field(Pfn pfn, unsigned offset, unsigned bytes) { return memory.load(page(pfn) + offset, bytes); }
  std::vector<TableEntry> tables() const { return kernel.vmemmap_tables(phys); }
  /// Physical pages behind a range of the vmemmap, each once.
  uint64_t distinct_pages(VirtAddr start, uint64_t bytes) const {
    std::vector<uint64_t> pages;
    for (VirtAddr va = start; va < start + bytes; va += kPageBytes) pages.push_back(entry_address(entry(1, va)).raw());
    std::sort(pages.begin(), pages.end());
    return static_cast<uint64_t>(std::unique(pages.begin(), pages.end()) - pages.begin());
  }

  Layout layout;
  PhysMem phys;
  UntimedMemory memory;
  Recorder events;
  Kernel kernel;
};

inline KernelConfig version(KernelVersion v) {
  KernelConfig c;
  c.version = v;
  return c;
}

inline KernelConfig hvo(KernelVersion v) {
  KernelConfig c = version(v);
  c.hvo = true;
  return c;
}

/// The struct page of physical address 4 GiB, without KASLR.
inline constexpr VirtAddr kVmemmapStart{0xffffea0004000000};
/// Where the first area of a process's memory starts.
inline constexpr VirtAddr kAreaStart{0x7e00'0000'0000};
inline constexpr PhysAddr kFourGib{4 * kGiB};
inline constexpr uint64_t kSection = kSectionBytes;

}  // namespace mmusim::mm::test
