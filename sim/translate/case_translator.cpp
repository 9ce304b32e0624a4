// SPDX-License-Identifier: MIT
#include "sim/translate/case_translator.h"

#include <simdjson.h>

#include <iterator>

#include "models/base/format.h"

namespace mmusim {

static_assert(CaseTranslator::kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

using simdjson::dom::element;

/// A key of up to eight characters as a number, so that keys can be switched on.
constexpr uint64_t packed(std::string_view key) {
  uint64_t value = 0;
  for (const char c : key) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

/// Hex digits without prefix ("0x" is tolerated), up to 64 bits.
std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    unsigned digit;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<unsigned>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

enum Key : uint32_t {
  kId = 1 << 0,
  kMode = 1 << 1,
  kMaxPa = 1 << 2,
  kG1 = 1 << 3,
  kCr0 = 1 << 4,
  kCr3 = 1 << 5,
  kCr4 = 1 << 6,
  kEfer = 1 << 7,
  kPkru = 1 << 8,
  kPkrs = 1 << 9,
  kAc = 1 << 10,
  kCpl = 1 << 11,
  kAcc = 1 << 12,
  kImp = 1 << 13,
  kStk = 1 << 14,
  kVa = 1 << 15,
  kN = 1 << 16,
  kEw = 1 << 17,
  kMem = 1 << 18,
};
constexpr std::string_view kKeyNames[] = {"id", "mode", "maxpa", "g1",  "cr0", "cr3", "cr4", "efer", "pkru", "pkrs",
                                          "ac", "cpl",  "acc",   "imp", "stk", "va",  "n",   "ew",   "mem"};
constexpr uint32_t kRequired = kId | kCr0 | kCr3 | kCr4 | kEfer | kCpl | kAcc | kVa | kN | kMem;

std::string_view name_of(Key key) { return kKeyNames[std::countr_zero(uint32_t{key})]; }

}  // namespace

/// Reads one line into a WalkCase and a ListedMemory. The first thing that is wrong ends it, in `error`.
class CaseTranslator::Parser {
 public:
  explicit Parser(const CaseDefaults& defaults) : defaults_(defaults) {}

  bool parse(std::string_view line, WalkCase& c, ListedMemory& memory) {
    error.clear();
    seen_ = 0;
    mode_ = {};
    cpl_ = implicit_ = entry_width_ = 0;
    kind_ = AccessKind::kRead;
    stack_ = false;
    if (defaults_.traits) c.traits = *defaults_.traits;
    memory.clear();
    memory_node_ = element();
    element document;
    if (const auto code = json_.parse(line.data(), line.size(), false).get(document); code != simdjson::SUCCESS) {
      return fail(fmt::format("not a JSON object: {}", simdjson::error_message(code)));
    }
    simdjson::dom::object object;
    if (document.get(object) != simdjson::SUCCESS) return fail("expected a JSON object");
    for (const auto field : object) {
      if (!read_field(field.key, field.value, c)) return false;
    }
    return complete(c) && read_memory(memory);
  }

  std::string error;

 private:
  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }
  template <class... Args>
  bool fail_at(Key key, fmt::format_string<Args...> format, Args&&... args) {
    return fail(fmt::format("{}: {}", name_of(key), fmt::format(format, std::forward<Args>(args)...)));
  }

  bool read_field(std::string_view key, element value, WalkCase& c);
  bool complete(WalkCase& c);
  bool check_mode(const WalkCase& c);
  bool read_memory(ListedMemory& memory);
  bool read_listed(element pair, size_t i, ListedMemory& memory);

  bool note(Key key) {
    if ((seen_ & key) != 0) return fail_at(key, "given twice");
    seen_ |= key;
    return true;
  }
  bool text(Key key, element value, std::string_view& to) {
    if (value.get(to) != simdjson::SUCCESS) return fail_at(key, "expected a string");
    return note(key);
  }
  template <class T>
  bool hex(Key key, element value, T& to) {
    std::string_view digits;
    if (!text(key, value, digits)) return false;
    const auto number = parse_hex(digits);
    if (!number || *number > std::numeric_limits<T>::max()) {
      return fail_at(key, "expected up to {} hex digits", 2 * sizeof(T));
    }
    to = static_cast<T>(*number);
    return true;
  }
  bool integer(Key key, element value, unsigned min, unsigned max, unsigned& to) {
    uint64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS || number < min || number > max) {
      return fail_at(key, "expected an integer from {} to {}", min, max);
    }
    to = static_cast<unsigned>(number);
    return note(key);
  }
  bool flag(Key key, element value, bool& to) {
    unsigned number = 0;
    if (!integer(key, value, 0, 1, number)) return false;
    to = number != 0;
    return true;
  }
  bool access_kind(element value, AccessKind& to) {
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

  CaseDefaults defaults_;
  simdjson::dom::parser json_;
  uint32_t seen_ = 0;
  std::string_view mode_;
  AccessKind kind_ = AccessKind::kRead;
  bool stack_ = false;
  unsigned cpl_ = 0;
  unsigned implicit_ = 0;
  unsigned entry_width_ = 0;
  element memory_node_;
};

bool CaseTranslator::Parser::read_field(std::string_view key, element value, WalkCase& c) {
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
    case packed("cr0"):
      return hex(kCr0, value, c.registers.cr0);
    case packed("cr3"):
      return hex(kCr3, value, c.registers.cr3);
    case packed("cr4"):
      return hex(kCr4, value, c.registers.cr4);
    case packed("efer"):
      return hex(kEfer, value, c.registers.efer);
    case packed("pkru"):
      return hex(kPkru, value, c.registers.pkru);
    case packed("pkrs"):
      return hex(kPkrs, value, c.registers.pkrs);
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
    default:
      return true;
  }
}

