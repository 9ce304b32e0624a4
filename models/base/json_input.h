// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace mmusim {

/// Parses a JSON file, comments allowed. Throws EnvironmentError if it cannot be opened, InputError (with line and
/// column) if it is not JSON, has a duplicate key, or is larger than 256 MiB.
nlohmann::json parse_json_file(const std::string& path);
/// Parses text as parse_json_file() does; `name` stands for the file in messages.
nlohmann::json parse_json_text(std::string_view text, const std::string& name);

/// Reads "0x..." or decimal digits as an unsigned number; nullopt if it is anything else or does not fit 64 bits.
std::optional<uint64_t> parse_number(std::string_view text);
/// Reads what parse_number() does, with an optional unit KiB, MiB, GiB, TiB or B ("1.5GiB").
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace mmusim
