// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/image_options.h"
#include "sim/host/interrupts.h"
#include "sim/host/text_output.h"
#include "sim/recorded/page_table_image.h"
#include "sim/scenario/settings.h"
#include "sim/trace/byte_stream.h"
#include "sim/translate/case_translator.h"
#include "sim/translate/line_splitter.h"

namespace mmusim {

namespace {

struct TranslateOptions {
  std::string input = "-";
  std::string image;
  std::string cr3;
  std::optional<std::string> platform;
  std::vector<std::string> sets;
};

void write_out(std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw system_error("write", "standard output", errno);
  }
  text.clear();
}

/// Takes registers and tables of an image as what cases leave out.
void use_image(const TranslateOptions& options, PhysMem& tables, CaseDefaults& defaults) {
  if (options.image.empty()) {
    if (!options.cr3.empty()) throw InputError("--cr3 is of the image or crash dump of --image, there is none");
    return;
  }
  const PageTableImage image = load_page_table_image(options.image, tables, parse_root_choice(options.cr3));
  for (const std::string& note : image.notes) print_error(fmt::format("{}: {}\n", options.image, note));
  defaults.registers = image.control.registers();
  defaults.tables = &tables;
  if (!defaults.traits) defaults.traits = image.control.traits();
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
  command.add_option(
      "--image", options->image,
      "Page-table image or crash dump: cases may leave out cr0, cr3, cr4, efer and mem, which are its own");
  add_cr3_option(command, options->cr3);
  add_platform_option(command, options->platform, "it says what cases leave out: maxpa, g1, and the vendor");
  add_set_option(command, options->sets);
  command.callback([options, &action] {
    action = [options] {
      CaseDefaults defaults;
      if (options->platform || !options->sets.empty()) {
        defaults.traits = choose_platform(options->platform.value_or(kDefaultPlatform), options->sets).config.processor;
      }
      PhysMem tables;
      use_image(*options, tables, defaults);
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
