// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/enum_array.h"
#include "models/base/set_array.h"
#include "models/base/types.h"
#include "models/x86/invalidation.h"
#include "models/x86/translation.h"

namespace mmusim {

/// The stretch of addresses that one entry of a TLB array covers.
enum class EntryKind : uint8_t {
  k4K,
  k16K,  ///< four adjacent 4 KiB pages coalesced (AMD)
  k2M,
  k4M,
  k1G,
  kPde,  ///< a PDE that points to a page table, kept beside translations (AMD L2 DTLB)
};
template <>
inline constexpr size_t kCountOf<EntryKind> = 6;

inline constexpr EnumArray<EntryKind, uint8_t> kEntryShift = {12, 14, 21, 22, 30, 21};
constexpr unsigned shift_of(EntryKind kind) { return kEntryShift[kind]; }
constexpr uint64_t bytes_of(EntryKind kind) { return uint64_t{1} << shift_of(kind); }
constexpr EntryKind kind_of(PageSize size) {
  switch (size) {
    case PageSize::k4K:
      return EntryKind::k4K;
    case PageSize::k2M:
      return EntryKind::k2M;
    case PageSize::k4M:
      return EntryKind::k4M;
    case PageSize::k1G:
      return EntryKind::k1G;
  }
  return EntryKind::k4K;
}

/// An entry that left an array because another one took its place.
struct DisplacedEntry {
  bool valid = false;  ///< there was one
  EntryKind kind = EntryKind::k4K;
  SpaceTag space;           ///< the number it was kept under; of a global entry that is the global one
  VirtAddr va;              ///< first byte covered
  Translation translation;  ///< of all that is covered
};

/// One hardware array of translations, tagged with page number, kind and address space. State only.
///
/// A global entry matches in every address space (SDM vol. 3A 4.10.2.4), of guests in those of the same guest
/// (nested-paging [N-70]). Each fill gives its slot a new serial
/// number, so that a holder of a slot number can tell whether it still holds what it held.
class TlbArray {
 public:
  static constexpr unsigned kNone = SetArray::kNone;

  explicit TlbArray(const Geometry& geometry, uint64_t seed = 1)
      : array_(geometry, seed, kDigestMask), entries_(array_.slots()) {}

  /// Lookup key of one address and entry kind; valid for every array, so compute it once per access.
  struct Tag {
    uint64_t number;  ///< of the page, or of what the kind covers
    SetArray::Tag own;
    uint64_t global_key;  ///< of an entry that is global
    EntryKind kind;
  };
  static Tag tag(VirtAddr va, EntryKind kind, SpaceTag space) {
    const uint64_t number = (va.raw() & kLinearMask) >> shift_of(kind);
    return {number, SetArray::tag_of(key_of(number, kind, space.own), kDigestMask), key_of(number, kind, space.global),
            kind};
  }

  /// Returns the slot with the entry for a tag, or kNone. Does not count as a use.
  unsigned find(const Tag& tag) const { return array_.find(array_.set_of(tag.number), tag.own, tag.global_key); }
  unsigned find(VirtAddr va, EntryKind kind, SpaceTag space) const { return find(tag(va, kind, space)); }
  void touch(unsigned slot) { array_.touch(slot); }
  /// Returns the translation that slot `slot` gives for `va`, which it covers.
  Translation at(unsigned slot, EntryKind kind, VirtAddr va) const {
    if (kind != EntryKind::k16K) [[likely]]
      return entries_[slot].translation;
    Translation t = entries_[slot].translation;
    t.set_frame(t.frame() + (va.raw() & (bytes_of(kind) - bytes_of(PageSize::k4K))));
    return t;
  }
  uint64_t serial(unsigned slot) const { return entries_[slot].serial; }
  /// Returns where the serial number of a slot is kept, as long as the array is there.
  const uint64_t* serial_at(unsigned slot) const { return &entries_[slot].serial; }
  SetArray::Place place(unsigned slot) { return array_.place(slot); }
  void touch(const SetArray::Place& place) { array_.touch(place); }

  /// Inserts a translation (replacing one with the same tag); returns its slot. `translation.frame()` is that of the whole
  /// entry (16 KiB aligned for k16K). `absent`: the caller knows that find() returns kNone. `displaced`: what had to leave
  /// goes there, if it was a translation.
  [[gnu::always_inline]] unsigned fill(const Tag& tag, const Translation& translation, bool absent = false,
                                       DisplacedEntry* displaced = nullptr) {
    SetArray::Tag entry = tag.own;
    if (translation.global()) entry.key = tag.global_key;
    unsigned slot = absent ? kNone : find(tag);
    if (slot == kNone) {
      const SetArray::Replaced replaced = array_.replace(array_.set_of(tag.number), entry);
      slot = replaced.slot;
      if (displaced != nullptr && replaced.stored != 0) *displaced = displaced_of(replaced.key(), slot);
    } else {
      array_.put(slot, entry);
    }
    entries_[slot].translation = translation;
    ++entries_[slot].serial;
    return slot;
  }
  unsigned fill(VirtAddr va, EntryKind kind, SpaceTag space, const Translation& translation) {
    return fill(tag(va, kind, space), translation);
  }
  /// Makes `slot` the next victim.
  void demote(unsigned slot) { array_.demote(slot); }
  void erase(unsigned slot) {
    array_.erase(slot);
    ++entries_[slot].serial;
  }
  void clear();
  /// Removes the entries that the operation must remove; returns how many. An entry of any kind that covers the address
  /// goes, whatever the page size.
  unsigned invalidate(const Invalidation& operation);

  /// Calls fn(slot, va of the first byte covered (sign-extended from 57 bits), kind, space, global) for each valid
  /// entry; `space` is the number of a SpaceTag that it is kept under, natively the PCID.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (unsigned slot = 0; slot < array_.slots(); ++slot) {
      const uint64_t key = array_.key(slot);
      if (key == 0) continue;
      const unsigned space = space_of(key);
      fn(slot, first_byte_of(key), kind_of_key(key), static_cast<uint16_t>(space), space >= SpaceTag::kFirstGlobal);
    }
  }
  unsigned sets() const { return array_.sets(); }
  unsigned slots() const { return array_.slots(); }

 private:
  static constexpr uint64_t kDigestMask = ~(uint64_t{0x1fff} << 4);  // global entries are found with others
  static constexpr uint64_t kLinearMask = (uint64_t{1} << 57) - 1;

  struct Entry {
    Translation translation;
    uint64_t serial = 0;
  };

  // valid | kind:3 | space:13 | page number:45
  static uint64_t key_of(uint64_t number, EntryKind kind, unsigned space) {
    return number << 17 | uint64_t{space} << 4 | static_cast<uint64_t>(kind) << 1 | 1;
  }
  static EntryKind kind_of_key(uint64_t key) { return static_cast<EntryKind>(key >> 1 & 7); }
  static unsigned space_of(uint64_t key) { return static_cast<unsigned>(key >> 4 & 0x1fff); }
  static VirtAddr first_byte_of(uint64_t key) {
    const auto raw = static_cast<int64_t>((key >> 17) << (shift_of(kind_of_key(key)) + 7)) >> 7;
    return VirtAddr(static_cast<uint64_t>(raw));
  }
  DisplacedEntry displaced_of(uint64_t key, unsigned slot) const;

  SetArray array_;
  std::vector<Entry> entries_;
};

}  // namespace mmusim
