// SPDX-License-Identifier: MIT
#include "sim/translate/walk_case.h"

#include <fmt/compile.h>

#include <algorithm>
#include <iterator>

#include "models/base/format.h"

namespace mmusim {

namespace {

void append_hex(uint64_t value, std::string& out) {
  char digits[16];
  unsigned n = 0;
  do {
    digits[n++] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0);
  while (n != 0) out += digits[--n];
}

void append_hex_member(std::string_view key, uint64_t value, std::string& out) {
  out += ",\"";
  out += key;
  out += "\":\"";
  append_hex(value, out);
  out += '"';
}

std::string_view outcome_name(const std::optional<Exception>& exception) {
  if (!exception) return "ok";
  switch (exception->vector) {
    case Vector::kStackFault:
      return "ss";
    case Vector::kGeneralProtection:
      return "gp";
    case Vector::kPageFault:
      return "pf";
  }
  return "?";
}

}  // namespace

std::optional<PhysAddr> ListedMemory::index() {
  sorted_.clear();
  if (entries_.size() <= kScanned) {
    for (size_t i = 1; i < entries_.size(); ++i) {
      if (find(entries_[i].pa) != &entries_[i]) return entries_[i].pa;
    }
    return std::nullopt;
  }
  for (size_t i = 0; i < entries_.size(); ++i) sorted_.emplace_back(entries_[i].pa, i);
  std::sort(sorted_.begin(), sorted_.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto twice = std::adjacent_find(sorted_.begin(), sorted_.end(), same);
  return twice == sorted_.end() ? std::nullopt : std::optional(twice->first);
}

const ListedEntry* ListedMemory::find(PhysAddr pa) const {
  if (entries_.size() <= kScanned) {
    const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const ListedEntry& e) { return e.pa == pa; });
    return at == entries_.end() ? nullptr : &*at;
  }
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), std::pair(pa, size_t{0}));
  return at == sorted_.end() || at->first != pa ? nullptr : &entries_[at->second];
}

uint64_t ListedMemory::load_entry(PhysAddr pa, unsigned /*bytes*/) const {
  const ListedEntry* entry = find(pa);
  return entry == nullptr ? 0 : entry->value;
}

void ListedMemory::store_entry(PhysAddr pa, uint64_t value, unsigned /*bytes*/) {
  const ListedEntry* entry = find(pa);
  MMUSIM_INVARIANT(entry != nullptr, "only listed entries can be present");
  entries_[static_cast<size_t>(entry - entries_.data())].value = value;
}

CaseResult run_case(const WalkCase& c, ListedMemory& memory) {
  ControlState control(c.registers, c.traits);
  if (control.mode() == PagingMode::kPae) {
    const auto pdptes = load_pdptes(c.registers.cr3, c.traits, memory);
    if (!pdptes) return {Exception{Vector::kGeneralProtection, 0, std::nullopt}, PhysAddr(), std::nullopt};
    control.set_pdptes(*pdptes);
  }
  const Outcome outcome = translate(control, c.va, c.bytes, c.access, memory);
  if (outcome.fault) return {exception_of(*outcome.fault, c.access, control, outcome.fault_va), PhysAddr(), {}};
  return {std::nullopt, outcome.pa, outcome.pa2};
}

void append_result(const WalkCase& c, const CaseResult& result, const ListedMemory& memory, std::string& out) {
  out += "{\"id\":";
  append_json_string(c.id, out);
  out += ",\"out\":\"";
  out += outcome_name(result.exception);
  out += '"';
  if (!result.exception) {
    append_hex_member("pa", result.pa.raw(), out);
    if (result.pa2) append_hex_member("pa2", result.pa2->raw(), out);
  } else if (result.exception->cr2) {
    append_hex_member("ec", result.exception->error_code, out);
    append_hex_member("cr2", result.exception->cr2->raw(), out);
  }
  out += ",\"aft\":[";
  bool first = true;
  for (const ListedEntry& entry : memory.entries()) {
    out += first ? "\"" : ",\"";
    first = false;
    append_hex(entry.value, out);
    out += '"';
  }
  out += "]}\n";
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{:04x}"), static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace mmusim
