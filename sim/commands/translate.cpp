// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/interrupts.h"
#include "sim/machine/platform.h"
#include "sim/trace/byte_stream.h"
#include "sim/translate/case_translator.h"
#include "sim/translate/line_splitter.h"

namespace mmusim {

namespace {

struct TranslateOptions {
  std::string input = "-";
  std::string platform;
};

void write_out(std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw system_error("write", "standard output", errno);
  }
  text.clear();
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

ExitCode translate_stream(ByteSource& source, const CaseDefaults& defaults) {
  CaseTranslator translator(defaults);
  LineSplitter lines(CaseTranslator::kMaxLineBytes, CaseTranslator::kPadding);
  std::string out;
  bool all_good = true;
  bool more = true;
  while (more && !interrupt_requested()) {
    const size_t got = source.read(lines.space());
    lines.added(got);
    more = got != 0;
    if (!more) lines.finish();
    while (const auto line = lines.next()) {
      if (!is_blank(*line)) all_good = translator.translate_line(*line, lines.line_number(), out) && all_good;
    }
    write_out(out);  // what a reader at the other end of a pipe has asked for is answered before more is read
  }
  return all_good ? ExitCode::kSuccess : ExitCode::kJobFailed;
}

}  // namespace

void add_translate_command(CommandLine app, Action& action) {
  auto options = std::make_shared<TranslateOptions>();
  CommandLine command = app.add_subcommand(
      "translate", "Architectural translation of each case on standard input (JSON Lines, plain or compressed)");
  command.footer(
      "Each line is one memory access with the control registers and the page-table entries it can touch; each line\n"
      "of output is its outcome, in the same order. Cases of guests name their nested tables (nk: ept or npt) too;\n"
      "docs/page-walk-cases.md has all keys. A bad line gives {\"line\":N,\"error\":...} and exit code 1.\n\n"
      "Example:\n"
      "  echo "
      "'{\"id\":\"a\",\"maxpa\":40,\"g1\":1,\"cr0\":\"80000011\",\"cr3\":\"204000\",\"cr4\":\"20\",\"efer\":\"d00\",\n"
      "    "
      "\"cpl\":0,\"acc\":\"r\",\"va\":\"9000ffc01008\",\"n\":8,\"mem\":[[\"204900\",\"4001003\"],[\"4001018\","
      "\"400001e3\"]]}' |\n"
      "    tr -d '\\n' | mmusim translate");
  command.add_option("input", options->input, "File of cases; - is standard input").capture_default_str();
  command.add_option("--platform", options->platform,
                     "Platform (path or shipped name) that says what cases leave out: maxpa, g1, and the vendor");
  command.callback([options, &action] {
    action = [options] {
      CaseDefaults defaults;
      if (!options->platform.empty()) defaults.traits = load_platform(options->platform).processor;
      const ByteInput input = open_bytes(options->input, EmptyInput::kAllowed, interrupt_pending);
      try {
        return translate_stream(*input.source, defaults);
      } catch (const TraceDamage& e) {
        throw InputError(fmt::format("{}: {}", input.name, e.what()));
      }
    };
  });
}

}  // namespace mmusim
