// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mmusim {

// Text for people may hold what an input file says: names, labels, lines of a log. A terminal would obey control
// characters in it, so they are shown instead, as "\x1b" or "\u202e".

enum class LineBreaks : uint8_t {
  kKept,   ///< text of several lines: line ends and tabs stay
  kShown,  ///< one field of a table or sentence
};

/// Returns `text` with escapes in place of control characters (C0, DEL, C1), characters that change the direction of
/// text or end a line, and bytes that are no UTF-8.
std::string visible_text(std::string_view text, LineBreaks breaks = LineBreaks::kKept);

/// Returns the same for JSON, which stays JSON with the same meaning: "\u001b" in strings. Bytes that are no UTF-8
/// become U+FFFD.
std::string visible_json(std::string_view json);

// These print on standard output and throw EnvironmentError where it cannot be written; what stays in its buffer is
// flush_standard_output()'s.

/// Prints text for people, made visible.
void print_text(std::string_view text);
/// Prints JSON, made visible.
void print_json(std::string_view json);
/// Prints text with colours as it is: it holds nothing of any input.
void print_coloured(std::string_view text);

/// Prints on standard error, made visible.
void print_error(std::string_view text);

/// Returns `text` with U+FFFD in place of each byte that is no UTF-8.
std::string utf8_text(std::string_view text);

/// Returns the name of a directory or file for a label that may hold anything: letters, digits, '-' and '.' stay, other
/// bytes become '_'; it is neither empty nor hidden nor ".." nor longer than 100 bytes (longer ones end in a digest).
std::string path_component(std::string_view label);

/// Returns one field of a CSV file: quoted where needed, and with "'" before what a spreadsheet would take for a
/// formula.
std::string csv_field(std::string_view text);

}  // namespace mmusim
