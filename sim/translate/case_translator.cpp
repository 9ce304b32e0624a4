// SPDX-License-Identifier: MIT
#include "sim/translate/case_translator.h"

#include <iterator>

#include "models/base/format.h"
#include "sim/translate/case_parser.h"
#include "sim/translate/nested_case.h"

namespace mmusim {

static_assert(CaseTranslator::kPadding >= simdjson::SIMDJSON_PADDING);

CaseTranslator::CaseTranslator(const CaseDefaults& defaults)
    : parser_(std::make_unique<CaseParser>(defaults)), memory_(defaults.tables) {}
CaseTranslator::~CaseTranslator() = default;

bool CaseTranslator::translate_line(std::string_view line, uint64_t line_number, std::string& out) {
  if (line.size() > kMaxLineBytes) {
    append_line_error(line_number, fmt::format("longer than {} bytes", kMaxLineBytes), out);
    return false;
  }
  WalkCase c;
  if (!parser_->parse(line, c, memory_)) {
    append_line_error(line_number, parser_->error, out);
    return false;
  }
  if (c.is_nested) {
    append_result(c, run_nested_case(c, memory_), memory_, out);
  } else {
    append_result(c, run_case(c, memory_), memory_, out);
  }
  return true;
}

void append_line_error(uint64_t line_number, std::string_view what, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"line\":{},\"error\":", line_number);
  append_json_string(what, out);
  out += "}\n";
}

}  // namespace mmusim
