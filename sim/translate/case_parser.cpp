// SPDX-License-Identifier: MIT
#include "sim/translate/case_parser.h"

#include <array>
#include <bit>

namespace mmusim {

namespace {

constexpr std::string_view kKeyNames[] = {"id",   "mode", "maxpa", "g1",     "cr0",   "cr3",  "cr4", "efer", "pkru",
                                          "pkrs", "ac",   "cpl",   "acc",    "imp",   "stk",  "va",  "n",    "ew",
                                          "mem",  "nk",   "ng1",   "nested", "pdpte", "memh", "nmem"};

/// Value of a hex digit; 16 for any other character.
constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(16);
  for (unsigned i = 0; i < 16; ++i) {
    digits[static_cast<unsigned char>("0123456789abcdef"[i])] = static_cast<uint8_t>(i);
    digits[static_cast<unsigned char>("0123456789ABCDEF"[i])] = static_cast<uint8_t>(i);
  }
  return digits;
}();

}  // namespace

std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  unsigned bad = 0;
  for (const char c : text) {
    const uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    bad |= digit;
    value = value << 4 | (digit & 15U);
  }
  return bad < 16 ? std::optional(value) : std::nullopt;
}

std::string_view CaseParser::name_of(Key key) { return kKeyNames[std::countr_zero(uint32_t{key})]; }

bool CaseParser::parse(std::string_view line, WalkCase& c, ListedMemory& memory) {
  error.clear();
  seen_ = 0;
  fields_ = 0;
  mode_ = {};
  cpl_ = implicit_ = entry_width_ = 0;
  kind_ = AccessKind::kRead;
  stack_ = false;
  if (defaults_.traits) c.traits = *defaults_.traits;
  if (defaults_.registers) c.registers = *defaults_.registers;
  memory.clear();
  memory_node_ = hosts_node_ = nested_node_ = element();
  element document;
  if (const auto code = json_.parse(line.data(), line.size(), false).get(document); code != simdjson::SUCCESS) {
    return fail(fmt::format("not a JSON object: {}", simdjson::error_message(code)));
  }
  simdjson::dom::object object;
  if (document.get(object) != simdjson::SUCCESS) return fail("expected a JSON object");
  for (const auto field : object) {
    if (!read_field(field.key, field.value, c)) return false;
  }
  return complete(c) && read_memory(c, memory);
}

bool CaseParser::note(Key key) {
  if ((seen_ & key) != 0) return fail_at(key, "given twice");
  seen_ |= key;
  return true;
}

bool CaseParser::text(Key key, element value, std::string_view& to) {
  if (value.get(to) != simdjson::SUCCESS) return fail_at(key, "expected a string");
  return note(key);
}

bool CaseParser::hex(Key key, element value, uint64_t& to, unsigned bits) {
  std::string_view digits;
  if (!text(key, value, digits)) return false;
  const auto number = parse_hex(digits);
  if (!number || (bits < 64 && *number >> bits != 0)) return fail_at(key, "expected up to {} hex digits", bits / 4);
  to = *number;
  return true;
}

bool CaseParser::integer(std::string_view key, element value, unsigned min, unsigned max, unsigned& to) {
  uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number < min || number > max) {
    return fail_at(key, "expected an integer from {} to {}", min, max);
  }
  to = static_cast<unsigned>(number);
  return true;
}

bool CaseParser::flag(Key key, element value, bool& to) {
  unsigned number = 0;
  if (!integer(key, value, 0, 1, number)) return false;
  to = number != 0;
  return true;
}

bool CaseParser::access_kind(element value, AccessKind& to) {
  std::string_view name;
  if (!text(kAcc, value, name)) return false;
  if (name == "r") {
    to = AccessKind::kRead;
  } else if (name == "w" || name == "rmw") {
    to = AccessKind::kWrite;
  } else if (name == "x") {
    to = AccessKind::kFetch;
  } else {
    return fail_at(kAcc, "expected r, w, x or rmw");
  }
  return true;
}

bool CaseParser::read_field(std::string_view key, element value, WalkCase& c) {
  if (key.size() > 8) return true;  // expectations and comments are not ours to read
  switch (packed(key)) {
    case packed("id"):
      return text(kId, value, c.id);
    case packed("mode"):
      return text(kMode, value, mode_);
    case packed("maxpa"):
      return integer(kMaxPa, value, 32, kMaxPhysBits, c.traits.phys_bits);
    case packed("g1"):
      return flag(kG1, value, c.traits.gib_pages);
    case packed("ac"):
      return flag(kAc, value, c.registers.ac);
    case packed("cpl"):
      return integer(kCpl, value, 0, 3, cpl_);
    case packed("acc"):
      return access_kind(value, kind_);
    case packed("imp"):
      return integer(kImp, value, 0, 1, implicit_);
    case packed("stk"):
      return flag(kStk, value, stack_);
    case packed("va"): {
      uint64_t va = 0;
      const bool ok = hex(kVa, value, va);
      c.va = VirtAddr(va);
      return ok;
    }
    case packed("n"):
      return integer(kN, value, 1, kPageBytes, c.bytes);
    case packed("ew"):
      return integer(kEw, value, 4, 8, entry_width_);
    case packed("mem"):
      memory_node_ = value;
      return note(kMem);
    case packed("nk"):
      return read_kind(value, c);
    case packed("ng1"):
      return flag(kNg1, value, c.nested.gib_pages);
    case packed("nested"):
      return read_nested(value, c);
    case packed("pdpte"):
      return read_pdpte(value, c);
    case packed("memh"):
      hosts_node_ = value;
      return note(kMemh);
    case packed("nmem"):
      nested_node_ = value;
      return note(kNmem);
    default:
      return read_register(key, value, c.registers);
  }
}

