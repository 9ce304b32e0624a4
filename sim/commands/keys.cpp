// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/scenario/key_list.h"
#include "sim/scenario/known_keys.h"

namespace mmusim {

namespace {

struct KeysOptions {
  std::optional<std::string> prefix;
  bool json = false;
  bool markdown = false;
};

ExitCode print_keys(const KeysOptions& o) {
  if (o.markdown) {
    fmt::print("{}", key_tables(scenario_keys(), o.prefix.value_or("")));
    return ExitCode::kSuccess;
  }
  std::vector<KeyLine> lines = list_keys(scenario_keys());
  if (o.prefix) lines = keys_below(lines, *o.prefix);
  fmt::print("{}", o.json ? key_json(lines).dump(1) + "\n" : key_text(lines));
  return ExitCode::kSuccess;
}

}  // namespace

void add_keys_command(CommandLine app, Action& action) {
  auto o = std::make_shared<KeysOptions>();
  CommandLine command =
      app.add_subcommand("keys", "Every key of scenarios, platforms and DRAM devices, with its meaning");
  command.add_option("PREFIX", o->prefix, "Only keys that begin so: /platform/core, platform.core, stlb, zipf");
  const CommandOption json = command.add_flag("--json", o->json, "As JSON");
  command
      .add_flag("--markdown", o->markdown, "As the tables of configs/README.md; PREFIX is an object such as /platform")
      .excludes(json);
  command.footer(
      "Columns: key as for --set, type, range, default, unit, meaning. N stands for an index; what stands in brackets "
      "is the\nkind of phase or workload that has the key. The keys of a platform file are those below /platform, "
      "those "
      "of a DRAM\ndevice those below /platform/dram/device.\n\n"
      "Examples:\n"
      "  mmusim keys /platform/core\n"
      "  mmusim keys kernel\n"
      "  mmusim keys zipf");
  command.callback([o, &action] { action = [o] { return print_keys(*o); }; });
}

}  // namespace mmusim
