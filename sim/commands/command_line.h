// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mmusim {

// The part of CLI11 that commands need. Only command_line.cpp includes CLI11: its header takes seconds to compile.

/// An option of a command. Each function returns the option itself, so that calls chain.
class CommandOption {
 public:
  explicit CommandOption(CLI::Option* option) : option_(option) {}

  CommandOption required();
  CommandOption excludes(CommandOption other);
  /// Called with each text that the command line gives for it.
  CommandOption each(const std::function<void(const std::string&)>& seen);

  // Text of the option in the help.
  CommandOption type_name(const std::string& name);
  /// The value that its variable has now is shown as the default.
  CommandOption capture_default_str();
  CommandOption hidden();

  // Values that the option takes.
  /// For lists: one value each time it is named.
  CommandOption one_at_a_time();
  CommandOption one_of(const std::vector<std::string>& values);
  CommandOption range(unsigned low, unsigned high);
  CommandOption positive_number();
  /// A number of 64 bits; CLI11 alone wraps negative ones around and cuts larger ones.
  CommandOption unsigned_number();

 private:
  friend class CommandLine;
  CommandOption choice(const std::vector<std::string>& values, const std::string& by_default);

  CLI::Option* option_;
};

/// An option of a command, as completion needs it.
struct OptionOutline {
  std::string name;                 ///< "--platform"
  std::vector<std::string> values;  ///< the words that it takes, if these are known
};
/// A command with all that can stand behind its name.
struct CommandOutline {
  std::string name;
  std::string description;
  std::string help;  ///< as --help prints it
  std::vector<OptionOutline> options;
  std::vector<CommandOutline> commands;
};

/// A command, or the program itself: what can stand behind its name.
class CommandLine {
 public:
  explicit CommandLine(CLI::App* app) : app_(app) {}

  CommandLine add_subcommand(const std::string& name, const std::string& description);
  void require_subcommand();
  /// T is std::string, unsigned, uint64_t, double, a std::optional of one of these, or a list of strings.
  template <class T>
  CommandOption add_option(const std::string& name, T& value, const std::string& help = "");
  CommandOption add_flag(const std::string& name, bool& value, const std::string& help);
  /// One of several words, in small or large letters.
  template <class T>
  CommandOption add_choice(const std::string& name, T& value, const std::vector<std::pair<std::string, T>>& choices,
                           const std::string& help) {
    std::vector<std::string> words;
    std::string by_default;
    for (const auto& [word, meaning] : choices) {
      words.push_back(word);
      if (meaning == value) by_default = word;
    }
    const auto take = [&value, choices](const std::string& text) {
      for (const auto& [word, meaning] : choices) {
        if (word == text) value = meaning;
      }
    };
    return add_word(name, take, help).choice(words, by_default);
  }
  /// The option of that name, which has been added before.
  CommandOption option(const std::string& name);
  void footer(const std::string& text);
  /// Called when the command is chosen.
  void callback(const std::function<void()>& chosen);
  /// The command with all that was added to it. Only while the command line is parsed.
  CommandOutline outline() const;

 private:
  CommandOption add_word(const std::string& name, const std::function<void(const std::string&)>& take,
                         const std::string& help);

  CLI::App* app_;
};

/// Reads the command line with the commands that `add` adds. The exit code where nothing is left to do: help was asked
/// for, or the command line is wrong.
std::optional<int> parse_command_line(int argc, char** argv, const std::function<void(CommandLine)>& add);

}  // namespace mmusim
