// SPDX-License-Identifier: MIT
#include "sim/trace/json_record.h"

#include "models/base/format.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

uint64_t json_hex(simdjson::ondemand::value value) {
  std::string_view text = value.get_string();
  std::string_view rest = text;
  uint64_t number = 0;
  if (!scan::literal(rest, "0x") || !scan::hex(rest, number) || !rest.empty()) {
    throw TraceDamage(fmt::format("expected a hexadecimal string such as \"0x1000\", got \"{}\"", text.substr(0, 40)));
  }
  return number;
}

uint64_t json_number(simdjson::ondemand::value value, uint64_t most) {
  const uint64_t number = value.get_uint64();
  if (number > most) throw TraceDamage(fmt::format("number {} out of range, at most {}", number, most));
  return number;
}

std::string_view json_text(simdjson::ondemand::value value) { return value.get_string(); }

bool json_boolean(simdjson::ondemand::value value) { return value.get_bool(); }

void json_producers(simdjson::ondemand::value value, MemAccess& access) {
  const auto distance = [](simdjson::ondemand::value v) { return static_cast<uint16_t>(json_number(v, UINT16_MAX)); };
  if (value.type().value() != simdjson::ondemand::json_type::array) {
    access.depends_on = distance(value);
    return;
  }
  unsigned count = 0;
  for (auto element : value.get_array()) {
    if (count == kMostProducers) throw TraceDamage(fmt::format("depends_on has more than {} places", kMostProducers));
    (count == 0 ? access.depends_on : access.also_depends_on[count - 1]) = distance(element.value());
    ++count;
  }
}

}  // namespace mmusim
