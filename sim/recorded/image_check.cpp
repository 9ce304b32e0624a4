// SPDX-License-Identifier: MIT
#include "sim/recorded/image_check.h"

#include <map>

#include <nlohmann/json.hpp>

#include "models/base/config.h"
#include "models/base/format.h"
#include "models/x86/mappings.h"

namespace mmusim {

namespace {

using nlohmann::json;

constexpr size_t kShown = 10;
// The recorder left the per-CPU espfix stacks out of `info_mem`.
constexpr VirtAddr kEspfixBegin(0xffff'ff00'0000'0000);
constexpr VirtAddr kEspfixEnd(0xffff'ff80'0000'0000);

struct RightsRange {
  VirtAddr begin;
  VirtAddr end;
  bool user = false;
  bool writable = false;
  bool operator==(const RightsRange&) const = default;
  auto operator<=>(const RightsRange& other) const { return begin <=> other.begin; }
};

std::string text_of(const RightsRange& r) {
  return fmt::format("{}-{} {}r{}", r.begin, r.end, r.user ? 'u' : '-', r.writable ? 'w' : '-');
}

uint64_t address_at(const PageTableImage& image, const json& value, const std::string& pointer, const char* prefix) {
  const auto number = value.is_string() ? parse_number(prefix + value.get<std::string>()) : std::nullopt;
  if (!number) throw InputError(fmt::format("{}: {}: expected a hex address", image.json_path, pointer));
  return *number;
}

void expect_tuple(const PageTableImage& image, const json& value, size_t size, const std::string& pointer) {
  if (value.is_array() && value.size() == size) return;
  throw InputError(fmt::format("{}: {}: expected an array of {}", image.json_path, pointer, size));
}

void disagree(ImageCheck& check, std::string what) {
  if (check.disagreements.size() < kShown) check.disagreements.push_back(std::move(what));
}

std::string shown(const std::optional<PhysAddr>& pa) { return pa ? fmt::format("{}", *pa) : "not mapped"; }

void check_answers(const PageTableImage& image, const json& recorded, const TranslateFn& translate, ImageCheck& check) {
  for (size_t i = 0; i < recorded.size(); ++i) {
    const std::string pointer = fmt::format("/gva2gpa/{}", i);
    expect_tuple(image, recorded[i], 2, pointer);
    const VirtAddr va(address_at(image, recorded[i][0], pointer + "/0", ""));
    std::optional<PhysAddr> expected;
    if (!recorded[i][1].is_null()) expected = PhysAddr(address_at(image, recorded[i][1], pointer + "/1", ""));
    const std::optional<PhysAddr> got = translate(va);
    ++check.answers.of;
    if (got == expected) {
      ++check.answers.agree;
    } else {
      disagree(check, fmt::format("{}: {}, recorded {}", va, shown(got), shown(expected)));
    }
  }
}

std::vector<RightsRange> rights_ranges(const PageTableImage& image, PhysMem& memory) {
  std::vector<RightsRange> ranges;
  for_each_mapping(image.control, PhysMemEntries{memory}, [&](const Mapping& m) {
    if (m.va >= kEspfixBegin && m.va < kEspfixEnd) return;
    const Rights rights = m.translation.rights();
    const VirtAddr end = m.va + bytes_of(m.translation.size());
    if (!ranges.empty()) {
      RightsRange& last = ranges.back();
      if (last.end == m.va && last.user == rights.user() && last.writable == rights.writable()) {
        last.end = end;
        return;
      }
    }
    ranges.push_back({m.va, end, rights.user(), rights.writable()});
  });
  return ranges;
}

void check_ranges(const PageTableImage& image, const json& recorded, PhysMem& memory, ImageCheck& check) {
  std::map<VirtAddr, RightsRange> expected;
  for (size_t i = 0; i < recorded.size(); ++i) {
    const std::string pointer = fmt::format("/info_mem/{}", i);
    expect_tuple(image, recorded[i], 3, pointer);
    const VirtAddr begin(address_at(image, recorded[i][0], pointer + "/0", "0x"));
    const VirtAddr end(address_at(image, recorded[i][1], pointer + "/1", "0x"));
    if (!recorded[i][2].is_string() || recorded[i][2].get<std::string>().size() != 3) {
      throw InputError(fmt::format("{}: {}/2: expected rights such as \"urw\"", image.json_path, pointer));
    }
    const auto rights = recorded[i][2].get<std::string>();
    expected[begin] = {begin, end, rights[0] == 'u', rights[2] == 'w'};
  }
  if (expected.empty()) return;  // not recorded
  check.ranges.of = expected.size();
  for (const RightsRange& range : rights_ranges(image, memory)) {
    const auto at = expected.find(range.begin);
    if (at != expected.end() && at->second == range) {
      ++check.ranges.agree;
      expected.erase(at);
    } else {
      disagree(check, fmt::format("mapped with these rights, but not recorded so: {}", text_of(range)));
      if (at == expected.end()) ++check.ranges.of;
    }
  }
  for (const auto& [begin, range] : expected) disagree(check, "recorded, but not so: " + text_of(range));
}

void check_leaf_groups(const PageTableImage& image, const json& recorded, PhysMem& memory, ImageCheck& check) {
  if (!recorded.is_object()) throw InputError(image.json_path + ": /leaf_stats: expected an object");
  constexpr uint64_t kFlags = ~pte::kAddressMask;
  std::map<std::string, uint64_t> groups;
  for_each_mapping(image.control, PhysMemEntries{memory}, [&](const Mapping& m) {
    const Rights rights = m.translation.rights();
    ++groups[fmt::format("L{} {} {} {} flags={:#x}", m.leaf.level, rights.user() ? "user" : "kernel",
                         rights.writable() ? "rw" : "ro", rights.no_execute() ? "nx" : "x", m.leaf.entry & kFlags)];
  });
  for (const auto& [group, count] : recorded.items()) {
    const auto at = groups.find(group);
    const uint64_t got = at == groups.end() ? 0 : at->second;
    ++check.leaf_groups.of;
    if (count.is_number_unsigned() && count.get<uint64_t>() == got) {
      ++check.leaf_groups.agree;
    } else {
      disagree(check, fmt::format("{} leaves \"{}\", recorded {}", got, group, count.dump()));
    }
    if (at != groups.end()) groups.erase(at);
  }
  for (const auto& [group, count] : groups) {
    ++check.leaf_groups.of;
    disagree(check, fmt::format("{} leaves \"{}\", recorded none", count, group));
  }
}

}  // namespace

TranslateFn pure_translation(const PageTableImage& image, PhysMem& memory) {
  return [&image, &memory](VirtAddr va) -> std::optional<PhysAddr> {
    if (!image.control.canonical(va)) return std::nullopt;
    Walk walk(image.control, va);
    while (!walk.done()) walk.feed(memory.load64(walk.entry_pa()));
    if (walk.fault()) return std::nullopt;
    return walk.translation().address(va);
  };
}

ImageCheck check_image(const PageTableImage& image, PhysMem& memory, const TranslateFn& translate) {
  const json document = parse_json_file(image.json_path);
  ImageCheck check;
  const auto section = [&](const char* key, auto&& fn) {
    if (const auto at = document.find(key); at != document.end()) fn(*at);
  };
  section("gva2gpa", [&](const json& recorded) { check_answers(image, recorded, translate, check); });
  section("info_mem", [&](const json& recorded) { check_ranges(image, recorded, memory, check); });
  section("leaf_stats", [&](const json& recorded) { check_leaf_groups(image, recorded, memory, check); });
  return check;
}

}  // namespace mmusim
