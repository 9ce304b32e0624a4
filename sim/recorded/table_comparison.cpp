// SPDX-License-Identifier: MIT
#include "sim/recorded/table_comparison.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/errors.h"

namespace mmusim {

using nlohmann::json;

namespace {

constexpr uint64_t kAddressBits = ((uint64_t{1} << 52) - 1) & ~uint64_t{0xfff};
constexpr uint64_t kAccessedDirty = 0x60;

uint64_t flags_of(uint64_t value) { return (value & ~kAddressBits) | kAccessedDirty; }

using Key = std::pair<unsigned, uint64_t>;  // level, VA

mm::TableEntry read_entry(const json& e, const std::string& where) {
  const auto number = [&](const char* key) {
    const json* value = e.is_object() && e.contains(key) ? &e.at(key) : nullptr;
    if (value != nullptr && value->is_number_unsigned()) return value->get<uint64_t>();
    if (value != nullptr && value->is_string()) {
      if (const auto n = parse_number(value->get_ref<const std::string&>())) return *n;
    }
    throw InputError(fmt::format("{}/{}: expected a number or hex string", where, key));
  };
  const uint64_t level = number("level");
  if (level < 1 || level > 5) throw InputError(fmt::format("{}/level: expected 1 to 5, got {}", where, level));
  return {static_cast<unsigned>(level), VirtAddr(number("va")), static_cast<unsigned>(number("index")),
          PhysAddr(number("table_pa")), number("value")};
}

constexpr uint64_t kPresent = 1, kLargePage = 0x80, kPatBit = 0x1000;

bool is_leaf(const mm::TableEntry& e) {
  return (e.value & kPresent) != 0 && (e.level == 1 || (e.level <= 3 && (e.value & kLargePage) != 0));
}
/// The page a leaf maps; bit 12 of a large page is PAT.
uint64_t page_of(const mm::TableEntry& e) { return e.value & kAddressBits & (e.level > 1 ? ~kPatBit : ~uint64_t{0}); }

/// The leaves of each page that has several, as sorted addresses.
std::set<std::vector<uint64_t>> sharing_groups(const std::vector<mm::TableEntry>& entries) {
  std::map<Key, std::vector<uint64_t>> leaves;  // by level and page
  for (const mm::TableEntry& e : entries)
    if (is_leaf(e)) leaves[{e.level, page_of(e)}].push_back(e.va.raw());
  std::set<std::vector<uint64_t>> groups;
  for (auto& [page, addresses] : leaves) {
    if (addresses.size() < 2) continue;
    std::sort(addresses.begin(), addresses.end());
    groups.insert(std::move(addresses));
  }
  return groups;
}

/// Leaves that map something outside `boot_memory`: level, VA and page.
std::set<std::pair<Key, uint64_t>> placed_leaves(const std::vector<mm::TableEntry>& entries,
                                                 const std::vector<PhysRange>& boot_memory) {
  std::set<std::pair<Key, uint64_t>> placed;
  for (const mm::TableEntry& e : entries) {
    if (!is_leaf(e)) continue;
    const PhysAddr page(page_of(e));
    const bool inside = std::any_of(boot_memory.begin(), boot_memory.end(),
                                    [&](const PhysRange& r) { return r.start <= page && page < r.end; });
    if (!inside) placed.insert({{e.level, e.va.raw()}, page.raw()});
  }
  return placed;
}

template <class Set>
SetAgreement compare_sets(const Set& recorded, const Set& built) {
  std::vector<typename Set::value_type> both;
  std::set_intersection(recorded.begin(), recorded.end(), built.begin(), built.end(), std::back_inserter(both));
  return {recorded.size(), built.size(), both.size()};
}

std::string shown(const mm::TableEntry& e) { return fmt::format("0x{:x} in {}[{}]", e.value, e.table_pa, e.index); }

}  // namespace

LevelAgreement StageAgreement::sum() const {
  LevelAgreement all;
  for (const LevelAgreement& l : level) {
    all.recorded += l.recorded;
    all.same_place += l.same_place;
    all.same_flags += l.same_flags;
    all.same_address += l.same_address;
    all.extra += l.extra;
  }
  return all;
}

bool StageAgreement::agrees() const {
  const LevelAgreement all = sum();
  return all.extra == 0 && all.same_flags == all.recorded && shared.agrees() && placed.agrees() &&
         (!addresses_determined || all.same_address == all.recorded);
}

StageAgreement compare_stage(const StageTables& built, const json& stage, const std::string& where,
                             const std::vector<PhysRange>& boot_memory) {
  if (!stage.contains("entries") || !stage["entries"].is_array()) {
    throw InputError(fmt::format("{}/entries: missing, there is nothing to compare with", where));
  }
  std::map<Key, mm::TableEntry> mine;
  for (const mm::TableEntry& e : built.entries) mine.emplace(Key{e.level, e.va.raw()}, e);
  StageAgreement result;
  result.stage = built.stage;
  const auto differs = [&](const mm::TableEntry& recorded, const std::string& got) {
    if (!result.first_difference.empty()) return;
    result.first_difference =
        fmt::format("level {} va {}: {}, recorded {}", recorded.level, recorded.va, got, shown(recorded));
  };
  std::vector<mm::TableEntry> recorded;
  for (size_t i = 0; i < stage["entries"].size(); ++i) {
    const mm::TableEntry want = read_entry(stage["entries"][i], fmt::format("{}/entries/{}", where, i));
    recorded.push_back(want);
    LevelAgreement& level = result.level[want.level];
    ++level.recorded;
    const auto found = mine.find({want.level, want.va.raw()});
    if (found == mine.end()) {
      differs(want, "nothing");
      continue;
    }
    const mm::TableEntry have = found->second;
    mine.erase(found);
    level.same_place += have.index == want.index;
    const bool flags = have.index == want.index && flags_of(have.value) == flags_of(want.value);
    const bool address = (have.value & kAddressBits) == (want.value & kAddressBits) && have.table_pa == want.table_pa;
    level.same_flags += flags;
    level.same_address += flags && address;
    if (!flags || !address) differs(want, shown(have));
  }
  for (const auto& [key, e] : mine) {
    ++result.level[e.level].extra;
    if (result.first_difference.empty()) {
      result.first_difference = fmt::format("level {} va {}: {}, recorded nothing", e.level, e.va, shown(e));
    }
  }
  result.shared = compare_sets(sharing_groups(recorded), sharing_groups(built.entries));
  result.placed = compare_sets(placed_leaves(recorded, boot_memory), placed_leaves(built.entries, boot_memory));
  const bool folios = stage.contains("hugetlb_folios") && !stage["hugetlb_folios"].empty();
  result.addresses_determined = stage.value("stage", "") == "boot" && !folios;
  return result;
}

}  // namespace mmusim
