// SPDX-License-Identifier: MIT
#include "sim/translate/walk_case.h"

#include <fmt/compile.h>

#include <algorithm>
#include <bit>
#include <iterator>

#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr size_t kHexDigits = 16;

/// Writes `value` in hex at `to`; returns the end.
char* write_hex(uint64_t value, char* to) {
  const auto digits = static_cast<unsigned>(value == 0 ? 1 : (67 - std::countl_zero(value)) / 4);
  for (unsigned i = digits; i != 0; value >>= 4) to[--i] = "0123456789abcdef"[value & 15];
  return to + digits;
}

}  // namespace

void append_hex_member(std::string_view key, uint64_t value, std::string& out) {
  out += ",\"";
  out += key;
  out += "\":\"";
  char digits[kHexDigits];
  out.append(digits, write_hex(value, digits));
  out += '"';
}

std::string_view outcome_name(const Exception& exception) {
  switch (exception.vector) {
    case Vector::kStackFault:
      return "ss";
    case Vector::kGeneralProtection:
      return "gp";
    case Vector::kPageFault:
      return "pf";
  }
  return "?";
}

void append_values(std::string_view key, std::span<const ListedEntry> entries, std::string& out) {
  out += ",\"";
  out += key;
  out += "\":[";
  const size_t before = out.size();
  out.resize(before + entries.size() * (kHexDigits + 3));
  char* const begin = out.data() + before;
  char* at = begin;
  for (const ListedEntry& entry : entries) {
    if (at != begin) *at++ = ',';
    *at++ = '"';
    at = write_hex(entry.value, at);
    *at++ = '"';
  }
  out.resize(before + static_cast<size_t>(at - begin));
  out += ']';
}

void append_outcome(const WalkCase& c, std::string_view outcome, std::string& out) {
  out += "{\"id\":";
  append_json_string(c.id, out);
  out += ",\"out\":\"";
  out += outcome;
  out += '"';
}

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

uint64_t ListedMemory::load_entry(PhysAddr pa, unsigned bytes) const {
  const ListedEntry* entry = find(pa);
  if (entry != nullptr && entry->bytes == bytes) [[likely]]
    return entry->value;
  if (tables_ != nullptr) return load_from_tables(pa, bytes);
  if (guest_entries_ == 0 || entries_.front().bytes == kEntryBytes) return 0;
  // 4-byte guest entries and 8-byte nested ones: a table that lies where entries of the other kind are.
  const auto half = [&](PhysAddr at) -> uint64_t {
    const ListedEntry* own = find(at);
    if (own != nullptr && own->bytes == 4) return own->value;
    const ListedEntry* whole = find(at.align_down(kEntryBytes));
    if (whole == nullptr || whole->bytes != kEntryBytes) return 0;
    return at.is_aligned(kEntryBytes) ? whole->value & 0xffff'ffff : whole->value >> 32;
  };
  return bytes == 4 ? half(pa) : half(pa) | half(pa + 4) << 32;
}

uint64_t ListedMemory::load_from_tables(PhysAddr pa, unsigned bytes) const {
  for (const auto& [at, value] : stored_) {
    if (at == pa) return value;
  }
  return tables_->load(pa, bytes);
}

void ListedMemory::store_entry(PhysAddr pa, uint64_t value, unsigned bytes) {
  const auto put = [&](PhysAddr at, uint64_t what) {
    const ListedEntry* entry = find(at);
    if (entry == nullptr) return false;
    entries_[static_cast<size_t>(entry - entries_.data())].value = what;
    return true;
  };
  if (const ListedEntry* entry = find(pa); entry != nullptr && entry->bytes == bytes) [[likely]] {
    put(pa, value);
    return;
  }
  if (tables_ != nullptr) {
    std::erase_if(stored_, [&](const auto& old) { return old.first == pa; });
    stored_.emplace_back(pa, value);
    return;
  }
  bool known = false;
  if (bytes == 4) {  // half of an 8-byte entry
    const PhysAddr whole = pa.align_down(kEntryBytes);
    const unsigned shift = pa == whole ? 0 : 32;
    known = put(whole, (load_entry(whole, 8) & ~(uint64_t{0xffff'ffff} << shift)) | value << shift);
  } else {  // one or two 4-byte entries
    known = put(pa, value & 0xffff'ffff);
    known = put(pa + 4, value >> 32) || known;
  }
  MMUSIM_INVARIANT(known, "only listed entries can be present");
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
  append_outcome(c, result.exception ? outcome_name(*result.exception) : "ok", out);
  if (!result.exception) {
    append_hex_member("pa", result.pa.raw(), out);
    if (result.pa2) append_hex_member("pa2", result.pa2->raw(), out);
  } else if (result.exception->cr2) {
    append_hex_member("ec", result.exception->error_code, out);
    append_hex_member("cr2", result.exception->cr2->raw(), out);
  }
  append_values("aft", memory.entries(), out);
  out += "}\n";
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
