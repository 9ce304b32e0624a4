// SPDX-License-Identifier: MIT
// Folios one by one, as pages beyond the pool are handled, and lists of them, as the pool does [V-5, S-34 to S-40].
#include <algorithm>

#include "mm/hugetlb_vmemmap.h"

namespace mmusim::mm {

bool HugetlbVmemmap::has_pool_path() const {
  return context_.profile.hvo != HvoForm::kNone && (enabled() || context_.profile.hvo_batches);
}

/// static_branch_inc or _dec of hugetlb_optimize_vmemmap_key: three rounds that serialise all CPUs for each batch of
/// jump labels [S-40].
void HugetlbVmemmap::patch_jump_labels() {
  constexpr unsigned kLabelsOfBatch = 256, kRoundsOfBatch = 3;
  if (!context_.config.hvo_static_key) return;
  const unsigned batches = (context_.profile.hvo_key_sites + kLabelsOfBatch - 1) / kLabelsOfBatch;
  for (unsigned i = 0; i < batches * kRoundsOfBatch; ++i) {
    context_.call("do_sync_core");
    context_.tlb.do_sync_core();
  }
}

Errno HugetlbVmemmap::optimize_one(const Folio& folio) {
  if (!is_memory(folio)) return Errno::kInvalid;
  context_.call(context_.profile.hvo == HvoForm::kHeadInPlace ? "hugetlb_vmemmap_optimize"
                                                              : "hugetlb_vmemmap_optimize_folio");
  if (!enabled() || is_optimized(folio)) return Errno::kSuccess;
  if (optimized_.empty()) patch_jump_labels();
  std::vector<Pfn> replaced;
  const Errno result = remap_folio(folio, Flush::kNow, replaced);
  free_pages(replaced);
  return result;
}

/// The loop over single folios of kernels without batches.
Errno HugetlbVmemmap::optimize_each(std::span<const Folio> folios) {
  Errno result = Errno::kSuccess;
  for (const Folio& folio : folios) {
    if (const Errno e = optimize_one(folio); !ok(e)) result = e;
  }
  return result;
}

Errno HugetlbVmemmap::optimize(std::span<const Folio> folios) {
  if (!has_pool_path()) return Errno::kSuccess;
  if (!std::all_of(folios.begin(), folios.end(), [&](const Folio& f) { return is_memory(f); })) return Errno::kInvalid;
  if (!context_.profile.hvo_batches) return optimize_each(folios);
  const char* const cause = "hugetlb_vmemmap_optimize_folios";
  context_.call(cause);
  if (folios.empty() && context_.profile.hvo_skips_empty_lists) return Errno::kSuccess;
  const bool enabled_now = enabled();
  if (enabled_now && optimized_.empty() && !folios.empty()) patch_jump_labels();
  for (const Folio& folio : folios) {
    // The first failure to split for want of memory ends the phase: the next would fail as well.
    if (enabled_now && !is_optimized(folio) && split_folio(folio) == Errno::kNoMemory) break;
  }
  context_.flush_tlb_all(cause);  // [S-37] whether or not anything was split, or can be optimised
  Errno result = Errno::kSuccess;
  std::vector<Pfn> replaced;
  for (const Folio& folio : folios) {
    if (!enabled_now || is_optimized(folio)) continue;
    Errno e = remap_folio(folio, Flush::kByCaller, replaced);
    if (e == Errno::kNoMemory && !replaced.empty()) {  // give back what is queued and try once more
      context_.flush_tlb_all(cause);
      free_pages(replaced);
      e = remap_folio(folio, Flush::kByCaller, replaced);
    }
    if (!ok(e)) result = e;
  }
  context_.flush_tlb_all(cause);
  free_pages(replaced);
  return result;
}

Errno HugetlbVmemmap::restore_one(const Folio& folio) {
  if (!is_optimized(folio)) return Errno::kSuccess;
  context_.call(context_.profile.hvo == HvoForm::kHeadInPlace ? "hugetlb_vmemmap_restore"
                                                              : "hugetlb_vmemmap_restore_folio");
  const Errno result = restore_folio(folio, Flush::kNow);
  if (ok(result) && optimized_.empty()) patch_jump_labels();
  return result;
}

Errno HugetlbVmemmap::restore(std::span<const Folio> folios) {
  Errno result = Errno::kSuccess;
  if (!context_.profile.hvo_batches) {
    for (const Folio& folio : folios) {
      result = restore_one(folio);
      if (!ok(result)) break;
    }
    return result;
  }
  const char* const cause = "hugetlb_vmemmap_restore_folios";
  context_.call(cause);
  bool restored = false;
  for (const Folio& folio : folios) {
    if (!is_optimized(folio)) continue;
    result = restore_folio(folio, Flush::kByCaller);
    if (!ok(result)) break;
    restored = true;
  }
  if (!restored) return result;
  if (optimized_.empty()) patch_jump_labels();
  context_.flush_tlb_all(cause);
  return result;
}

}  // namespace mmusim::mm