bool CaseTranslator::Parser::complete(WalkCase& c) {
  uint32_t missing = kRequired & ~seen_;
  if (!defaults_.traits) missing |= (kMaxPa | kG1) & ~seen_;
  if (missing != 0) return fail_at(static_cast<Key>(missing & (~missing + 1)), "missing");
  if (const auto why = contradiction(c.registers, c.traits)) return fail(*why);
  c.access = {kind_,
              implicit_ != 0 ? Privilege::kImplicit
              : cpl_ == 3    ? Privilege::kUser
                             : Privilege::kSupervisor,
              stack_};
  if (implicit_ != 0 && c.access.is_fetch()) return fail_at(kImp, "a fetch is never an implicit supervisor access");
  return check_mode(c);
}

bool CaseTranslator::Parser::check_mode(const WalkCase& c) {
  const PagingMode mode = paging_mode_of(c.registers);
  constexpr std::string_view kNames[] = {"none", "P32", "PAE", "L4", "L5"};
  const std::string_view name = kNames[static_cast<unsigned>(mode)];
  if ((seen_ & kMode) != 0 && mode_ != name) return fail_at(kMode, "the control registers say {}", name);
  const unsigned width = mode == PagingMode::k32Bit ? 4 : 8;
  if ((seen_ & kEw) != 0 && entry_width_ != width) return fail_at(kEw, "entries have {} bytes in this mode", width);
  entry_width_ = width;
  if (!is_long_mode(mode) && c.va.raw() >> 32 != 0) return fail_at(kVa, "linear addresses have 32 bits in this mode");
  return true;
}

bool CaseTranslator::Parser::read_memory(ListedMemory& memory) {
  simdjson::dom::array list;
  if (memory_node_.get(list) != simdjson::SUCCESS) return fail_at(kMem, "expected an array");
  size_t i = 0;
  for (const element pair : list) {
    if (!read_listed(pair, i++, memory)) return false;
  }
  if (const auto twice = memory.index()) return fail_at(kMem, "address {} is listed twice", *twice);
  return true;
}

bool CaseTranslator::Parser::read_listed(element pair, size_t i, ListedMemory& memory) {
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
  if (n != 2 || !numbers[0] || !numbers[1]) return fail_at(kMem, "item {}: expected [address, entry] in hex", i);
  if (*numbers[0] >> kMaxPhysBits != 0) return fail_at(kMem, "item {}: address beyond 52 bits", i);
  if (*numbers[0] % entry_width_ != 0) return fail_at(kMem, "item {}: address not aligned to {}", i, entry_width_);
  if (entry_width_ == 4 && *numbers[1] >> 32 != 0) return fail_at(kMem, "item {}: entry beyond 32 bits", i);
  memory.add(PhysAddr(*numbers[0]), *numbers[1]);
  return true;
}

CaseTranslator::CaseTranslator(const CaseDefaults& defaults) : parser_(std::make_unique<Parser>(defaults)) {}
CaseTranslator::~CaseTranslator() = default;

bool CaseTranslator::translate_line(std::string_view line, uint64_t line_number, std::string& out) {
  if (line.size() > kMaxLineBytes) {
    append_line_error(line_number, fmt::format("longer than {} bytes", kMaxLineBytes), out);
    return false;
  }
  WalkCase c;
  if (!parser_->parse(line, c, memory_)) {
    append_line_error(line_number, parser_->error, out);
    return false;
  }
  append_result(c, run_case(c, memory_), memory_, out);
  return true;
}

void append_line_error(uint64_t line_number, std::string_view what, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"line\":{},\"error\":", line_number);
  append_json_string(what, out);
  out += "}\n";
}

}  // namespace mmusim
