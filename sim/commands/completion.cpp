// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// A function for bash: words of the command so far decide between subcommands, options, an option's values and files.
std::string bash_completion(const CommandOutline& program) {
  std::string cases;
  std::string values;
  const auto add = [&](const auto& self, const CommandOutline& command, const std::string& path) -> void {
    std::vector<std::string> words;
    for (const CommandOutline& below : command.commands) words.push_back(below.name);
    for (const OptionOutline& option : command.options) {
      words.push_back(option.name);
      if (!option.values.empty()) {
        values += fmt::format("    \"{} {}\") words=\"{}\" ;;\n", path, option.name, joined(option.values));
      }
    }
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, joined(words));
    for (const CommandOutline& below : command.commands) self(self, below, path + " " + below.name);
  };
  add(add, program, "mmusim");
  return R"(# bash completion for mmusim, made by `mmusim completion bash`
_mmusim() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path=mmusim word words=
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) break ;; esac
    case " )" +
         [&] {
           std::vector<std::string> paths;
           const auto collect = [&](const auto& self, const CommandOutline& command, const std::string& path) -> void {
             for (const CommandOutline& below : command.commands) {
               const std::string name = path + " " + below.name;
               paths.push_back(name);
               self(self, below, name);
             }
           };
           collect(collect, program, "mmusim");
           std::string text;
           for (const std::string& path : paths) text += path + "|";
           return text;
         }() +
         R"(" in *" $path $word|"*|*"|$path $word|"*) path="$path $word" ;; esac
  done
  case "$path $before" in
)" + values +
         R"(    *) case "$path" in
)" + cases +
         R"(    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ ${#COMPREPLY[@]} -ne 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _mmusim mmusim
)";
}

std::string zsh_completion(const CommandOutline& program) {
  return "#compdef mmusim\nautoload -U +X bashcompinit && bashcompinit\n" + bash_completion(program);
}

/// Text of a manual page: a line must not begin with a dot or a quote, and backslashes are escaped.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    out += c == '\\' ? std::string("\\e") : c == '-' ? std::string("\\-") : std::string(1, c);
  }
  return out;
}

std::string manual_page(const CommandOutline& program) {
  std::string text = ".TH MMUSIM 1\n.SH NAME\nmmusim \\- " + roff(program.description) +
                     "\n.SH SYNOPSIS\n.B mmusim\n.I COMMAND\n[options]\n";
  const auto add = [&](const auto& self, const CommandOutline& command, const std::string& path) -> void {
    if (command.commands.empty()) text += ".SH " + roff(path) + "\n.nf\n" + roff(command.help) + ".fi\n";
    for (const CommandOutline& below : command.commands) self(self, below, path + " " + below.name);
  };
  add(add, program, "mmusim");
  return text;
}

}  // namespace

void add_completion_command(CommandLine app, Action& action) {
  auto kind = std::make_shared<std::string>();
  CommandLine command = app.add_subcommand("completion", "Completion for bash or zsh, or the manual page");
  command.add_option("KIND", *kind, "bash, zsh or man").required().one_of({"bash", "zsh", "man"});
  command.footer("Example:\n  mmusim completion bash > mmusim.bash");
  command.callback([app, kind, &action] {
    const auto program = std::make_shared<CommandOutline>(app.outline());
    action = [program, kind] {
      print_text(*kind == "bash"  ? bash_completion(*program)
                 : *kind == "zsh" ? zsh_completion(*program)
                                  : manual_page(*program));
      return ExitCode::kSuccess;
    };
  });
}

}  // namespace mmusim
