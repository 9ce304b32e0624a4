// SPDX-License-Identifier: MIT
#include "mm/direct_map.h"

#include <algorithm>

namespace mmusim::mm {

namespace {

constexpr PhysAddr kIsaEnd{kMiB};
constexpr uint64_t kBrkPages = 12;
constexpr const char* kInitCause[] = {
    "", "phys_pte_init", "phys_pmd_init", "phys_pud_init", "phys_p4d_init", "kernel_physical_mapping_init"};

}  // namespace

EarlyTablePages::EarlyTablePages(Context& context, Memblock& memblock, Buddy& buddy, EarlyTables source,
                                 const std::vector<Memblock::Reserved>& avoid)
    : context_(context), memblock_(memblock), buddy_(buddy), source_(source) {
  const PhysAddr image = context.config.init_top_pgt_pa;
  std::optional<Memblock::Reserved> brk;
  // Whole pages of reserved memory above the first megabyte; the image only where nothing else is left.
  for (const bool of_image : {true, false}) {
    for (const auto& r : memblock.reserved()) {
      const bool is_image = r.start <= image && image < r.end;
      if (is_image != of_image || r.end <= kIsaEnd) continue;
      Memblock::Reserved whole{std::max(r.start, kIsaEnd).align_up(kPageBytes), r.end.align_down(kPageBytes)};
      if (is_image) {
        whole.start = std::max(whole.start, (image + 8 * kPageBytes).align_up(kPmdBytes));
        if (whole.end > whole.start + kBrkPages * kPageBytes) brk = {{whole.end - kBrkPages * kPageBytes, whole.end}};
      }
      if (whole.start < whole.end) pool_.push_back(whole);
    }
  }
  if (source == EarlyTables::kFromMemblock) {
    pool_.clear();
    if (brk) pool_.push_back(*brk);
  }
  for (const auto& hole : avoid) {
    std::vector<Memblock::Reserved> kept;
    for (const auto& r : pool_) {
      if (hole.end <= r.start || hole.start >= r.end) {
        kept.push_back(r);
        continue;
      }
      if (r.start < hole.start) kept.push_back({r.start, hole.start.align_down(kPageBytes)});
      if (hole.end < r.end) kept.push_back({hole.end.align_up(kPageBytes), r.end});
    }
    pool_ = std::move(kept);
  }
}

std::optional<PhysAddr> EarlyTablePages::next_reserved() {
  while (!pool_.empty()) {
    Memblock::Reserved& last = pool_.back();
    if (last.end - last.start >= kPageBytes) {
      last.end = last.end - kPageBytes;
      const bool in_ram = memblock_.is_memory(last.end, kPageBytes);
      if (in_ram) return last.end;
      continue;
    }
    pool_.pop_back();
  }
  return std::nullopt;
}

std::optional<PhysAddr> EarlyTablePages::alloc() {
  const char* const cause = "alloc_low_pages";
  std::optional<PhysAddr> page;
  AllocSource source = AllocSource::kMemblock;
  if (context_.slab_available) {
    if (const auto pfn = buddy_.alloc_pages(0, 0, cause)) page = address_of(*pfn);
    source = AllocSource::kBuddy;
  } else {
    page = next_reserved();
    if (!page && source_ == EarlyTables::kInsideReserved) {
      // The recorded reservations are too small for our tables: below the image they disturb no later answer.
      page = memblock_.find(kPageBytes, kPageBytes, kIsaEnd, context_.config.init_top_pgt_pa, std::nullopt);
      if (page) memblock_.reserve(*page, kPageBytes);
    }
    if (!page && source_ == EarlyTables::kFromMemblock && mapped_start_ < mapped_end_) {
      page = memblock_.find(kPageBytes, kPageBytes, mapped_start_, mapped_end_, std::nullopt);
      if (page) memblock_.reserve(*page, kPageBytes);
    }
  }
  if (!page) return std::nullopt;
  if (source == AllocSource::kMemblock) {
    context_.allocated(source, *page, kPageBytes, memblock_.node_of(*page).value_or(0), cause);
  }
  context_.fill(context_.layout.direct_map(*page), 0, kPageBytes, cause);
  return page;
}

Errno DirectMap::map_kernel_image(PhysAddr start, PhysAddr end) {
  const char* const cause = "startup_64";
  const VirtAddr first = context_.layout.image(start.align_down(kPmdBytes));
  Table table = tables_.root();
  for (unsigned level = tables_.levels(); level >= 3; --level) {
    const uint64_t entry = tables_.read(table, level, first, cause);
    if (entry_none(entry)) {
      const auto page = pages_.alloc();
      if (!page) return Errno::kNoMemory;
      tables_.write(table, level, first, entry, page->raw() | kKernpgTable, cause);
      table = tables_.table_at(*page);
    } else {
      table = tables_.child(entry);
    }
  }
  const uint64_t global = context_.leaf.page_kernel_large & kPageGlobal;
  for (PhysAddr pa = start.align_down(kPmdBytes); pa < end; pa += kPmdBytes) {
    tables_.write(table, 2, context_.layout.image(pa), 0, pa.raw() | (kPageKernelExecLarge & ~kPageGlobal) | global,
                  cause);
  }
  return Errno::kSuccess;
}

unsigned DirectMap::largest_leaf_level() const {
  const CpuFeatures& cpu = context_.config.cpu;
  if (!cpu.pse) return 1;
  return cpu.gbpages ? 3 : 2;
}

/// split_mem_range [D-2]: 4K head, 2M head, 1G middle, 2M tail, 4K tail; equal neighbours become one piece.
std::vector<DirectMap::Piece> DirectMap::split_mem_range(PhysAddr start, PhysAddr end) const {
  const unsigned largest = largest_leaf_level();
  std::vector<Piece> pieces;
  PhysAddr at = start;
  const auto take_to = [&](PhysAddr to, unsigned level) {
    if (at < to) pieces.push_back({at, to, std::min(level, largest)});
    at = std::max(at, to);
  };
  take_to(std::min(start.align_up(kPmdBytes), end), 1);
  const PhysAddr last_2m = end.align_down(kPmdBytes);
  take_to(std::min(at.align_up(kPudBytes), last_2m), 2);
  take_to(end.align_down(kPudBytes), 3);
  take_to(last_2m, 2);
  take_to(end, 1);

  if (!context_.slab_available) adjust_page_sizes(pieces);
  std::vector<Piece> merged;
  for (const Piece& p : pieces) {
    if (!merged.empty() && merged.back().largest_level == p.largest_level) {
      merged.back().end = p.end;
    } else {
      merged.push_back(p);
    }
  }
  return merged;
}

/// adjust_range_page_size_mask: at boot a piece takes the next size if memory fills the surrounding page.
void DirectMap::adjust_page_sizes(std::vector<Piece>& pieces) const {
  for (Piece& p : pieces) {
    for (const unsigned level : {2u, 3u}) {
      if (level > largest_leaf_level() || p.largest_level >= level) continue;
      const PhysAddr start = p.start.align_down(level_bytes(level));
      const PhysAddr end = p.end.align_up(level_bytes(level));
      if (memblock_.is_memory(start, end - start)) p.largest_level = level;
    }
  }
}

Errno DirectMap::init_memory_mapping(PhysAddr start, PhysAddr end) {
  context_.log(LogLevel::kDebug, "init_memory_mapping: [mem {:#010x}-{:#010x}]", start.raw(), end.raw() - 1);
  constexpr const char* kSizeNames[] = {"", "4k", "2M", "1G"};
  const auto pieces = split_mem_range(start, end);
  for (const Piece& p : pieces) {
    context_.log(LogLevel::kDebug, " [mem {:#010x}-{:#010x}] page {}", p.start.raw(), p.end.raw() - 1,
                 kSizeNames[p.largest_level]);
  }
  for (const Piece& p : pieces) {
    if (const Errno e = kernel_physical_mapping_init(p); !ok(e)) return e;
  }
  return Errno::kSuccess;
}

uint64_t DirectMap::init_range_memory_mapping(PhysAddr start, PhysAddr end) {
  uint64_t mapped = 0;
  PhysAddr run_start{0};
  PhysAddr run_end{0};
  const auto flush_run = [&] {
    if (run_start >= run_end) return;
    if (const Errno e = init_memory_mapping(run_start, run_end); !ok(e)) result_ = e;
    mapped += run_end - run_start;
  };
  // Nodes are not known yet: neighbouring regions of different nodes are one range.
  for (const auto& m : memblock_.memory()) {
    const PhysAddr s = std::clamp(m.start, start, end);
    const PhysAddr e = std::clamp(m.end, start, end);
    if (s >= e) continue;
    if (s == run_end) {
      run_end = e;
      continue;
    }
    flush_run();
    run_start = s;
    run_end = e;
  }
  flush_run();
  return mapped;
}

Errno DirectMap::init_mem_mapping() {
  const PhysAddr end = memblock_.end_of_memory();
  pages_.set_mapped(PhysAddr(0), PhysAddr(0));
  if (const Errno e = init_memory_mapping(PhysAddr(0), kIsaEnd); !ok(e)) return e;
  // memory_map_top_down: the first window is the highest free 2 MiB, so that its tables fit into brk.
  const auto top = memblock_.find(kPmdBytes, kPmdBytes, kIsaEnd, end, std::nullopt);
  const PhysAddr real_end = top ? *top + kPmdBytes : end;
  uint64_t step = kPmdBytes;
  uint64_t mapped = 0;
  PhysAddr last_start = real_end;
  while (last_start > kIsaEnd) {
    const PhysAddr start = last_start.raw() > step ? std::max((last_start - 1).align_down(step), kIsaEnd) : kIsaEnd;
    mapped += init_range_memory_mapping(start, last_start);
    last_start = start;
    pages_.set_mapped(last_start, real_end);
    if (mapped >= step) step = step << 8;
  }
  if (real_end < end) init_range_memory_mapping(real_end, end);
  return result_;
}

Errno DirectMap::kernel_physical_mapping_init(const Piece& piece) {
  const Errno e = fill_table(tables_.root(), tables_.levels(), piece.start, piece.end, piece.largest_level);
  // init_mm's new top-level entries reach the processes.
  if (ok(e) && context_.slab_available) {
    sync_.sync_global_pgds(context_.layout.direct_map(piece.start), context_.layout.direct_map(piece.end) - 1);
  }
  return e;
}

/// phys_{p4d,pud,pmd,pte}_init: fills what [start, end) covers of one table; a new table below is filled before it is
/// linked [D-5].
Errno DirectMap::fill_table(Table table, unsigned level, PhysAddr start, PhysAddr end, unsigned largest_level) {
  const char* const cause = kInitCause[level];
  const uint64_t bytes = level_bytes(level);
  PhysAddr next;
  for (PhysAddr pa = start; pa < end; pa = next) {
    next = pa.align_down(bytes) + bytes;
    const VirtAddr va = context_.layout.direct_map(pa);
    const uint64_t entry = tables_.read(table, level, va, cause);
    const bool leaf_here = level == 1 || (level <= 3 && level <= largest_level);
    if (!entry_none(entry)) {
      const bool is_leaf = level == 1 || (level <= 3 && entry_leaf(entry));
      if (is_leaf && leaf_here) continue;  // keep what is mapped
      if (!is_leaf) {
        const Errno e = fill_table(tables_.child(entry), level - 1, pa, std::min(next, end), largest_level);
        if (!ok(e)) return e;
        continue;
      }
    } else if (leaf_here) {
      const uint64_t flags = level == 1 ? context_.leaf.page_kernel : context_.leaf.page_kernel_large;
      tables_.write(table, level, va, entry, pa.align_down(bytes).raw() | flags, cause);
      continue;
    }
    // Nothing here, or a leaf that is too large: a table with the same attributes takes its place.
    const auto page = pages_.alloc();
    if (!page) return Errno::kNoMemory;
    const Table below = tables_.table_at(*page);
    if (const Errno e = fill_table(below, level - 1, pa, std::min(next, end), largest_level); !ok(e)) return e;
    tables_.write(table, level, va, entry, page->raw() | kPageTable, cause);
  }
  return Errno::kSuccess;
}

}  // namespace mmusim::mm
