// SPDX-License-Identifier: MIT
#include "sim/trace/forms/line_form.h"

#include <array>

#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

std::string scan::printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    shown += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
  }
  return shown;
}

std::unique_ptr<LineForm> make_line_form(TextForm form) {
  constexpr std::array kMakers = {make_lackey_form, make_execlog_form,  make_drmemtrace_form, make_pinatrace_form,
                                  make_dinero_form, make_perf_mem_form, make_perf_form};
  static_assert(kMakers.size() == kTextForms);
  return kMakers[static_cast<size_t>(form)]();
}

}  // namespace mmusim
