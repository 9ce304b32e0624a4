// SPDX-License-Identifier: MIT
#include "sim/bootlog/kernel_image.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr PhysAddr kImageStart{16 * kMiB};  // CONFIG_PHYSICAL_START
constexpr uint64_t kImageAlign = 2 * kMiB;  // CONFIG_PHYSICAL_ALIGN
constexpr uint64_t kCodeBytes = 26 * kMiB;  // of Debian's 6.1, where the log does not tell
constexpr uint64_t kDataBytes = 26 * kMiB;
constexpr uint64_t kMostAboveNodeData = 64 * kMiB;

/// Code, constants, data, initialisation and zeroed data, each from a 2 MiB boundary on
/// [arch/x86/kernel/vmlinux.lds.S].
KernelImage image_at(PhysAddr start, const std::optional<ImageSizes>& sizes) {
  KernelImage image{start, start + kCodeBytes, start + kCodeBytes + kDataBytes};
  if (!sizes) return image;
  const auto rounded = [](uint64_t kib) { return PhysAddr(kib * kKiB).align_up(kImageAlign).raw(); };
  image.data = image.start + rounded(sizes->code) + rounded(sizes->rodata);
  image.end = image.data + std::max(rounded(sizes->rwdata) + rounded(sizes->init) + rounded(sizes->bss), kImageAlign);
  return image;
}

bool is_memory(const std::vector<BootRange>& memory, const PhysRange& range) {
  return std::any_of(memory.begin(), memory.end(), [&](const BootRange& r) { return r.range.contains(range); });
}

/// All from a node's data up to the end of its memory: memblock gives the highest free range, so what lies above was
/// taken before (log buffer, ramdisk). Where more than that lies above, it was not given from the top: the data alone.
PhysRange taken_with(const NodeData& data, const std::vector<BootRange>& memory, const std::vector<PhysRange>& known) {
  for (const BootRange& r : memory) {
    if (!r.range.contains(data.range)) continue;
    uint64_t unknown = 0;
    for (const PhysRange& above : without({{data.range.end, r.range.end}}, known)) unknown += above.bytes();
    if (unknown <= kMostAboveNodeData) return {data.range.start, r.range.end};
  }
  return data.range;
}

}  // namespace

KernelImage place_image(const Evidence& evidence, const std::vector<BootRange>& memory, const std::string& name,
                        std::vector<std::string>& notes) {
  if (evidence.image && is_memory(memory, {evidence.image->start, evidence.image->end})) return *evidence.image;
  KernelImage image =
      image_at(evidence.addresses ? evidence.addresses->image_start : kImageStart, evidence.facts.image);
  if (is_memory(memory, {image.start, image.end})) return image;
  const uint64_t bytes = image.end - image.start;
  for (const BootRange& r : memory) {
    const PhysAddr start = std::max(r.range.start, PhysAddr(kMiB)).align_up(kImageAlign);
    if (start + bytes > r.range.end) continue;
    notes.push_back(
        fmt::format("no RAM at 16 MiB for the kernel image (as in a crash kernel): it is taken to lie at {}", start));
    return image_at(start, evidence.facts.image);
  }
  throw InputError(fmt::format("{}: no memory range has room for the kernel image of {} MiB", name, bytes / kMiB));
}

PhysAddr root_of(const Evidence& evidence, const KernelImage& image) {
  return evidence.addresses ? evidence.addresses->root : image.data + 64 * kKiB;
}

std::vector<PhysRange> reserved_of(const Evidence& evidence, const KernelImage& image,
                                   const std::vector<BootRange>& memory, bool& complete,
                                   std::vector<std::string>& notes) {
  const BootFacts& facts = evidence.facts;
  const PhysAddr root = root_of(evidence, image);
  const bool has_image = std::any_of(facts.reserved.begin(), facts.reserved.end(),
                                     [&](const PhysRange& r) { return r.start <= root && root < r.end; });
  complete = facts.memblock_lines && (facts.memblock_dump || has_image);
  std::vector<PhysRange> reserved = facts.reserved;
  if (complete) {
    std::sort(reserved.begin(), reserved.end());
    return reserved;
  }
  const std::string_view what =
      facts.memblock_lines
          ? "the memblock lines lack their beginning (the kernel image is not among them): reserved are "
            "what they tell, and "
          : "no memblock lines in the log (boot with memblock=debug for them): reserved are ";
  notes.push_back(
      fmt::format("{}the first MiB, the kernel image at {}, the initial ramdisk, the crash kernel and all "
                  "from the node data up to the end of its memory; physical addresses of tables will "
                  "differ from the real ones",
                  what, image.start == kImageStart ? "16 MiB" : fmt::format("{}", image.start)));
  std::vector<PhysRange> known = {{PhysAddr(0), PhysAddr(kMiB)}, {image.start, image.end}};
  known.insert(known.end(), facts.ramdisk.begin(), facts.ramdisk.end());
  known.insert(known.end(), facts.crash_kernel.begin(), facts.crash_kernel.end());
  reserved.insert(reserved.begin(), known.begin(), known.end());
  for (const NodeData& data : facts.node_data) reserved.push_back(taken_with(data, memory, known));
  return reserved;
}

}  // namespace mmusim
