// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "models/base/config_keys.h"

namespace mmusim {

/// Describes a kind of configuration file for key_schema().
struct SchemaTitle {
  std::string title;
  std::string description;
};

/// Returns the JSON Schema (draft 2020-12) of the documents whose keys were recorded in `root` (record_all_keys()).
///
/// It accepts what the reader accepts, key by key: types, ranges, choices, required keys; unknown keys are refused. It
/// does not know rules between keys (ways that divide entries). An object that may say "base" needs no required key if
/// it does, and null removes a key of the base (RFC 7386).
nlohmann::ordered_json key_schema(const KeyNode& root, const SchemaTitle& title);

}  // namespace mmusim