/// Reads a register of the case; other keys are expectations and comments.
bool CaseParser::read_register(std::string_view key, element value, ControlRegisters& registers) {
  switch (packed(key)) {
    case packed("cr0"):
      return hex(kCr0, value, registers.cr0);
    case packed("cr3"):
      return hex(kCr3, value, registers.cr3);
    case packed("cr4"):
      return hex(kCr4, value, registers.cr4);
    case packed("efer"):
      return hex(kEfer, value, registers.efer);
    case packed("pkru"):
      return hex(kPkru, value, registers.pkru);
    case packed("pkrs"):
      return hex(kPkrs, value, registers.pkrs);
    default:
      return true;
  }
}

bool CaseParser::complete(WalkCase& c) {
  constexpr uint32_t kRequired = kId | kCr0 | kCr3 | kCr4 | kEfer | kCpl | kAcc | kVa | kN | kMem;
  uint32_t missing = kRequired & ~seen_;
  if (!defaults_.traits) missing |= (kMaxPa | kG1) & ~seen_;
  if (defaults_.registers) missing &= ~(kCr0 | kCr3 | kCr4 | kEfer | kMem);
  if (missing != 0) return fail_at(static_cast<Key>(missing & (~missing + 1)), "missing");
  if (const auto why = contradiction(c.registers, c.traits)) return fail(*why);
  c.access = {kind_,
              implicit_ != 0 ? Privilege::kImplicit
              : cpl_ == 3    ? Privilege::kUser
                             : Privilege::kSupervisor,
              stack_};
  if (implicit_ != 0 && c.access.is_fetch()) return fail_at(kImp, "a fetch is never an implicit supervisor access");
  return check_mode(c) && complete_nested(c);
}

bool CaseParser::check_mode(const WalkCase& c) {
  const PagingMode mode = paging_mode_of(c.registers);
  constexpr std::string_view kNames[] = {"NONE", "P32", "PAE", "L4", "L5"};
  const std::string_view name = kNames[static_cast<unsigned>(mode)];
  const bool none = mode == PagingMode::kNone && mode_ == "none";  // as it was spelt before there were nested cases
  if ((seen_ & kMode) != 0 && mode_ != name && !none) return fail_at(kMode, "the control registers say {}", name);
  const unsigned width = mode == PagingMode::k32Bit ? 4 : 8;
  if ((seen_ & kEw) != 0 && entry_width_ != width && mode != PagingMode::kNone) {
    return fail_at(kEw, "entries have {} bytes in this mode", width);
  }
  entry_width_ = width;
  if (!is_long_mode(mode) && c.va.raw() >> 32 != 0) return fail_at(kVa, "linear addresses have 32 bits in this mode");
  return true;
}

bool CaseParser::read_memory(const WalkCase& c, ListedMemory& memory) {
  if (c.is_nested && defaults_.tables != nullptr) return fail_at(kNk, "--image has no nested tables");
  if (c.is_nested) return read_nested_memory(memory);
  if ((seen_ & kMem) == 0) return true;
  simdjson::dom::array list;
  if (memory_node_.get(list) != simdjson::SUCCESS) return fail_at(kMem, "expected an array");
  size_t i = 0;
  for (const element pair : list) {
    std::pair<uint64_t, uint64_t> numbers;
    if (!read_pair(kMem, pair, i++, entry_width_, numbers)) return false;
    memory.add(PhysAddr(numbers.first), numbers.second, entry_width_);
  }
  if (const auto twice = memory.index()) return fail_at(kMem, "address {} is listed twice", *twice);
  return true;
}

bool CaseParser::read_pair(Key key, element pair, size_t i, unsigned width, std::pair<uint64_t, uint64_t>& to) {
  simdjson::dom::array parts;
  std::optional<uint64_t> numbers[2];
  size_t n = 0;
  if (pair.get(parts) == simdjson::SUCCESS) {
    for (const element part : parts) {
      std::string_view digits;
      if (n == 2 || part.get(digits) != simdjson::SUCCESS) {
        n = 3;
        break;
      }
      numbers[n++] = parse_hex(digits);
    }
  }
  if (n != 2 || !numbers[0] || !numbers[1]) return fail_at(key, "item {}: expected [address, entry] in hex", i);
  if (width == 4 && *numbers[1] >> 32 != 0) return fail_at(key, "item {}: entry beyond 32 bits", i);
  to = {*numbers[0], *numbers[1]};
  return check_place(key, to.first, i, width);
}

bool CaseParser::check_place(Key key, uint64_t address, size_t i, unsigned width) {
  if (address >> kMaxPhysBits != 0) return fail_at(key, "item {}: address beyond 52 bits", i);
  if (address % width != 0) return fail_at(key, "item {}: address not aligned to {}", i, width);
  return true;
}

}  // namespace mmusim
