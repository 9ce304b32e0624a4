// SPDX-License-Identifier: MIT
#include "sim/bootlog/log_prefix.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mmusim {

namespace {

constexpr size_t kFarthestProgram = 160;  // bytes of time, host and priority before "kernel: "

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}
size_t digits_at(std::string_view text, size_t at) {
  size_t n = 0;
  while (at + n < text.size() && is_digit(text[at + n])) ++n;
  return n;
}

constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
template <size_t n>
bool starts_with_any(std::string_view text, const std::array<std::string_view, n>& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.starts_with(word); });
}

/// "08:15:22" with a fraction if there is one.
size_t clock_length(std::string_view text) {
  if (text.size() < 8 || digits_at(text, 0) != 2 || text[2] != ':' || digits_at(text, 3) != 2 || text[5] != ':' ||
      digits_at(text, 6) != 2) {
    return 0;
  }
  size_t length = 8;
  if (length + 1 < text.size() && (text[8] == '.' || text[8] == ',') && is_digit(text[9])) {
    length += 1 + digits_at(text, 9);
  }
  return length;
}

/// Behind the spaces at `at`.
size_t behind_spaces(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

/// A date and a time, or a time alone: RFC 3339, "2026-03-03 08:15:22", "Mar  3 08:15:22", "Tue 2026-03-03 08:15:22 CET",
/// "08:15:22".
size_t time_length(std::string_view text) {
  size_t at = 0;
  if (starts_with_any(text, kDays) && text.size() > 4 && text[3] == ' ') at = 4;
  if (starts_with_any(text.substr(at), kMonths) && at + 4 < text.size() && text[at + 3] == ' ') {
    size_t day = behind_spaces(text, at + 4);
    const size_t digits = digits_at(text, day);
    if (digits == 0 || digits > 2) return 0;
    day = behind_spaces(text, day + digits);
    if (digits_at(text, day) == 4 && day + 4 < text.size() && text[day + 4] == ' ') day = behind_spaces(text, day + 4);
    const size_t clock = clock_length(text.substr(day));
    return clock == 0 ? 0 : day + clock;
  }
  if (digits_at(text, at) == 4 && at + 10 < text.size() && (text[at + 4] == '-' || text[at + 4] == '/') &&
      digits_at(text, at + 5) == 2 && text[at + 7] == text[at + 4] && digits_at(text, at + 8) == 2 &&
      (text[at + 10] == 'T' || text[at + 10] == ' ')) {
    const size_t clock = clock_length(text.substr(at + 11));
    if (clock == 0) return 0;
    at += 11 + clock;
    if (at < text.size() && text[at] == 'Z') return at + 1;
    const size_t zone = at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-') && digits_at(text, at + 1) >= 2) {
      at += 1 + digits_at(text, at + 1);
      if (at < text.size() && text[at] == ':') at += 1 + digits_at(text, at + 1);
    } else if (const size_t name = behind_spaces(text, zone);
               text.substr(name, 4) == "UTC " || text.substr(name, 4) == "CET " || text.substr(name, 4) == "GMT ") {
      at = name + 3;
    }
    return at;
  }
  return at == 0 ? clock_length(text) : 0;
}

/// "[    0.000000]" and its relatives; `seconds` is set for the kernel's clock.
size_t bracket_length(std::string_view text, std::optional<double>& seconds) {
  if (text.empty() || text[0] != '[') return 0;
  const size_t close = text.find(']');
  if (close == std::string_view::npos || close < 2 || close > 48) return 0;
  const std::string_view inside = text.substr(1, close - 1);
  if (all_of(inside, "0123456789.+-<>,/: ") && inside.find_first_of("0123456789") != std::string_view::npos) {
    const size_t first = inside.find_first_of("0123456789");
    double value = 0;
    const auto read = std::from_chars(inside.data() + first, inside.data() + inside.size(), value);
    const bool clock = read.ec == std::errc{} && inside.find_first_of("+:/") == std::string_view::npos &&
                       inside.find('.') != std::string_view::npos;
    if (clock && !seconds) seconds = value;
    return close + 1;
  }
  const size_t id = behind_spaces(inside, 0);
  if (id < inside.size() && (inside[id] == 'T' || inside[id] == 'C') && digits_at(inside, id + 1) != 0 &&
      id + 1 + digits_at(inside, id + 1) == inside.size()) {
    return close + 1;  // thread or processor [CONFIG_PRINTK_CALLER]
  }
  // Names of days and months are those of the locale.
  for (size_t at = 0; at < inside.size(); ++at) {
    if ((at == 0 || !is_digit(inside[at - 1])) && clock_length(inside.substr(at)) != 0) return close + 1;
  }
  return 0;
}

