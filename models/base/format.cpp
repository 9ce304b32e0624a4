// SPDX-License-Identifier: MIT
#include "models/base/format.h"

#ifdef MMUSIM_FORMAT_ONCE
template void fmt::detail::vformat_to<char>(buffer<char>&, basic_string_view<char>, format_args, locale_ref);
#endif
