// SPDX-License-Identifier: MIT
#include "sim/explain/entry_text.h"

#include "models/base/format.h"
#include "models/x86/fault.h"

namespace mmusim {

namespace {

void add_common(uint64_t entry, std::vector<std::string>& flags) {
  static constexpr std::pair<uint64_t, const char*> kNames[] = {
      {pte::kPresent, "present"},  {pte::kWritable, "writable"}, {pte::kUser, "user"},
      {pte::kWriteThrough, "pwt"}, {pte::kCacheDisable, "pcd"},  {pte::kAccessed, "accessed"}};
  for (const auto& [bit, name] : kNames) {
    if ((entry & bit) != 0) flags.emplace_back(name);
  }
}

void add_leaf(const ControlState& control, unsigned level, uint64_t entry, std::vector<std::string>& flags) {
  const ControlState::LevelRules& rules = control.rules(level);
  if ((entry & pte::kDirty) != 0) flags.emplace_back("dirty");
  if (level > 1) flags.push_back(std::string(name_of(rules.size)) + " page");
  if ((entry >> rules.pat_shift & 1) != 0) flags.emplace_back("pat");
  if ((entry & pte::kGlobal) != 0) flags.emplace_back("global");
}

/// Bits 9, 10, 11 and, in 4- and 5-level paging, 52 to 58 (62 where there is no key) are software's.
void add_software(const ControlState& control, bool leaf, uint64_t entry, std::vector<std::string>& flags) {
  const bool keys = leaf && (control.pke() || control.pks());
  const unsigned top = !is_long_mode(control.mode()) ? 11 : keys ? 58 : 62;
  for (unsigned bit = 9; bit <= top; bit = bit == 11 ? 52 : bit + 1) {
    if ((entry >> bit & 1) != 0) flags.push_back(fmt::format("sw{}", bit));
  }
  const uint64_t key = entry >> pte::kKeyShift & pte::kKeyMask;
  if (keys && key != 0) flags.push_back(fmt::format("key {}", key));
}

}  // namespace

bool maps_page(const ControlState& control, unsigned level, uint64_t entry) {
  return (entry & control.rules(level).leaf_bit) != 0;
}

uint64_t reserved_bits_set(const ControlState& control, unsigned level, uint64_t entry) {
  return entry & control.rules(level).reserved[maps_page(control, level, entry) ? 1 : 0];
}

PhysAddr entry_target(const ControlState& control, unsigned level, uint64_t entry) {
  if (!maps_page(control, level, entry)) return entry_address(entry);
  const ControlState::LevelRules& rules = control.rules(level);
  PhysAddr frame(entry & rules.frame_mask);
  if (rules.size == PageSize::k4M) frame += (entry >> 13 & 0xff) << 32;
  return frame;
}

std::vector<std::string> entry_flags(const ControlState& control, unsigned level, uint64_t entry) {
  if ((entry & pte::kPresent) == 0) return {entry == 0 ? "empty" : "not present"};
  std::vector<std::string> flags;
  const bool leaf = maps_page(control, level, entry);
  const uint64_t reserved = reserved_bits_set(control, level, entry);
  add_common(entry & ~reserved, flags);
  if (leaf) add_leaf(control, level, entry & ~reserved, flags);
  add_software(control, leaf, entry & ~reserved, flags);
  if ((entry & ~reserved & pte::kNoExecute) != 0) flags.emplace_back("nx");
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((reserved >> bit & 1) != 0) flags.push_back(fmt::format("reserved {}", bit));
  }
  return flags;
}

std::string flag_name(const std::string& flag, Names names) {
  struct Words {
    std::string_view flag;
    const char* intel;
    const char* linux_name;
  };
  static constexpr Words kWords[] = {
      {"present", "P", "PRESENT"},  {"writable", "R/W", "RW"},   {"user", "U/S", "USER"},
      {"pwt", "PWT", "PWT"},        {"pcd", "PCD", "PCD"},       {"accessed", "A", "ACCESSED"},
      {"dirty", "D", "DIRTY"},      {"2M page", "PS", "PSE"},    {"4M page", "PS", "PSE"},
      {"1G page", "PS", "PSE"},     {"pat", "PAT", "PAT"},       {"global", "G", "GLOBAL"},
      {"nx", "XD", "NX"},           {"sw9", "bit 9", "SOFTW1"},  {"sw10", "bit 10", "SOFTW2"},
      {"sw11", "bit 11", "SOFTW3"}, {"sw58", "bit 58", "SOFTW4"}};
  for (const Words& words : kWords) {
    if (words.flag == flag) return names == Names::kLinux ? words.linux_name : words.intel;
  }
  return flag.starts_with("sw") ? "bit " + flag.substr(2) : flag;
}

const char* entry_name(unsigned level, unsigned levels, Names names) {
  if (names == Names::kIntel) return entry_name(level);
  if (level == levels) return "pgd";
  constexpr const char* kNames[] = {"pte", "pmd", "pud", "p4d"};
  return kNames[level - 1];
}

std::vector<std::string> error_code_bits(uint32_t code) {
  static constexpr std::pair<uint32_t, const char*> kNames[] = {{kErrorWrite, "write"},
                                                                {kErrorUser, "user"},
                                                                {kErrorReserved, "reserved bit"},
                                                                {kErrorFetch, "instruction fetch"},
                                                                {kErrorKey, "protection key"}};
  std::vector<std::string> bits;
  bits.emplace_back((code & kErrorPresent) != 0 ? "present" : "not present");
  for (const auto& [bit, name] : kNames) {
    if ((code & bit) != 0) bits.emplace_back(name);
  }
  return bits;
}

}  // namespace mmusim
