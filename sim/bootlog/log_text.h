// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmusim {

/// The text of a log, whatever its bytes were.
struct LogText {
  std::string text;                ///< valid UTF-8, lines end with '\n', no control character but '\t' and '\n'
  std::vector<std::string> notes;  ///< what was replaced, one sentence each
};

/// Decodes the bytes of a log: UTF-16 with or without a byte order mark, UTF-8 with one, NUL bytes, escape sequences of
/// terminals (raw, or as "^[[" and "#033[" write them), carriage returns, quoted-printable mail, HTML entities. A byte
/// that is not UTF-8 becomes '?'.
LogText decode_log(std::string_view bytes);

}  // namespace mmusim
