// SPDX-License-Identifier: MIT
#include "sim/commands/command_line.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <sstream>

#include <CLI/CLI.hpp>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/commands/flag_or_value.h"
#include "sim/host/text_output.h"

namespace mmusim {

CommandOption CommandOption::required() { return CommandOption(option_->required()); }

CommandOption CommandOption::excludes(CommandOption other) { return CommandOption(option_->excludes(other.option_)); }

CommandOption CommandOption::each(const std::function<void(const std::string&)>& seen) {
  return CommandOption(option_->each(seen));
}

CommandOption CommandOption::type_name(const std::string& name) { return CommandOption(option_->type_name(name)); }

CommandOption CommandOption::capture_default_str() { return CommandOption(option_->capture_default_str()); }

CommandOption CommandOption::hidden() { return CommandOption(option_->group("")); }

CommandOption CommandOption::one_at_a_time() { return CommandOption(option_->allow_extra_args(false)); }

CommandOption CommandOption::one_of(const std::vector<std::string>& values) {
  return CommandOption(option_->check(CLI::IsMember(values)));
}

CommandOption CommandOption::range(unsigned low, unsigned high) {
  return CommandOption(option_->check(CLI::Range(low, high)));
}

CommandOption CommandOption::positive_number() { return CommandOption(option_->check(CLI::PositiveNumber)); }

CommandOption CommandOption::unsigned_number() {
  const auto check = [](const std::string& text) {
    uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec == std::errc{} && end == text.data() + text.size() && !text.empty()) return std::string();
    return "expected a number from 0 to 18446744073709551615, got " + text;
  };
  return CommandOption(option_->check(check));
}

CommandOption CommandOption::choice(const std::vector<std::string>& values, const std::string& by_default) {
  std::string names;
  for (const std::string& value : values) names += (names.empty() ? "" : "|") + value;
  option_->transform(CLI::IsMember(values, CLI::ignore_case).description(""));
  return CommandOption(option_->type_name(names)->default_str(by_default));
}

CommandLine CommandLine::add_subcommand(const std::string& name, const std::string& description) {
  return CommandLine(app_->add_subcommand(name, description));
}

void CommandLine::require_subcommand() { app_->require_subcommand(1); }

template <>
CommandOption CommandLine::add_option(const std::string& name, FlagOrValue& value, const std::string& help) {
  // A flag, so that "--name VALUE" does not take what follows.
  return CommandOption(app_->add_flag(name, value.text, help));
}

template <class T>
CommandOption CommandLine::add_option(const std::string& name, T& value, const std::string& help) {
  return CommandOption(app_->add_option(name, value, help));
}
template CommandOption CommandLine::add_option(const std::string&, std::string&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, unsigned&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, std::optional<unsigned>&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, uint64_t&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, std::optional<uint64_t>&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, double&, const std::string&);
template CommandOption CommandLine::add_option(const std::string&, std::optional<double>&, const std::string&);

CommandOption CommandLine::add_flag(const std::string& name, bool& value, const std::string& help) {
  return CommandOption(app_->add_flag(name, value, help));
}

CommandOption CommandLine::add_word(const std::string& name, const std::function<void(const std::string&)>& take,
                                    const std::string& help) {
  return CommandOption(app_->add_option_function<std::string>(name, take, help));
}

CommandOption CommandLine::option(const std::string& name) { return CommandOption(app_->get_option(name)); }

void CommandLine::footer(const std::string& text) { app_->footer(text); }

void CommandLine::callback(const std::function<void()>& chosen) { app_->callback(chosen); }

namespace {

/// Prints help or an error as CLI11 would, made visible: it may quote an argument. Returns CLI11's exit code.
int say(const CLI::App& app, const CLI::Error& e) {
  std::ostringstream out;
  std::ostringstream errors;
  const int code = app.exit(e, out, errors);
  print_text(out.str());
  print_error(errors.str());
  return code;
}

}  // namespace

CommandOutline CommandLine::outline() const {
  CommandOutline outline{app_->get_name(), app_->get_description(), app_->help(), {}, {}};
  for (const CLI::Option* option : app_->get_options()) {
    if (option->get_group().empty() || option->get_lnames().empty()) continue;
    OptionOutline one{"--" + option->get_lnames().front(), {}};
    const std::string type = option->get_type_name();
    for (size_t from = 0; type.find('|') != std::string::npos && from < type.size();) {
      const size_t to = std::min(type.find('|', from), type.find_first_of(" :=", from));
      one.values.push_back(type.substr(from, to - from));
      from = to == std::string::npos || type[to] != '|' ? type.size() : to + 1;
    }
    const bool words = std::all_of(one.values.begin(), one.values.end(), [](const std::string& word) {
      return !word.empty() && std::islower(static_cast<unsigned char>(word[0])) != 0;
    });
    if (!words) one.values.clear();
    outline.options.push_back(std::move(one));
  }
  for (CLI::App* below : app_->get_subcommands([](CLI::App*) { return true; })) {
    outline.commands.push_back(CommandLine(below).outline());
  }
  return outline;
}

std::optional<int> parse_command_line(int argc, char** argv, const std::function<void(CommandLine)>& add) {
  CLI::App app{"mmusim: a cycle-accurate simulator of the x86-64 MMU and of Linux's vmemmap on it"};
  app.set_version_flag("--version", "mmusim " MMUSIM_VERSION);
  app.require_subcommand(1);
  add(CommandLine(&app));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return say(app, e);
  } catch (const CLI::ParseError& e) {
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      print_error(fmt::format("{}: no such command; `mmusim --help` lists them\n", argv[1]));
    } else {
      say(app, e);
    }
    return static_cast<int>(ExitCode::kBadInput);
  }
  return std::nullopt;
}

}  // namespace mmusim
