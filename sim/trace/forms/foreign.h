// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace mmusim {

/// Says in words what a line is that no form reads, and what to do instead: a sentence that goes on after "this looks
/// like". Never empty.
std::string name_foreign_line(std::string_view line);
/// Like name_foreign_line(), but empty for a line of no known tool.
std::string name_known_line(std::string_view line);

/// Like name_known_line(), for the first bytes of a file that is no text.
std::string name_foreign_bytes(std::string_view bytes);

}  // namespace mmusim
