// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>

#if FMT_VERSION / 10000 == 9 && !defined(FMT_HEADER_ONLY)
/// The formatter itself is compiled once, in the library: fmt 9 leaves it to each file that formats into an iterator,
/// which more than doubles the time to compile it.
extern template void fmt::detail::vformat_to<char>(buffer<char>&, basic_string_view<char>, format_args, locale_ref);
#endif
