// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>

#if FMT_VERSION / 10000 == 9 && !defined(FMT_HEADER_ONLY)
#define MMUSIM_FORMAT_ONCE
/// The formatter itself is compiled once, in format.cpp: fmt 9 leaves it to each file that formats into an iterator,
/// which more than doubles the time to compile it. (fmt's library has it as well, but under GCC's name for it, not
/// Clang's.)
extern template void fmt::detail::vformat_to<char>(buffer<char>&, basic_string_view<char>, format_args, locale_ref);
#endif
