# SPDX-License-Identifier: MIT
"""Deliberate faults: each is one change of one source file, and the test program that has to notice it."""

import os
from collections import namedtuple

Fault = namedtuple("Fault", "name file right wrong program")

FAULTS = [
    # x86: what the architecture says
    Fault("mov-cr3-keeps-translations", "models/x86/invalidation.cpp",
          "if (!before.pcide()) return all_of_pcid(0, /*globals=*/false);", "if (!before.pcide()) return {};", "x86_test"),
    Fault("mov-cr3-drops-globals", "models/x86/invalidation.cpp",
          "return all_of_pcid(static_cast<uint16_t>(source & kCr3PcidMask), /*globals=*/false);",
          "return all_of_pcid(static_cast<uint16_t>(source & kCr3PcidMask), /*globals=*/true);", "x86_test"),
    Fault("no-flush-when-smep-comes", "models/x86/invalidation.cpp",
          "|| (changed & cr4 & kCr4Smep) != 0", "", "x86_test"),
    Fault("invlpg-keeps-globals", "models/x86/invalidation.cpp",
          "return {InvalidationScope::kAddress, true, structures, control.pcid(), at};",
          "return {InvalidationScope::kAddress, false, structures, control.pcid(), at};", "x86_test"),
    Fault("page-fault-flushes-nothing", "models/x86/invalidation.cpp",
          "return {InvalidationScope::kAddress, true, InvalidationScope::kAddress, space.own, control.linear(va), space.global};",
          "(void)space, (void)va; return {};", "x86_test"),
    Fault("pcid-of-cr3-without-pcide", "models/x86/control.cpp",
          "pcid_ = pcide() ? static_cast<uint16_t>(cr3 & kCr3PcidMask) : uint16_t{0};",
          "pcid_ = static_cast<uint16_t>(cr3 & kCr3PcidMask);", "x86_test"),
    Fault("57-bits-with-4-levels", "models/x86/control.cpp",
          "mode_ == PagingMode::k4Level ? 48 : 57", "mode_ == PagingMode::k4Level ? 57 : 48", "x86_test"),
    # DRAM: cycles, orders, queues
    Fault("read-forwarded-a-cycle-late", "models/dram/dram_channel.cpp", "return now + 1;", "return now + 2;", "dram_test"),
    Fault("command-bus-free-a-cycle-early", "models/dram/dram_channel.cpp",
          "floor_ = at + timing_.column_slots;", "floor_ = at + timing_.column_slots - 1;", "dram_test"),
    Fault("activate-takes-one-slot", "models/dram/dram_channel.cpp",
          "floor_ = at + timing_.act_slots;", "floor_ = at + 1;", "dram_test"),
    Fault("youngest-request-wins-ties", "models/dram/dram_channel.cpp",
          "(at == first_at && own.rank > first_rank)", "(at == first_at && own.rank < first_rank)", "dram_test"),
    Fault("drain-never-ends", "models/dram/dram_channel.cpp",
          "writes_.size() <= config_.write_low_watermark", "writes_.size() < config_.write_low_watermark", "dram_test"),
    Fault("sleeping-reader-misses-a-forwarded-line", "models/dram/dram.cpp",
          "(written ? 0 : ", "(written ? 40 : ", "dram_module_test"),
    Fault("reads-on-their-way-have-no-place", "models/dram/dram.cpp",
          "system_.read_places(where) > std::ranges", "system_.read_places(where) + 99 > std::ranges", "dram_module_test"),
    Fault("starvation-a-cycle-late", "models/dram/dram_channel.cpp",
          "arrival + config_.starvation_cycles;", "arrival + config_.starvation_cycles + 1;", "dram_test"),
    Fault("hit-forgotten-when-one-leaves", "models/dram/request_queue.cpp",
          "if (bank.hit == i) bank.hit = find_row(e.next, e.row);", "if (bank.hit == i) bank.hit = kNone;", "dram_test"),
    Fault("refresh-forgotten", "models/dram/dram_device.cpp",
          "if (ranks_[r].refresh_due > now) break;", "if (ranks_[r].refresh_due >= now) break;", "dram_test"),
    Fault("merged-write-counted-and-queued", "models/dram/dram_channel.cpp",
          "    ++stats_.merged_writes;\n    return now;", "    ++stats_.merged_writes;", "dram_test"),
    # TLBs and walkers
    Fault("flush-leaves-one-array", "models/tlb/tlb_level.cpp",
          "for (TlbArray& array : arrays_) removed += array.invalidate(operation);",
          "removed += arrays_.front().invalidate(operation);", "tlb_test"),
    Fault("coalesced-frame-not-aligned", "models/tlb/tlb_level.cpp",
          "entry.set_frame(entry.frame().align_down(bytes_of(kind)));", "", "tlb_test"),
    Fault("banks-by-the-wrong-bit", "models/tlb/tlb_level.cpp",
          "return holders[above_index % holders.size()];", "return holders[0 * above_index];", "tlb_test"),
    Fault("structure-caches-not-flushed", "models/walker/structure_caches.cpp",
          "cache.array.erase(slot);\n", "", "walker_test"),
    Fault("walk-not-merged", "models/walker/page_walker.cpp",
          "walker->state == WalkerState::kBusy && walker->page == va.align_down(kPageBytes)",
          "walker->state == WalkerState::kBusy && walker->page == va", "walker_test"),
    Fault("walker-goes-to-the-last-in-line", "models/walker/page_walker.cpp",
          "Ticket& next = *queue_.front();\n  queue_.pop_front();", "Ticket& next = *queue_.back();\n  queue_.pop_back();", "walker_test"),
    # caches
    Fault("write-back-lost", "models/cache/cache.cpp",
          "dirty |= array_.dirty(slot);", "", "cache_test"),
    Fault("dirty-line-handed-up", "models/cache/cache.cpp",
          "if (config_.policy == CachePolicy::kVictim && !array_.dirty(slot)) array_.erase(slot);\n    return level_;",
          "if (config_.policy == CachePolicy::kVictim) array_.erase(slot);\n    return level_;", "cache_test"),
    Fault("miss-register-leaks-a-cycle", "models/cache/cache.cpp",
          "stats_.waited_for_register += clock.now() - asked;",
          "stats_.waited_for_register += clock.now() - asked;\n      clock.advance(Cycles(1));", "cache_test"),
    Fault("prefetch-into-the-next-page", "models/cache/prefetcher.cpp",
          "next <= line + degree_ && in_page_of(next, line); ++next)", "next <= line + degree_; ++next)", "cache_test"),
    # lines that several cores share
    Fault("clean-line-written-below", "models/cache/line_directory.cpp",
          "read.dirty_below = line.state == State::kModified;", "read.dirty_below = true;", "line_directory_test"),
    Fault("full-directory-keeps-its-entries", "models/cache/line_directory.cpp",
          "if (slot != SetArray::kNone) entries_->erase(slot);", "(void)slot;", "line_directory_test"),
    Fault("store-waits-for-the-nearest-holder", "models/cache/coherence.cpp",
          "others.any() ? farthest(others) : home_.l3_.latency();", "others.any() ? nearest(others) : home_.l3_.latency();",
          "coherence_test"),
    Fault("demoted-line-leaves", "models/cache/coherence.cpp",
          "if (probe.change == Change::kDemote) {", "if (false) {", "coherence_test"),
    # replacement by prediction
    Fault("one-key-in-33-is-kept", "models/base/rrip.cpp",
          "(since_short_ + 1) % kShortOneIn;", "(since_short_ + 1) % (kShortOneIn + 1);", "base_test"),
    Fault("new-key-counts-as-used", "models/base/rrip.cpp", "  way.used = false;\n", "", "base_test"),
    # prefetchers of TLBs
    Fault("page-missed-twice-is-a-stride", "models/tlb/tlb_prefetcher.cpp", " && stride != 0;", ";", "tlb_test"),
    Fault("distance-listed-twice", "models/tlb/tlb_prefetcher.cpp", "    std::erase(row.followers, follower);\n", "", "tlb_test"),
    # guests that share a core
    Fault("operation-reaches-those-of-the-one-before", "models/x86/guest_spaces.cpp", "  chosen_.reset();\n", "", "x86_test"),
    Fault("guests-share-global-pages", "models/x86/guest_spaces.cpp",
          "static_cast<uint16_t>(SpaceTag::kFirstGlobal + index)", "static_cast<uint16_t>(SpaceTag::kFirstGlobal + 0 * index)",
          "x86_test"),
    # the MMU for virtual platforms
    Fault("mov-cr3-keeps-direct-pointers", "sim/tlm/mmu.cpp",
          "    if (written) invalidate_direct_mem_ptr(0, ~sc_dt::uint64{0});\n", "", "tlm_test"),
    Fault("direct-stores-leave-the-page-clean", "sim/tlm/mmu.cpp",
          " && !walk.needs_update(type);", ";", "tlm_test"),
    # the kernel
    Fault("flush-ceiling-off-by-one", "mm/tlb_flush.cpp", "> uint64_t{ceiling_} << kPageShift", ">= uint64_t{ceiling_} << kPageShift",
          "mm_test"),
    Fault("flush-of-a-range-stops-early", "mm/tlb_flush.cpp",
          "for (VirtAddr va = flush.va; va < flush.end; va += kPageBytes) flush_tlb_one_kernel(va, flush);",
          "for (VirtAddr va = flush.va; va + kPageBytes < flush.end; va += kPageBytes) flush_tlb_one_kernel(va, flush);", "mm_test"),
    Fault("lazy-cpus-are-interrupted", "mm/user_flush.cpp", "  if (cpus_[cpu].lazy) return false;\n", "", "mm_test"),
    Fault("lazy-cpus-hear-of-no-freed-tables", "mm/user_flush.cpp", "  if (info.freed_tables) return true;\n", "", "mm_test"),
    Fault("missed-flush-is-forgotten", "mm/user_flush.cpp", "if (!was_lazy || slot.tlb_gen == next.tlb_gen) return;",
          "if (!was_lazy || slot.tlb_gen != 0) return;", "mm_test"),
    Fault("removal-without-a-flush", "mm/remove_pagetable.cpp",
          "  context_.flush_tlb_all(\"remove_pagetable\");\n", "", "mm_test"),
    Fault("table-freed-before-it-is-empty", "mm/remove_pagetable.cpp",
          "for (unsigned i = 0; i < kEntriesPerTable; ++i)", "for (unsigned i = 1; i < kEntriesPerTable; ++i)", "mm_test"),
    Fault("tail-pages-writable", "mm/hugetlb_vmemmap.cpp",
          "head ? context_.leaf.page_kernel : context_.leaf.page_kernel_ro", "context_.leaf.page_kernel + 0 * head", "mm_test"),
    Fault("split-leaf-skips-a-page", "mm/hugetlb_vmemmap.cpp",
          "(block.raw() + i * kPageBytes) | context_.leaf.page_kernel", "(block.raw() + (i | 1U) * kPageBytes) | context_.leaf.page_kernel",
          "mm_test"),
    Fault("small-range-gets-huge-pages", "mm/vmemmap.cpp",
          "if (end - start < context_.layout.section_memmap_bytes())", "if (false)", "mm_test"),
]


def complaints(root):
    """Returns what is wrong with the table: each fault replaces a text that its file has exactly once."""
    said = []
    for fault in FAULTS:
        with open(os.path.join(root, fault.file), encoding="utf-8") as text:
            times = text.read().count(fault.right)
        if times != 1:
            said.append(f"{fault.name}: {fault.file} has the text {times} times, expected once: {fault.right}")
    return said
