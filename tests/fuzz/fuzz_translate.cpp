// SPDX-License-Identifier: MIT
// Arbitrary bytes as input of `mmusim translate`: cut into lines, each answered by one well-formed line.
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "models/base/errors.h"
#include "sim/translate/case_translator.h"
#include "sim/translate/line_splitter.h"

using namespace mmusim;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static simdjson::dom::parser parser;
  static CaseTranslator translator(CaseDefaults{});
  static std::string out;
  LineSplitter lines(/*max_line=*/3000, CaseTranslator::kPadding, /*piece=*/4096);
  size_t at = 0;
  while (true) {
    const auto space = lines.space();
    const size_t n = std::min(size - at, space.size());
    if (n != 0) std::memcpy(space.data(), data + at, n);
    lines.added(n);
    at += n;
    if (n == 0) lines.finish();
    while (const auto line = lines.next()) {
      out.clear();
      const bool good = translator.translate_line(*line, lines.line_number(), out);
      MMUSIM_INVARIANT(out.ends_with("\n") && out.find('\n') == out.size() - 1, "one line of answer");
      simdjson::dom::element answer;
      MMUSIM_INVARIANT(parser.parse(out).get(answer) == simdjson::SUCCESS, "well-formed answer");
      MMUSIM_INVARIANT(good == answer["id"].is_string() && good == (answer["error"].error() != 0), "result or error");
    }
    if (n == 0) return 0;
  }
}
