// SPDX-License-Identifier: MIT
#include "models/tlb/tlb_level.h"

#include <bit>

#include <nlohmann/json.hpp>

namespace mmusim {

namespace {

void read_pages(ConfigReader& reader, TlbArrayConfig& array) {
  reader.require("pages", "a list of page sizes such as [\"4K\", \"2M\"]");
  const nlohmann::json* pages =
      reader.raw({"pages", "Page sizes that the array holds; the 4 MiB pages of 32-bit paging go where 2M go."},
                 ValueForm::list(ValueForm::choice({"4K", "2M", "1G"}), 1));
  if (pages == nullptr) return;
  if (!pages->is_array() || pages->empty()) {
    return reader.error("pages", "expected a list of page sizes such as [\"4K\", \"2M\"]");
  }
  for (const auto& page : *pages) {
    const std::string size = page.is_string() ? page.get<std::string>() : page.dump();
    if (size == "4K") {
      array.holds[EntryKind::k4K] = true;
    } else if (size == "2M") {
      array.holds[EntryKind::k2M] = true;
      array.holds[EntryKind::k4M] = true;
    } else if (size == "1G") {
      array.holds[EntryKind::k1G] = true;
    } else {
      reader.error("pages", fmt::format("unknown page size {}, expected 4K, 2M or 1G", size));
    }
  }
}

}  // namespace

TlbConfig read_tlb_config(ConfigReader reader, TlbPlace place) {
  TlbConfig c;
  reader.read({"hit_penalty_cycles", "Cycles that a hit takes beyond a hit in the first-level TLB.", "cycles"},
              c.hit_penalty);
  reader.read({"coalesce_4k_by_4", "Four adjacent 4 KiB pages share one entry where their frames are adjacent too."},
              c.coalesce);
  reader.read({"smash_1g_into_2m", "A 1 GiB translation is kept as a 2 MiB one where no array holds 1 GiB pages."},
              c.smash_1g);
  reader.read({"holds_pdes", "Page-directory entries that point to page tables are kept here as well."}, c.holds_pdes);
  if (place != TlbPlace::kFirst) {
    reader.read_enum<TlbInclusion>({"inclusion",
                                    "none: of what is above; inclusive: what leaves it leaves those above; exclusive: "
                                    "takes only what leaves those "
                                    "above; default, no public figure."},
                                   c.inclusion,
                                   {{"none", TlbInclusion::kNone},
                                    {"inclusive", TlbInclusion::kInclusive},
                                    {"exclusive", TlbInclusion::kExclusive}});
  }
  if (place == TlbPlace::kData) {
    reader.read(
        {"lookups_per_cycle", "Requests that it can begin in one cycle; 0: no limit; default, no public figure.",
         "requests per cycle"},
        c.lookups_per_cycle, 0, 64);
    reader.read(
        {"miss_registers",
         "Requests that it can have under way to the walkers; 0: no limit; default, no public figure.", "requests"},
        c.miss_registers, 0, 4096);
  }
  const auto read_array = [&](ConfigReader r) {
    TlbArrayConfig array;
    read_geometry(r, array.geometry);
    read_pages(r, array);
    array.holds[EntryKind::k16K] = c.coalesce && array.holds[EntryKind::k4K];
    array.holds[EntryKind::kPde] = c.holds_pdes && array.holds[EntryKind::k4K];
    r.ignore("source");
    r.finish();
    c.arrays.push_back(array);
  };
  reader.for_each({"arrays", "Arrays of the TLB; arrays that hold the same page size are banks."}, read_array, 1);
  reader.check(!c.arrays.empty(), "arrays", "expected at least one array");
  reader.ignore("source");
  reader.finish();
  return c;
}

TlbLevel::TlbLevel(const TlbConfig& config, uint64_t seed) : config_(config) {
  for (const TlbArrayConfig& array : config.arrays) {
    for (const EntryKind kind : kAllOf<EntryKind>) {
      if (array.holds[kind]) holders_[kind].push_back(static_cast<uint16_t>(arrays_.size()));
    }
    arrays_.emplace_back(array.geometry, seed + arrays_.size());
  }
  for (const EntryKind kind : kAllOf<EntryKind>) {
    if (!holders_[kind].empty()) home_[kind] = holders_[kind].size() == 1 ? holders_[kind][0] : kSeveral;
  }
}

uint16_t TlbLevel::array_of_several(EntryKind kind, VirtAddr va) const {
  const auto& holders = holders_[kind];
  const uint64_t above_index = (va.raw() >> shift_of(kind)) / arrays_[holders[0]].sets();
  return holders[above_index % holders.size()];
}

/// Makes find() search entries of this kind from now on.
void TlbLevel::note_kind(EntryKind kind) {
  if (seen_[kind]) [[likely]]
    return;
  seen_[kind] = true;
  larger_count_ = 0;
  for (const EntryKind k : {EntryKind::k2M, EntryKind::k16K, EntryKind::k1G, EntryKind::k4M}) {
    if (seen_[k]) larger_[larger_count_++] = k;
  }
}

TlbLevel::Place TlbLevel::find_larger(VirtAddr va, SpaceTag space) const {
  for (unsigned i = 0; i < larger_count_; ++i) {
    const EntryKind kind = larger_[i];
    const uint16_t number = array_for(kind, va);
    const unsigned slot = arrays_[number].find(va, kind, space);
    if (slot != TlbArray::kNone) return {number, kind, slot};
  }
  return {};
}

/// Performs fill() for any kind, which may be new here, or not held at all, or kept as another one.
TlbLevel::Place TlbLevel::fill_any(VirtAddr va, SpaceTag space, const Translation& translation, bool coalescible,
                                   bool absent, DisplacedEntry* displaced) {
  EntryKind kind = kind_of(translation.size());
  Translation entry = translation;
  if (coalescible && config_.coalesce && kind == EntryKind::k4K) {
    kind = EntryKind::k16K;
    entry.set_frame(entry.frame().align_down(bytes_of(kind)));
  }
  // A fragment of a large page keeps the translation of the whole page under a smaller tag.
  if (kind == EntryKind::k1G && config_.smash_1g && !holds(kind)) kind = EntryKind::k2M;
  if (!holds(kind)) return {};
  note_kind(kind);
  return put(TlbArray::tag(va, kind, space), va, entry, absent, displaced);
}

void TlbLevel::take(const DisplacedEntry& entry, DisplacedEntry& displaced) {
  if (!holds(entry.kind)) return;
  note_kind(entry.kind);
  put(TlbArray::tag(entry.va, entry.kind, entry.space), entry.va, entry.translation, /*absent=*/false, &displaced);
}

void TlbLevel::remove_within(const DisplacedEntry& entry) {
  const VirtAddr last = entry.va + (bytes_of(entry.kind) - 1);
  for (TlbArray& array : arrays_) {
    array.for_each([&](unsigned slot, VirtAddr first, EntryKind kind, uint16_t space, bool global) {
      if (kind == EntryKind::kPde || last < first || first + (bytes_of(kind) - 1) < entry.va) return;
      if (space == (global ? entry.space.global : entry.space.own) && global == entry.translation.global())
        array.erase(slot);
    });
  }
}

unsigned TlbLevel::invalidate(const Invalidation& operation) {
  unsigned removed = 0;
  for (TlbArray& array : arrays_) removed += array.invalidate(operation);
  return removed;
}

void TlbLevel::clear() {
  for (TlbArray& array : arrays_) array.clear();
}

StructureEntry TlbLevel::find_structure(VirtAddr va, SpaceTag space) {
  if (pdes_.empty()) return {};
  const TlbArray& array = arrays_[holders_[EntryKind::kPde][0]];
  const unsigned slot = array.find(va, EntryKind::kPde, space);
  return slot == TlbArray::kNone ? StructureEntry() : pdes_[slot];
}

void TlbLevel::put_structure(VirtAddr va, SpaceTag space, StructureEntry entry) {
  const auto& holders = holders_[EntryKind::kPde];
  if (holders.empty()) return;
  if (pdes_.empty()) pdes_.resize(arrays_[holders[0]].slots());
  const unsigned slot = arrays_[holders[0]].fill(va, EntryKind::kPde, space, Translation{});
  arrays_[holders[0]].demote(slot);
  pdes_[slot] = entry;
}

}  // namespace mmusim
