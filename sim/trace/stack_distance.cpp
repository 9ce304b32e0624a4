// SPDX-License-Identifier: MIT
#include "sim/trace/stack_distance.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr size_t kFirstTable = 1024;
constexpr size_t kFirstTree = 4096;
constexpr unsigned kMaxListWays = 64;  // deeper stacks are cheaper as a tree than as a list

uint64_t scatter(uint64_t key) {
  const uint64_t h = key * 0x9e3779b97f4a7c15;
  return h ^ (h >> 32);
}

}  // namespace

StackDistance::StackDistance() : table_(kFirstTable), tree_(kFirstTree) {}

StackDistance::Slot& StackDistance::slot_of(uint64_t key) {
  const size_t mask = table_.size() - 1;
  size_t i = scatter(key) & mask;
  while (table_[i].time != 0 && table_[i].key != key) i = (i + 1) & mask;
  return table_[i];
}

void StackDistance::grow_table() {
  std::vector<Slot> old(2 * table_.size());
  old.swap(table_);
  for (const Slot& slot : old) {
    if (slot.time != 0) slot_of(slot.key) = slot;
  }
}

void StackDistance::add(uint64_t time, int32_t change) {
  for (uint64_t i = time; i < tree_.size(); i += i & (~i + 1)) tree_[i] += static_cast<uint32_t>(change);
}

uint64_t StackDistance::used_up_to(uint64_t time) const {
  uint64_t sum = 0;
  for (uint64_t i = time; i != 0; i &= i - 1) sum += tree_[i];
  return sum;
}

/// Renumbers the times of last use to 1, 2, ... in a tree with room for as many uses as there are keys.
void StackDistance::compact() {
  std::vector<Slot*> slots;
  slots.reserve(distinct_);
  for (Slot& slot : table_) {
    if (slot.time != 0) slots.push_back(&slot);
  }
  std::sort(slots.begin(), slots.end(), [](const Slot* a, const Slot* b) { return a->time < b->time; });
  tree_.assign(std::max<size_t>(kFirstTree, 4 * slots.size()), 0);
  now_ = 0;
  for (Slot* slot : slots) {
    slot->time = ++now_;
    tree_[now_] += 1;
  }
  for (uint64_t i = 1; i < tree_.size(); ++i) {  // linear-time construction
    const uint64_t parent = i + (i & (~i + 1));
    if (parent < tree_.size()) tree_[parent] += tree_[i];
  }
}

std::optional<uint64_t> StackDistance::use(uint64_t key) {
  if (key == last_key_ && distinct_ != 0) return 0;
  last_key_ = key;
  if (now_ + 1 == tree_.size()) compact();
  if (2 * (distinct_ + 1) > table_.size()) grow_table();
  Slot& slot = slot_of(key);
  std::optional<uint64_t> distance;
  if (slot.time != 0) {
    distance = distinct_ - used_up_to(slot.time);
    add(slot.time, -1);
  } else {
    slot.key = key;
    ++distinct_;
  }
  slot.time = ++now_;
  add(now_, 1);
  return distance;
}

SetStackDistance::SetStackDistance(uint64_t sets, unsigned max_ways)
    : sets_(sets), max_ways_(max_ways), keys_(sets * max_ways), found_(max_ways) {}

void SetStackDistance::use_deeper(uint64_t* set, uint64_t wanted) {
  unsigned depth = 1;
  while (depth < max_ways_ && set[depth] != wanted) ++depth;
  const unsigned moved = depth < max_ways_ ? depth : max_ways_ - 1;
  if (depth < max_ways_) ++found_[depth];
  std::memmove(set + 1, set, moved * sizeof *set);
  set[0] = wanted;
}

uint64_t SetStackDistance::misses(unsigned ways) const {
  return uses_ - std::accumulate(found_.begin(), found_.begin() + ways, uint64_t{0});
}

TlbMissCurves::TlbMissCurves(std::vector<TlbGeometry> geometries) : geometries_(std::move(geometries)) {
  for (const TlbGeometry& g : geometries_) {
    if (g.ways == 0 || g.entries == 0 || g.entries % g.ways != 0) {
      throw InputError(fmt::format("TLB geometry: {} ways do not divide {} entries", g.ways, g.entries));
    }
  }
  const auto is_full = [](const TlbGeometry& g) { return g.sets() == 1 && g.ways > kMaxListWays; };
  const auto alike = [](const TlbGeometry& a, const TlbGeometry& b) {
    return a.page_size == b.page_size && a.sets() == b.sets();
  };
  std::vector<const TlbGeometry*> first_of_group;
  for (const TlbGeometry& g : geometries_) {
    if (is_full(g)) continue;
    if (std::any_of(first_of_group.begin(), first_of_group.end(), [&](auto* f) { return alike(*f, g); })) continue;
    unsigned most = 0;
    for (const TlbGeometry& other : geometries_) {
      if (alike(other, g) && !is_full(other)) most = std::max(most, other.ways);
    }
    first_of_group.push_back(&g);
    groups_.push_back({g.page_size, SetStackDistance(g.sets(), most)});
  }
  for (const TlbGeometry& g : geometries_) {
    if (!is_full(g)) continue;
    auto group = std::find_if(full_groups_.begin(), full_groups_.end(),
                              [&](const FullGroup& f) { return f.page_size == g.page_size; });
    if (group == full_groups_.end()) group = full_groups_.insert(group, {g.page_size, {}, {}, 0});
    if (group->found.size() < g.ways) group->found.resize(g.ways);
  }
  for (const TlbGeometry& g : geometries_) {
    if (is_full(g)) {
      const auto group = std::find_if(full_groups_.begin(), full_groups_.end(),
                                      [&](const FullGroup& f) { return f.page_size == g.page_size; });
      group_of_.push_back(groups_.size() + static_cast<size_t>(group - full_groups_.begin()));
    } else {
      const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& s) {
        return s.page_size == g.page_size && s.sets.sets() == g.sets();
      });
      group_of_.push_back(static_cast<size_t>(group - groups_.begin()));
    }
  }
}

void TlbMissCurves::use(uint64_t va) {
  ++uses_;
  for (Group& group : groups_) group.sets.use(va >> shift_of(group.page_size));
  for (FullGroup& group : full_groups_) use_full(group, va);
}

void TlbMissCurves::use_full(FullGroup& group, uint64_t va) {
  const uint64_t page = va >> shift_of(group.page_size);
  if (page + 1 == group.last) {
    ++group.found[0];
    return;
  }
  group.last = page + 1;
  const std::optional<uint64_t> distance = group.stack.use(page);
  if (distance && *distance < group.found.size()) ++group.found[*distance];
}

uint64_t TlbMissCurves::misses(size_t index) const {
  const TlbGeometry& g = geometries_[index];
  const size_t group = group_of_[index];
  if (group < groups_.size()) return groups_[group].sets.misses(g.ways);
  const std::vector<uint64_t>& found = full_groups_[group - groups_.size()].found;
  return uses_ - std::accumulate(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(g.ways), uint64_t{0});
}

}  // namespace mmusim
