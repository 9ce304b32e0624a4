// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sim/translate/walk_case.h"

namespace mmusim {

class CaseParser;

/// Turns lines of page-walk cases (JSON objects) into lines of results. Keeps its buffers between lines, so that a
/// line allocates nothing.
class CaseTranslator {
 public:
  /// Longer lines are errors.
  static constexpr size_t kMaxLineBytes = size_t{16} << 20;
  /// Bytes that must be readable behind a line; their content does not matter.
  static constexpr size_t kPadding = 64;

  explicit CaseTranslator(const CaseDefaults& defaults);
  ~CaseTranslator();
  CaseTranslator(const CaseTranslator&) = delete;
  CaseTranslator& operator=(const CaseTranslator&) = delete;

  /// Appends the result of one line, or `{"line":N,"error":"..."}` and returns false. Never throws for what a line
  /// holds.
  bool translate_line(std::string_view line, uint64_t line_number, std::string& out);

 private:
  std::unique_ptr<CaseParser> parser_;
  ListedMemory memory_;
};

/// Appends an error object for a line that could not be handed over whole.
void append_line_error(uint64_t line_number, std::string_view what, std::string& out);

}  // namespace mmusim
