// SPDX-License-Identifier: MIT
#include "sim/translate/case_parser.h"

// The keys of cases with nested paging (docs/page-walk-cases.md).

namespace mmusim {

bool CaseParser::read_kind(element value, WalkCase& c) {
  std::string_view name;
  if (!text(kNk, value, name)) return false;
  if (name != "ept" && name != "npt") return fail_at(kNk, "expected ept or npt");
  c.is_nested = true;
  c.nested.kind = name == "ept" ? NestedKind::kEpt : NestedKind::kNpt;
  return true;
}

bool CaseParser::read_nested(element value, WalkCase& c) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return fail_at(kNested, "expected an object");
  for (const auto field : object) {
    if (!read_nested_field(field.key, field.value, c.nested)) return false;
  }
  return note(kNested);
}

bool CaseParser::read_nested_field(std::string_view key, element value, NestedRegisters& to) {
  const auto once = [&](Field field) {
    if ((fields_ & field) != 0) return fail_at(key, "given twice");
    fields_ = static_cast<uint8_t>(fields_ | field);
    return true;
  };
  const auto number = [&](Field field, uint64_t& into) {
    std::string_view digits;
    const auto parsed = value.get(digits) == simdjson::SUCCESS ? parse_hex(digits) : std::nullopt;
    if (!parsed) return fail_at(key, "expected up to 16 hex digits");
    into = *parsed;
    return once(field);
  };
  const auto flag = [&](Field field, bool& into) {
    unsigned bit = 0;
    if (!integer(key, value, 0, 1, bit)) return false;
    into = bit != 0;
    return once(field);
  };
  uint64_t host_cr0 = 0;  // WP of the host has no say: every nested access is a user access [N-53]
  if (key.size() > 8) return true;
  switch (packed(key)) {
    case packed("eptp"):
      return number(kEptp, to.root);
    case packed("mbec"):
      return flag(kMbec, to.mode_based_execute);
    case packed("xo"):
      return flag(kXo, to.execute_only);
    case packed("adv"):
      return flag(kAdv, to.advanced_information);
    case packed("ncr3"):
      return number(kNcr3, to.root);
    case packed("hcr0"):
      return number(kHcr0, host_cr0);
    case packed("hcr4"):
      return number(kHcr4, to.host_cr4);
    case packed("hefer"):
      return number(kHefer, to.host_efer);
    default:
      return true;
  }
}

bool CaseParser::read_pdpte(element value, WalkCase& c) {
  simdjson::dom::array list;
  size_t n = 0;
  if (value.get(list) != simdjson::SUCCESS) return fail_at(kPdpte, "expected an array");
  for (const element item : list) {
    std::string_view digits;
    const auto number = item.get(digits) == simdjson::SUCCESS ? parse_hex(digits) : std::nullopt;
    if (!number || n == c.registers.pdpte.size()) return fail_at(kPdpte, "expected four entries in hex");
    c.registers.pdpte[n++] = *number;
  }
  if (n != c.registers.pdpte.size()) return fail_at(kPdpte, "expected four entries in hex");
  return note(kPdpte);
}

bool CaseParser::complete_nested(WalkCase& c) {
  if (!c.is_nested) {
    if ((seen_ & (kNg1 | kNested | kPdpte | kMemh | kNmem)) != 0) return fail_at(kNk, "missing");
    return true;
  }
  if ((seen_ & kNested) == 0) return fail_at(kNested, "missing");
  if ((seen_ & kNmem) == 0) return fail_at(kNmem, "missing");
  const bool ept = c.nested.kind == NestedKind::kEpt;
  const unsigned wrong = fields_ & (ept ? kNcr3 | kHcr0 | kHcr4 | kHefer : kEptp | kMbec | kXo | kAdv);
  if (wrong != 0) return fail_at(kNested, "keys of EPT and of NPT, but nk says {}", ept ? "ept" : "npt");
  const unsigned needed = ept ? kEptp : kNcr3 | kHcr4 | kHefer;
  if ((fields_ & needed) != needed) return fail_at(kNested, "expected {}", ept ? "eptp" : "ncr3, hcr4 and hefer");
  if ((seen_ & kNg1) == 0) c.nested.gib_pages = c.traits.gib_pages;
  c.traits.vendor = ept ? Vendor::kIntel : Vendor::kAmd;
  if (const auto why = contradiction(c.nested, c.traits.phys_bits)) return fail_at(kNested, "{}", *why);
  const bool registers = ept && paging_mode_of(c.registers) == PagingMode::kPae;
  if (registers != ((seen_ & kPdpte) != 0)) {
    return fail_at(kPdpte, "{}",
                   registers ? "missing: a PAE guest of EPT has its PDPTEs in registers"
                             : "only a PAE guest of EPT has its PDPTEs in registers");
  }
  for (const uint64_t entry : c.registers.pdpte) {
    if ((entry & pte::kPresent) != 0 && (entry & pdpte_reserved_bits(c.traits.phys_bits)) != 0) {
      return fail_at(kPdpte, "{:x} has reserved bits set: VM entry fails", entry);
    }
  }
  return true;
}

/// Guest entries at their host addresses, then nested entries, in the order in which they are listed.
bool CaseParser::read_nested_memory(ListedMemory& memory) {
  simdjson::dom::array list, hosts, nested;
  if (memory_node_.get(list) != simdjson::SUCCESS) return fail_at(kMem, "expected an array");
  if ((seen_ & kMemh) == 0 && list.size() != 0) return fail_at(kMemh, "missing");
  if ((seen_ & kMemh) != 0 && hosts_node_.get(hosts) != simdjson::SUCCESS) return fail_at(kMemh, "expected an array");
  if ((seen_ & kMemh) != 0 && hosts.size() != list.size()) {
    return fail_at(kMemh, "expected one host address for each entry of mem");
  }
  if (nested_node_.get(nested) != simdjson::SUCCESS) return fail_at(kNmem, "expected an array");
  std::pair<uint64_t, uint64_t> numbers;
  size_t i = 0;
  if (list.size() != 0) {
    auto host = hosts.begin();
    for (const element pair : list) {
      std::string_view digits;
      const auto at = (*host).get(digits) == simdjson::SUCCESS ? parse_hex(digits) : std::nullopt;
      if (!at) return fail_at(kMemh, "item {}: expected an address in hex", i);
      if (!read_pair(kMem, pair, i, entry_width_, numbers) || !check_place(kMemh, *at, i, entry_width_)) return false;
      memory.add(PhysAddr(*at), numbers.second, entry_width_);
      ++host;
      ++i;
    }
  }
  memory.first_are_guest_entries(i);
  i = 0;
  for (const element pair : nested) {
    if (!read_pair(kNmem, pair, i++, kEntryBytes, numbers)) return false;
    memory.add(PhysAddr(numbers.first), numbers.second);
  }
  if (const auto twice = memory.index()) return fail_at(kNmem, "host address {} is listed twice", *twice);
  return true;
}

}  // namespace mmusim
