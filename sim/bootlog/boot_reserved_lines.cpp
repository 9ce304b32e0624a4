// SPDX-License-Identifier: MIT
#include <algorithm>

#include "sim/bootlog/boot_lines.h"

namespace mmusim {

namespace {

constexpr size_t kMaxReservedRanges = 20'000;

/// "[0xA-0xB]", B inclusive.
std::optional<PhysRange> bracketed(LineScan& scan) {
  if (!scan.take("[0x")) return std::nullopt;
  const auto first = scan.hex();
  const auto last = scan.take("-0x") ? scan.hex() : std::nullopt;
  return first && last && scan.take("]") ? inclusive_range(*first, *last) : std::nullopt;
}

/// "memory[0x0]\t[0x...-0x...], ..." of memblock_dump_all.
std::optional<PhysRange> dumped(LineScan scan) {
  if (!scan.hex() || !scan.take("]")) return std::nullopt;
  scan.skip_spaces();
  return bracketed(scan);
}

}  // namespace

LineRead ReservedLines::read(std::string_view message) {
  for (const auto rule : {&ReservedLines::memblock, &ReservedLines::crash_kernel, &ReservedLines::ramdisk}) {
    if (const LineRead read = (this->*rule)(message); read != LineRead::kOther) return read;
  }
  return LineRead::kOther;
}

void ReservedLines::reserve(const PhysRange& range) {
  facts_.memblock_lines = true;
  facts_.reserved = without(facts_.reserved, {range});
  facts_.reserved.push_back(range);
}

LineRead ReservedLines::memblock(std::string_view message) {
  // From 6.18 on the table of sections is allocated by __memblock_alloc_or_panic, just before sparse_index_alloc: what
  // was reserved before it is what sparse_init found.
  if (!past_sparse_init_ && contains(message, "sparse_index_alloc")) {
    if (root_pending_) facts_.reserved = before_root_;
    past_sparse_init_ = true;
  }
  if (contains(message, "sparse_init")) past_sparse_init_ = true;
  if (past_sparse_init_) return LineRead::kOther;
  LineScan scan(message);
  if (scan.take("memblock_alloc")) {
    root_pending_ = contains(message, "__memblock_alloc_or_panic");
    if (root_pending_) before_root_ = facts_.reserved;
    return LineRead::kTaken;
  }
  if (scan.take("memory[0x")) {
    const auto range = dumped(scan);
    if (!range || facts_.memblock_memory.size() >= kMaxReservedRanges) return LineRead::kDamaged;
    facts_.memblock_memory.push_back(*range);
    return LineRead::kTaken;
  }
  // memblock_dump_all tells all that is reserved, also what was before the command line was read.
  if (scan.take("reserved.cnt")) {
    facts_.reserved.clear();
    facts_.memblock_dump = true;
    return LineRead::kTaken;
  }
  if (scan.take("memory.cnt")) {
    facts_.memblock_memory.clear();
    return LineRead::kTaken;
  }
  const bool full = facts_.reserved.size() >= kMaxReservedRanges;
  if (scan.take("reserved[0x")) {
    const auto range = dumped(scan);
    if (!range || full) return LineRead::kDamaged;
    reserve(*range);
    return LineRead::kTaken;
  }
  const bool taken = scan.take("memblock_reserve: ");
  if (!taken && !scan.take("memblock_free: ") && !scan.take("memblock_phys_free: ")) return LineRead::kOther;
  const auto range = bracketed(scan);
  if (!range || full) return LineRead::kDamaged;
  if (taken)
    reserve(*range);
  else
    facts_.reserved = without(facts_.reserved, {*range});
  return LineRead::kTaken;
}

/// "crashkernel reserved: 0xA - 0xB (N MB)", and up to 6.8 "Reserving NMB of memory at NMB for crashkernel".
LineRead ReservedLines::crash_kernel(std::string_view message) {
  if (!contains(message, "crashkernel") || facts_.crash_kernel.size() >= kMaxReservedRanges) return LineRead::kOther;
  const auto add = [&](const std::optional<PhysRange>& range) {
    if (!range) return LineRead::kDamaged;
    const auto& list = facts_.crash_kernel;
    if (std::find(list.begin(), list.end(), *range) == list.end()) facts_.crash_kernel.push_back(*range);
    return LineRead::kTaken;
  };
  LineScan scan(message);
  if (scan.take("crashkernel") && scan.find("reserved: 0x")) {
    const auto start = scan.hex();
    const auto end = scan.take(" - 0x") ? scan.hex() : std::nullopt;
    return add(start && end && *end != 0 ? inclusive_range(*start, *end - 1) : std::nullopt);
  }
  scan = LineScan(message);
  if (!scan.take("Reserving ")) return LineRead::kOther;
  const auto mib = scan.decimal();
  if (!mib || !scan.take("MB of ") || !scan.find("memory at ")) return LineRead::kOther;
  const auto start = scan.decimal();
  constexpr uint64_t kLimitMib = uint64_t{1} << 32;
  const bool fits = start && *mib > 0 && *mib < kLimitMib && *start < kLimitMib;
  return add(fits ? inclusive_range(*start * kMiB, (*start + *mib) * kMiB - 1) : std::nullopt);
}

/// "RAMDISK: [mem 0x30d5c000-0x34f7dfff]", and where the kernel moved it.
LineRead ReservedLines::ramdisk(std::string_view message) {
  LineScan scan(message);
  const bool moved = scan.take("Allocated new RAMDISK: ");
  if (!moved && !scan.take("RAMDISK: ")) return LineRead::kOther;
  const auto range = scan.mem();
  if (!range) return scan.rest().starts_with("[mem") ? LineRead::kDamaged : LineRead::kOther;
  facts_.ramdisk = {*range};
  return LineRead::kTaken;
}

}  // namespace mmusim
