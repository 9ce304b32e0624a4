// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mm/struct_page.h"
#include "sim/workloads/random.h"
#include "sim/workloads/workload.h"

namespace mmusim {

namespace page_field = mm::page_field;

/// The page frames that have struct pages, numbered without holes.
class PfnSpace {
 public:
  explicit PfnSpace(std::vector<mm::MemoryRange> ranges) : ranges_(std::move(ranges)) {
    for (const mm::MemoryRange& r : ranges_) {
      before_.push_back(pages_);
      pages_ += r.end - r.start;
    }
  }
  uint64_t pages() const { return pages_; }
  /// The `index`-th page frame, ascending; index < pages().
  Pfn at(uint64_t index) const {
    const auto after = std::upper_bound(before_.begin(), before_.end(), index);
    const auto range = static_cast<size_t>(after - before_.begin()) - 1;
    return ranges_[range].start + (index - before_[range]);
  }
  bool contains(Pfn pfn) const {
    const auto range =
        std::partition_point(ranges_.begin(), ranges_.end(), [&](const mm::MemoryRange& r) { return r.end <= pfn; });
    return range != ranges_.end() && range->start <= pfn;
  }
  const std::vector<mm::MemoryRange>& ranges() const { return ranges_; }

 private:
  std::vector<mm::MemoryRange> ranges_;
  std::vector<uint64_t> before_;  // pages of the ranges before each
  uint64_t pages_ = 0;
};

/// A bijection on [0, n): four Feistel rounds on the next even number of bits, repeated until the result is below n
/// (Black and Rogaway 2002). No table, so it works for any amount of memory.
class Permutation {
 public:
  Permutation(uint64_t n, uint64_t seed) : n_(n), seed_(seed) {
    while ((uint64_t{1} << (2 * half_bits_)) < n) ++half_bits_;
  }
  uint64_t operator()(uint64_t index) const {
    do {
      index = once(index);
    } while (index >= n_);
    return index;
  }

 private:
  uint64_t once(uint64_t x) const {
    const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
    uint64_t left = x >> half_bits_;
    uint64_t right = x & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t mixed = Random(seed_ + round * 0x100000001b3 + right).next() & mask;
      const uint64_t next = left ^ mixed;
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  uint64_t n_;
  uint64_t seed_;
  unsigned half_bits_ = 1;
};

/// A workload on struct pages: step() states the accesses of one page frame or operation, this class batches them.
class PageStream : public Workload {
 public:
  bool next(std::vector<MemAccess>& batch) final {
    batch.clear();
    out_ = &batch;
    while (batch.size() < kBatch && step()) {
    }
    return !batch.empty();
  }

 protected:
  explicit PageStream(const WorkloadContext& context)
      : space_(context.memory),
        random_(context.seed),
        vmemmap_base_(context.vmemmap_base),
        struct_page_bytes_(context.struct_page_bytes),
        sections_(context.sections) {}

  /// Emits the accesses of the next unit of work; false when there is none.
  virtual bool step() = 0;

  const PfnSpace& space() const { return space_; }
  Random& random() { return random_; }
  Pfn random_pfn() { return space_.at(random_.below(space_.pages())); }

  void read(Pfn pfn, unsigned offset, unsigned bytes = 8, unsigned depends_on = 0) {
    emit(page(pfn) + offset, bytes, AccessKind::kRead, false, depends_on);
  }
  void write(Pfn pfn, unsigned offset, unsigned bytes = 8) {
    emit(page(pfn) + offset, bytes, AccessKind::kWrite, false, 0);
  }
  void modify(Pfn pfn, unsigned offset, unsigned bytes = 8) {
    emit(page(pfn) + offset, bytes, AccessKind::kWrite, true, 0);
  }
  void emit(VirtAddr va, unsigned bytes, AccessKind kind, bool rmw, unsigned depends_on) {
    MemAccess a;
    a.va = va;
    a.bytes = static_cast<uint16_t>(bytes);
    a.kind = kind;
    a.rmw = rmw;
    a.depends_on = static_cast<uint16_t>(depends_on);
    a.gap = kInstructionsBetween;
    out_->push_back(a);
  }
  /// pfn_valid [C-7] of boot memory: section_mem_map says it all.
  void read_section(Pfn pfn) {
    if (const auto* section = section_of(pfn)) emit(section->section_mem_map, 8, AccessKind::kRead, false, 0);
  }
  /// pfn_to_online_page: section_mem_map, and always the bit of the sub-section.
  void read_online_section(Pfn pfn) {
    const auto* section = section_of(pfn);
    if (section == nullptr) return;
    emit(section->section_mem_map, 8, AccessKind::kRead, false, 0);
    emit(section->usage, 8, AccessKind::kRead, false, 0);
    emit(section->subsection_map, 8, AccessKind::kRead, false, /*depends_on=*/1);
  }
  /// compound_head of a page; what follows on the head depends on it.
  void read_head(Pfn pfn) { read(pfn, page_field::kLruNext); }
  /// list_del: both neighbours get new links.
  void list_delete(Pfn previous, Pfn next) {
    write(next, page_field::kLruPrev);
    write(previous, page_field::kLruNext);
  }
  /// list_add at the front of a list whose first page was `first`.
  void list_insert(Pfn pfn, Pfn first) {
    write(first, page_field::kLruPrev);
    write(pfn, page_field::kLruNext);
    write(pfn, page_field::kLruPrev);
  }

 private:
  static constexpr unsigned kInstructionsBetween = 2;
  static constexpr unsigned kPfnSectionShift = 15;

  const SectionWords* section_of(Pfn pfn) const {
    const uint64_t section = pfn.raw >> kPfnSectionShift;
    return section < sections_.size() && sections_[section] ? &*sections_[section] : nullptr;
  }
  VirtAddr page(Pfn pfn) const { return vmemmap_base_ + pfn.raw * struct_page_bytes_; }

  PfnSpace space_;
  Random random_;
  VirtAddr vmemmap_base_;
  unsigned struct_page_bytes_;
  std::vector<std::optional<SectionWords>> sections_;
  std::vector<MemAccess>* out_ = nullptr;
};

}  // namespace mmusim
