// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mmusim {

/// Returns a text as one word of a POSIX shell: as it is if it has no character that a shell takes apart, else in single
/// quotes.
std::string shell_word(const std::string& text);

}  // namespace mmusim
