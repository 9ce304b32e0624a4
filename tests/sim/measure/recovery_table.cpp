// SPDX-License-Identifier: MIT
// Prints what a survey of one simulated platform finds beside the truth, as rows of a table for docs/validation.md:
// recovery_table PLATFORM [none|4K|2M|1G]: the second argument makes it a guest over such pages of the host.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <systemc>

#include "models/base/format.h"
#include "sim/measure/simulated_subject.h"
#include "tests/sim/measure/recovery.h"

namespace mmusim {
namespace {

std::string text_of(const Finding& f) {
  if (!f.value) return "could not tell";
  const Interval& v = *f.value;
  if (v.low == v.high) return fmt::format("{:.4g}", v.value);
  return fmt::format("{:.5g} ({:.5g} to {:.5g})", v.value, v.low, v.high);
}

int print_table(const std::string& name, const std::string& host) {
  const PlatformConfig platform = load_platform(name);
  VirtualizationConfig guest;
  if (host != "none") {
    guest.mode = platform.processor.vendor == Vendor::kAmd ? VirtualizationMode::kNpt : VirtualizationMode::kEpt;
    guest.pages[0].pages = host == "4K" ? PageSize::k4K : host == "2M" ? PageSize::k2M : PageSize::k1G;
  }
  Simulation simulation;
  SimulatedSubject subject(simulation, "subject", platform, guest);
  SurveyOptions options;
  const bool curves = std::getenv("RECOVERY_CURVES") != nullptr;
  if (const char* lines = std::getenv("RECOVERY_LINES")) options.most_lines = std::stoull(lines);
  options.guest = guest.guest();
  const Survey found = survey(subject, options);
  const auto truth = truth_of(platform);
  for (const Finding& f : found.findings) {
    const auto true_value = truth.find(f.name);
    const std::string expected = true_value == truth.end() ? "-" : fmt::format("{:.6g}", true_value->second);
    std::string line =
        fmt::format("| {} | {} | {} | {} | {} |\n", name, f.name, expected, text_of(f), f.value ? "" : f.why);
    std::fputs(line.c_str(), stdout);
  }
  if (curves) {
    for (const NamedCurve& c : found.curves) {
      std::string text = c.name + ":";
      for (const Point& p : c.points) text += fmt::format(" {}:{:.4f}", p.n, p.cycles.median);
      std::fputs((text + "\n").c_str(), stderr);
    }
  }
  return 0;
}

}  // namespace
}  // namespace mmusim

int sc_main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: recovery_table PLATFORM [none|4K|2M|1G]\n", stderr);
    return 2;
  }
  try {
    return mmusim::print_table(argv[1], argc > 2 ? argv[2] : "none");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
