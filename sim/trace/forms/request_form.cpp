// SPDX-License-Identifier: MIT
#include "sim/trace/forms/request_form.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

constexpr std::array<const char*, kRequestForms> kNames = {"own", "dramsim3", "ramulator1", "ramulator2", "stl"};
constexpr double kMostNs = 1e15;  // eleven days of simulated time
constexpr unsigned kAddressBits = 52;
constexpr uint64_t kLineBytes = 64;
/// DRAMsim3's words for a write. Anything else is a read there; here one of its words for reads is expected.
constexpr std::array<std::string_view, 4> kDramsim3Writes = {"WRITE", "write", "P_MEM_WR", "BOFF"};
constexpr std::array<std::string_view, 4> kDramsim3Reads = {"READ", "read", "P_MEM_RD", "P_FETCH"};

bool is_one_of(std::string_view word, const std::array<std::string_view, 4>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Reads the words of a line one by one and keeps what was wrong first.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view next() { return scan::token(rest_); }
  void address(uint64_t& pa, const char* place, bool decimal = false) {
    const std::string_view word = next();
    const bool read =
        decimal && !word.starts_with("0x") ? scan::whole_decimal(word, pa) : scan::whole_address(word, pa);
    if (!read || pa >> kAddressBits != 0) {
      wrong(fmt::format("expected a{} address of at most 52 bits {}", decimal ? "n" : " hexadecimal", place), word);
    }
  }
  void kind(bool& write, std::string_view read_word, std::string_view write_word, const char* place) {
    const std::string_view word = next();
    if (word != read_word && word != write_word) {
      wrong(fmt::format("expected {} or {} {}", read_word, write_word, place), word);
    }
    write = word == write_word;
  }
  void kind_of_dramsim3(bool& write) {
    const std::string_view word = next();
    write = is_one_of(word, kDramsim3Writes);
    if (!write && !is_one_of(word, kDramsim3Reads)) wrong("expected READ or WRITE second", word);
  }
  void cycle(std::string_view word, std::optional<uint64_t>& time, const char* place) {
    uint64_t cycle = 0;
    if (!scan::whole_decimal(word, cycle)) wrong(fmt::format("expected a clock cycle {}", place), word);
    time = cycle;
  }
  void nanoseconds(std::optional<uint64_t>& time) {
    const std::string_view word = next();
    double ns = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), ns);
    if (error != std::errc{} || end != word.data() + word.size() || !(ns >= 0) || ns > kMostNs) {
      wrong("expected an arrival time in ns first", word);
      ns = 0;
    }
    time = static_cast<uint64_t>(std::llround(ns * 1000));
  }
  void wrong(const std::string& expected, std::string_view got) {
    if (error_.empty()) error_ = fmt::format("{}, got \"{}\"", expected, scan::printable(got.substr(0, 40)));
  }
  /// Says what was wrong; if nothing was, what stands behind the last word.
  std::string end() {
    const std::string_view word = next();
    if (!word.empty()) wrong("expected nothing behind the request", word);
    return error_;
  }

 private:
  std::string_view rest_;
  std::string error_;
};

std::string read_stl(Words words, RequestLine& request) {
  std::string_view time = words.next();
  if (!time.ends_with(':')) words.wrong("expected a clock cycle and a colon first", time);
  time.remove_suffix(time.empty() ? 0 : 1);
  words.cycle(time, request.time, "first");
  std::string_view word = words.next();
  uint64_t length = kLineBytes;
  if (scan::literal(word, "(")) {
    if (!scan::decimal(word, length) || word != ")" || length == 0 || length > kLineBytes) {
      words.wrong("expected a length of 1 to 64 bytes in parentheses", word);
    }
    word = words.next();
  }
  if (word != "read" && word != "write") words.wrong("expected read or write second", word);
  request.write = word == "write";
  words.address(request.pa, "third");
  if (request.write) words.next();  // the data, where they are given
  return words.end();
}

}  // namespace

const char* name_of(RequestForm form) { return kNames[static_cast<size_t>(form)]; }

std::optional<RequestForm> request_form_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<RequestForm>(i);
  }
  return std::nullopt;
}

std::string request_form_names() { return fmt::format("{}", fmt::join(kNames, ", ")); }

std::string read_request(RequestForm form, std::string_view line, RequestLine& request) {
  request = {};
  Words words(line);
  switch (form) {
    case RequestForm::kOwn:
      words.nanoseconds(request.time);
      words.address(request.pa, "second");
      words.kind(request.write, "R", "W", "third");
      break;
    case RequestForm::kDramsim3:
      words.address(request.pa, "first");
      words.kind_of_dramsim3(request.write);
      words.cycle(words.next(), request.time, "third");
      break;
    case RequestForm::kRamulator1:
      words.address(request.pa, "first");
      words.kind(request.write, "R", "W", "second");
      break;
    case RequestForm::kRamulator2:
      words.kind(request.write, "LD", "ST", "first");
      words.address(request.pa, "second", /*decimal=*/true);
      break;
    case RequestForm::kStl:
      return read_stl(words, request);
  }
  return words.end();
}

RequestForm request_form_of_line(std::string_view line) {
  const std::string_view first = scan::token(line);
  const std::string_view second = scan::token(line);
  const bool third = !scan::token(line).empty();
  if (first == "LD" || first == "ST") return RequestForm::kRamulator2;
  if (first.ends_with(':')) return RequestForm::kStl;
  if (is_one_of(second, kDramsim3Writes) || is_one_of(second, kDramsim3Reads)) return RequestForm::kDramsim3;
  if (first.starts_with("0x")) return third ? RequestForm::kDramsim3 : RequestForm::kRamulator1;
  return RequestForm::kOwn;
}

std::string request_text(RequestForm form, const RequestLine& request) {
  const uint64_t time = request.time.value_or(0);
  switch (form) {
    case RequestForm::kOwn:
      return fmt::format("{}.{:03} {:x} {}\n", time / 1000, time % 1000, request.pa, request.write ? 'W' : 'R');
    case RequestForm::kDramsim3:
      return fmt::format("0x{:x} {} {}\n", request.pa, request.write ? "WRITE" : "READ", time);
    case RequestForm::kRamulator1:
      return fmt::format("0x{:x} {}\n", request.pa, request.write ? 'W' : 'R');
    case RequestForm::kRamulator2:
      return fmt::format("{} 0x{:x}\n", request.write ? "ST" : "LD", request.pa);
    case RequestForm::kStl:
      return fmt::format("{}:\t{}\t0x{:x}\n", time, request.write ? "write" : "read", request.pa);
  }
  return {};
}

}  // namespace mmusim
