// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "models/base/config.h"
#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/image_options.h"
#include "sim/explain/explained_system.h"
#include "sim/host/text_output.h"

namespace mmusim {

namespace {

constexpr const char* kDefaultScenario = "boot-base-vs-huge";

struct ExplainOptions {
  std::vector<std::string> addresses;
  ExplainTarget target;
  std::string access = "read";
  unsigned bytes = 8;
  bool user = false;
  bool ac = false;
  bool json = false;
  std::string names = "linux";
};

AccessType access_type(const ExplainOptions& o) {
  const AccessKind kind = o.access == "read"    ? AccessKind::kRead
                          : o.access == "write" ? AccessKind::kWrite
                                                : AccessKind::kFetch;
  return {kind, o.user ? Privilege::kUser : Privilege::kSupervisor};
}

/// An address, "pfn:N" (the struct page of that page frame) or "page:ADDRESS" (of that physical address).
VirtAddr parse_address(const std::string& text, const ExplainedSystem& system) {
  const auto number = [&](const std::string& digits) {
    auto value = parse_number(digits);
    // Addresses are often pasted without prefix, as kernels print them.
    if (!value || (digits.size() == 16 && !digits.starts_with("0x"))) value = parse_number("0x" + digits);
    if (!value)
      throw InputError(fmt::format("{}: expected an address such as 0xffffea0000000040, pfn:N or page:0x...", text));
    return *value;
  };
  if (text.starts_with("pfn:")) return system.struct_page_of(Pfn(number(text.substr(4))));
  if (text.starts_with("page:")) return system.struct_page_of(pfn_of(PhysAddr(number(text.substr(5)))));
  return VirtAddr(number(text));
}

Colour colour_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool off = no_color != nullptr && *no_color != '\0';
  return !off && isatty(STDOUT_FILENO) != 0 ? Colour::kOn : Colour::kOff;
}

ExitCode explain(const ExplainOptions& o) {
  ExplainedSystem system(o.target);
  for (const std::string& note : system.notes()) print_error(fmt::format("{}: {}\n", o.target.image, note));
  if (o.ac) system.set_ac();
  const Names names = o.names == "linux" ? Names::kLinux : Names::kIntel;
  std::string json;
  for (const std::string& address : o.addresses) {
    const Explanation e = system.explain(parse_address(address, system), o.bytes, access_type(o));
    if (o.json) {
      json += (json.empty() ? "" : ",\n") + explanation_json(e);
    } else {
      print_coloured((&address == &o.addresses.front() ? "" : "\n") + explanation_text(e, colour_wanted(), names));
    }
  }
  if (o.json) print_json("{\"explanations\":[\n" + json + "\n]}\n");
  return ExitCode::kSuccess;
}

}  // namespace

void add_explain_command(CommandLine app, Action& action) {
  auto o = std::make_shared<ExplainOptions>();
  CommandLine command = app.add_subcommand("explain", "One translation, told step by step");
  command.footer(
      "The access is carried out on the machine, with TLBs and caches empty, so that it shows each step,\n"
      "where each entry was read, and the cycles; then once more, with everything warm. Of a scenario it\n"
      "says which kernel function wrote each entry, and in which cycle. A fault is a result: the exit code\n"
      "stays 0.\n\n"
      "Examples:\n"
      "  mmusim explain 0xffffea0000000040\n"
      "  mmusim explain pfn:0x1000 pfn:0x1001 --access write --scenario boot-base-vs-huge --variant hugepages\n"
      "  mmusim explain 0xffffea0000000040 --warm --names intel\n"
      "  mmusim explain 0x400000 --user --access fetch --image img-512m-4l.ptimg.xz --json\n"
      "  mmusim explain pfn:0x1000 --image tests/data/crash/k61-128m.kdump.xz --cr3 kernel");
  command.add_option("VA", o->addresses, "Virtual address; pfn:N or page:PA for the struct page of a page").required();
  o->target.scenario = kDefaultScenario;
  const CommandOption scenario =
      command
          .add_option("--scenario", o->target.scenario,
                      "Scenario (path or shipped name) to run first; its machine is explained")
          .capture_default_str();
  command.add_option("--variant", o->target.overrides.variant, "Apply one of the scenario's variants");
  add_set_option(command, o->target.overrides.sets);
  command.add_option("--after", o->target.after, "Stop the scenario after this stage");
  command
      .add_option("--image", o->target.image, "Page-table image, or crash dump (kdump, ELF vmcore), of a real machine")
      .excludes(scenario);
  add_cr3_option(command, o->target.cr3);
  add_platform_option(command, o->target.overrides.platform, "if missing, the scenario's, or textbook for an image");
  command.add_option("--access", o->access, "Kind of access").one_of({"read", "write", "fetch"}).capture_default_str();
  command.add_option("--bytes", o->bytes, "Size of the access").range(1, 64).capture_default_str();
  command.add_flag("--user", o->user, "A user-mode access (CPL 3)");
  command.add_flag("--ac", o->ac, "With EFLAGS.AC=1: supervisor accesses to user pages pass SMAP");
  command.add_flag("--warm", o->target.warm,
                   "TLBs and caches as the scenario, or the address before, left them; else they are empty");
  command.add_option("--names", o->names, "Words for entries and their bits: the kernel's, or those of Intel's manuals")
      .one_of({"linux", "intel"})
      .capture_default_str();
  command.add_flag("--json", o->json, "As JSON");
  command.callback([o, &action] { action = [o] { return explain(*o); }; });
}

}  // namespace mmusim
