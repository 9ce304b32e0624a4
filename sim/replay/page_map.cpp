// SPDX-License-Identifier: MIT
#include "sim/replay/page_map.h"

#include <algorithm>
#include <optional>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"
#include "sim/trace/byte_stream.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

/// Reads the lines of a page map.
class PageMapReader {
 public:
  explicit PageMapReader(const std::string& path) : input_(open_bytes(path)), bytes_(std::move(input_.source)) {}

  PageMap all() {
    try {
      for (;;) {
        ++line_;
        const std::optional<std::string_view> line = bytes_.line();
        if (!line) break;
        read(*line);
      }
    } catch (const TraceDamage& damage) {
      fail(damage.what());
    }
    end_mapping();
    if (map_.ranges_.empty()) throw InputError(fmt::format("{}: no ranges, expected lines of smaps", input_.name));
    return std::move(map_);
  }

 private:
  using Ranges = std::map<VirtAddr, PageMap::Range>;
  static constexpr uint64_t kKib = 1024;

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}: line {}: {}", input_.name, line_, what));
  }

  void read(std::string_view line) {
    std::string_view rest = line;
    const std::string_view first = scan::token(rest);
    if (first.empty() || first.starts_with('#')) return;
    std::string_view range = first;
    uint64_t begin = 0;
    uint64_t end = 0;
    if (scan::address(range, begin) && scan::literal(range, "-") && scan::address(range, end) && range.empty()) {
      const std::string_view second = scan::token(rest);
      begin_range(begin, end);
      if (const std::optional<unsigned> level = level_of(second); level && scan::token(rest).empty()) {
        return set_level(*level);
      }
      if (second.size() != 4 || (second[3] != 'p' && second[3] != 's')) {
        fail(fmt::format("got \"{}\" behind a range, expected 4K, 2M, 1G or a line of smaps", scan::printable(second)));
      }
      in_mapping_ = true;
    } else if (first.ends_with(':') && in_mapping_) {
      read_key(first, rest);
    } else {
      fail(fmt::format("got \"{}\", expected a range START-END or a key of smaps",
                       scan::printable(first.substr(0, 40))));
    }
  }

  static std::optional<unsigned> level_of(std::string_view size) {
    for (const std::string_view unit : {"iB", "B"}) {
      if (size.ends_with(unit)) size.remove_suffix(unit.size());
    }
    if (size == "4K") return 1;
    if (size == "2M") return 2;
    if (size == "1G") return 3;
    return std::nullopt;
  }

  /// Ends the mapping before and begins a range of unknown page size.
  void begin_range(uint64_t begin, uint64_t end) {
    end_mapping();
    if (begin >= end || (begin | end) % kPageBytes != 0) {
      fail(fmt::format("range 0x{:x}-0x{:x}, expected multiples of 4 KiB in ascending order", begin, end));
    }
    const auto next = map_.ranges_.lower_bound(VirtAddr(begin));
    const bool into_next = next != map_.ranges_.end() && next->first < VirtAddr(end);
    const bool into_last = next != map_.ranges_.begin() && std::prev(next)->second.end > VirtAddr(begin);
    if (into_next || into_last) fail(fmt::format("range 0x{:x}-0x{:x} overlaps an earlier one", begin, end));
    at_ = map_.ranges_.try_emplace(VirtAddr(begin)).first;
    at_->second = {VirtAddr(end), 1, 0};
  }

  void set_level(unsigned level) {
    at_->second.level = level;
    const uint64_t bytes = level_bytes(level);
    if ((at_->first.raw() | at_->second.end.raw()) % bytes != 0) {
      fail(fmt::format("range {}-{} is no multiple of its pages of {} KiB", at_->first, at_->second.end, bytes / kKib));
    }
  }

  /// "MMUPageSize:  4 kB"
  void read_key(std::string_view key, std::string_view rest) {
    const bool page_size = key == "KernelPageSize:" || key == "MMUPageSize:";
    const bool large = key == "AnonHugePages:" || key == "ShmemPmdMapped:" || key == "FilePmdMapped:";
    if (!page_size && !large) return;
    uint64_t kib = 0;
    if (!scan::whole_decimal(scan::token(rest), kib) || scan::token(rest) != "kB") {
      fail(fmt::format("{} has no number of kB", key));
    }
    if (large) {
      large_kib_ += kib;
    } else if (kib == 4 || kib == 2 * kKib || kib == kKib * kKib) {
      set_level(kib == 4 ? 1 : kib == 2 * kKib ? 2 : 3);
      sized_ = true;
    } else {
      fail(fmt::format("{} {} kB, expected a page size of x86-64: 4, 2048 or 1048576", key, kib));
    }
  }

  /// Ends a mapping of smaps.
  void end_mapping() {
    if (!in_mapping_) return;
    if (!sized_) {
      fail(fmt::format("the mapping {}-{} before has no KernelPageSize: expected /proc/PID/smaps, not maps", at_->first,
                       at_->second.end));
    }
    if (at_->second.level == 1) at_->second.large_regions = large_kib_ / (2 * kKib);
    in_mapping_ = sized_ = false;
    large_kib_ = 0;
  }

  ByteInput input_;
  ByteReader bytes_;
  PageMap map_;
  Ranges::iterator at_;      // the range being read
  bool in_mapping_ = false;  // it is one of smaps
  bool sized_ = false;       // and its page size was read
  uint64_t large_kib_ = 0;
  uint64_t line_ = 0;
};

PageMap PageMap::read(const std::string& path) { return PageMapReader(path).all(); }

bool PageMap::reaches_into_range(VirtAddr va, unsigned level) const {
  const VirtAddr begin = va.align_down(level_bytes(level));
  const auto next = ranges_.upper_bound(begin);
  if (next != ranges_.end() && next->first.raw() - begin.raw() < level_bytes(level)) return true;
  return next != ranges_.begin() && std::prev(next)->second.end > begin;
}

bool PageMap::covers(VirtAddr va) const {
  const auto next = ranges_.upper_bound(va);
  return next != ranges_.begin() && std::prev(next)->second.end > va;
}

unsigned PageMap::leaf_level(VirtAddr va, unsigned otherwise) {
  if (!covers(va)) {
    while (otherwise > 1 && reaches_into_range(va, otherwise)) --otherwise;
    return otherwise;
  }
  auto& [begin, range] = *std::prev(ranges_.upper_bound(va));
  if (range.large_regions == 0) return range.level;
  const VirtAddr region = va.align_down(level_bytes(2));
  if (region < begin || range.end.raw() - region.raw() < level_bytes(2)) return 1;
  --range.large_regions;
  return 2;
}

uint64_t PageMap::gigabyte_pages() const {
  uint64_t pages = 0;
  for (const auto& [begin, range] : ranges_) {
    if (range.level == 3) pages += (range.end.raw() - begin.raw()) / level_bytes(3);
  }
  return pages;
}

}  // namespace mmusim