/// "<6>", and "<6>1 " of RFC 5424.
size_t priority_length(std::string_view text) {
  if (text.empty() || text[0] != '<') return 0;
  const size_t digits = digits_at(text, 1);
  if (digits == 0 || digits > 3 || 1 + digits >= text.size() || text[1 + digits] != '>') return 0;
  const size_t length = digits + 2;
  return text.substr(length, 2) == "1 " ? length + 2 : length;
}

/// "6,123,0,-;" of /dev/kmsg.
size_t kmsg_length(std::string_view text) {
  const size_t end = text.find(';');
  if (end == std::string_view::npos || end > 64) return 0;
  const std::string_view fields = text.substr(0, end);
  return std::count(fields.begin(), fields.end(), ',') >= 3 && is_digit(fields[0]) &&
                 all_of(fields.substr(0, fields.find(',')), "0123456789")
             ? end + 1
             : 0;
}

/// "kern  :info  : " of dmesg -x.
size_t facility_length(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kFacilities = {"kern", "user", "daemon", "syslog", "local"};
  if (!starts_with_any(text, kFacilities)) return 0;
  const size_t first = text.find(':');
  if (first == std::string_view::npos || first > 10) return 0;
  const size_t second = text.find(':', first + 1);
  if (second == std::string_view::npos || second - first > 10) return 0;
  return all_of(text.substr(first + 1, second - first - 1), "abcdefghijklmnopqrstuvwxyz ") ? second + 1 : 0;
}

/// Time, host and program of syslog: all up to "kernel: ", "kernel[0]: " or RFC 5424's "kernel - - - ".
size_t program_length(std::string_view text) {
  const std::string_view head = text.substr(0, kFarthestProgram);
  for (const std::string_view program : {"kernel", "klogd", "vmunix"}) {
    for (size_t at = head.find(program); at != std::string_view::npos; at = head.find(program, at + 1)) {
      if (at != 0 && head[at - 1] != ' ' && head[at - 1] != '\t') continue;
      size_t end = at + program.size();
      if (text.substr(end).starts_with(" - - - ")) return end + 7;
      if (end < text.size() && text[end] == '[') {
        const size_t digits = digits_at(text, end + 1);
        if (digits == 0 || end + 1 + digits >= text.size() || text[end + 1 + digits] != ']') continue;
        end += digits + 2;
      }
      if (text.substr(end).starts_with(": ")) return end + 2;
      if (text.substr(end) == ":") return end + 1;
    }
  }
  return 0;
}

/// A number of the line, before a time stamp.
size_t line_number_length(std::string_view text) {
  size_t at = digits_at(text, 0);
  if (at == 0) return 0;
  if (at < text.size() && (text[at] == ':' || text[at] == '.' || text[at] == '-')) ++at;
  at = behind_spaces(text, at);
  std::optional<double> ignored;
  const std::string_view rest = text.substr(at);
  return bracket_length(rest, ignored) != 0 || priority_length(rest) != 0 ? at : 0;
}

/// All up to the kernel's clock, "[    0.000000]", whatever stands before it.
size_t clock_anywhere_length(std::string_view text) {
  const std::string_view head = text.substr(0, kFarthestProgram);
  for (size_t at = head.find('['); at != std::string_view::npos; at = head.find('[', at + 1)) {
    const size_t close = text.find(']', at);
    if (close == std::string_view::npos) return 0;
    const std::string_view inside = text.substr(at + 1, close - at - 1);
    const size_t point = inside.find('.');
    if (inside.size() == 12 && point == 5 && digits_at(inside, 6) == 6 && is_digit(inside[4]) &&
        all_of(inside.substr(0, 5), " 0123456789")) {
      return at;
    }
  }
  return 0;
}

size_t quotation_length(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == '>' || text[0] == '|') return 1;
  const bool patch = (text[0] == '+' || text[0] == '-' || text[0] == '*') && text.size() > 1 &&
                     (text[1] == '[' || text[1] == '<' || text.substr(1, 2) == " [");
  if (patch) return 1;
  return text.starts_with("MESSAGE=") ? 8 : 0;
}

}  // namespace

LogPrefix log_prefix(std::string_view line) {
  LogPrefix prefix;
  for (;;) {
    prefix.length = behind_spaces(line, prefix.length);
    const std::string_view rest = line.substr(prefix.length);
    size_t length = quotation_length(rest);
    if (length != 0) {
      prefix.length += length;
      continue;
    }
    for (const auto rule : {priority_length, kmsg_length, facility_length, line_number_length}) {
      if (length == 0) length = rule(rest);
    }
    if (length == 0) length = bracket_length(rest, prefix.seconds);
    if (length == 0) length = program_length(rest);
    if (length == 0) length = time_length(rest);
    if (length == 0 && !prefix.seconds) length = clock_anywhere_length(rest);
    if (length == 0) return prefix;
    prefix.length += length;
    prefix.dressed = true;
  }
}

}  // namespace mmusim
