// SPDX-License-Identifier: MIT
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "models/base/format.h"
#include "sim/translate/walk_case.h"

namespace mmusim {

/// Reads one line of page-walk cases into a WalkCase and the memory it lists. The first thing that is wrong ends it, in
/// `error`. Keys that are no input (expected outcomes, comments) are skipped.
class CaseParser {
 public:
  explicit CaseParser(const CaseDefaults& defaults) : defaults_(defaults) {}

  /// False, and a sentence in `error`, if the line is no case. Strings of `c` point into the parser until the next
  /// call.
  bool parse(std::string_view line, WalkCase& c, ListedMemory& memory);

  std::string error;

 private:
  using element = simdjson::dom::element;
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
    kNk = 1 << 19,
    kNg1 = 1 << 20,
    kNested = 1 << 21,
    kPdpte = 1 << 22,
    kMemh = 1 << 23,
    kNmem = 1 << 24,
  };
  static std::string_view name_of(Key key);
  /// Keys inside of `nested`.
  enum Field : uint8_t { kEptp = 1, kMbec = 2, kXo = 4, kAdv = 8, kNcr3 = 16, kHcr0 = 32, kHcr4 = 64, kHefer = 128 };

  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }
  template <class... Args>
  bool fail_at(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    return fail(fmt::format("{}: {}", key, fmt::format(format, std::forward<Args>(args)...)));
  }
  template <class... Args>
  bool fail_at(Key key, fmt::format_string<Args...> format, Args&&... args) {
    return fail_at(name_of(key), format, std::forward<Args>(args)...);
  }

  bool read_field(std::string_view key, element value, WalkCase& c);
  bool read_register(std::string_view key, element value, ControlRegisters& registers);
  bool complete(WalkCase& c);
  bool check_mode(const WalkCase& c);
  bool read_memory(const WalkCase& c, ListedMemory& memory);
  bool read_pair(Key key, element pair, size_t i, unsigned width, std::pair<uint64_t, uint64_t>& to);
  bool check_place(Key key, uint64_t address, size_t i, unsigned width);
  bool access_kind(element value, AccessKind& to);
  bool note(Key key);
  bool text(Key key, element value, std::string_view& to);
  bool hex(Key key, element value, uint64_t& to, unsigned bits);
  template <class T>
  bool hex(Key key, element value, T& to) {
    uint64_t number = 0;
    const bool good = hex(key, value, number, 8 * sizeof(T));
    to = static_cast<T>(number);
    return good;
  }
  bool integer(std::string_view key, element value, unsigned min, unsigned max, unsigned& to);
  bool integer(Key key, element value, unsigned min, unsigned max, unsigned& to) {
    return integer(name_of(key), value, min, max, to) && note(key);
  }
  bool flag(Key key, element value, bool& to);

  // Nested cases: nested_case_parser.cpp.
  bool read_kind(element value, WalkCase& c);
  bool read_nested(element value, WalkCase& c);
  bool read_nested_field(std::string_view key, element value, NestedRegisters& to);
  bool read_pdpte(element value, WalkCase& c);
  bool complete_nested(WalkCase& c);
  bool read_nested_memory(ListedMemory& memory);

  CaseDefaults defaults_;
  simdjson::dom::parser json_;
  uint32_t seen_ = 0;
  uint8_t fields_ = 0;  // of `nested`, seen
  std::string_view mode_;
  AccessKind kind_ = AccessKind::kRead;
  bool stack_ = false;
  unsigned cpl_ = 0;
  unsigned implicit_ = 0;
  unsigned entry_width_ = 0;
  element memory_node_, hosts_node_, nested_node_;
};

/// Hex digits without prefix ("0x" is tolerated), up to 64 bits.
std::optional<uint64_t> parse_hex(std::string_view text);

/// A key of up to eight characters as a number, so that keys can be switched on.
constexpr uint64_t packed(std::string_view key) {
  uint64_t value = 0;
  for (const char c : key) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace mmusim
