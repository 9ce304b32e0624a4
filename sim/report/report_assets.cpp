// SPDX-License-Identifier: MIT
#include "sim/report/report_assets.h"

#include <iterator>

#include "models/base/format.h"
#include "sim/report/html_report.h"

// Puts a file's bytes into the program: NAME_begin and NAME_end. The build defines where the files are.
#define MMUSIM_EMBED(name, path)                                                                                \
  __asm__(".section .rodata\n.global " #name "_begin\n.global " #name "_end\n" #name "_begin:\n.incbin \"" path \
          "\"\n" #name "_end:\n.byte 0\n.previous\n");                                                          \
  extern "C" const char name##_begin[];                                                                         \
  extern "C" const char name##_end[]

#define MMUSIM_EMBED_REPORT(name, file) MMUSIM_EMBED(mmusim_report_##name, MMUSIM_REPORT_DIR "/" file)
#define MMUSIM_EMBED_VEGA(name, file) MMUSIM_EMBED(mmusim_vega_##name, MMUSIM_VEGA_DIR "/vega-" file ".min.js")

MMUSIM_EMBED_REPORT(html, "report.html");
MMUSIM_EMBED_REPORT(css, "report.css");
MMUSIM_EMBED_REPORT(page, "page.js");
MMUSIM_EMBED_REPORT(charts, "charts.js");
MMUSIM_EMBED_REPORT(figures, "figures.js");
MMUSIM_EMBED_REPORT(answer, "answer.js");
MMUSIM_EMBED_REPORT(reasons, "reasons.js");
MMUSIM_EMBED_REPORT(what_if, "what_if.js");
MMUSIM_EMBED_REPORT(entries, "entries.js");
MMUSIM_EMBED_REPORT(play, "play.js");
MMUSIM_EMBED_REPORT(details, "details.js");
MMUSIM_EMBED_REPORT(report, "report.js");
MMUSIM_EMBED_REPORT(sweep_charts, "sweep_charts.js");
MMUSIM_EMBED_REPORT(sweep, "sweep.js");
MMUSIM_EMBED(mmusim_report_licences, MMUSIM_LICENCES_DIR "/report.txt");

MMUSIM_EMBED_VEGA(util, "util");
MMUSIM_EMBED_VEGA(time, "time");
MMUSIM_EMBED_VEGA(format, "format");
MMUSIM_EMBED_VEGA(loader, "loader");
MMUSIM_EMBED_VEGA(statistics, "statistics");
MMUSIM_EMBED_VEGA(dataflow, "dataflow");
MMUSIM_EMBED_VEGA(scale, "scale");
MMUSIM_EMBED_VEGA(canvas, "canvas");
MMUSIM_EMBED_VEGA(scenegraph, "scenegraph");
MMUSIM_EMBED_VEGA(expression, "expression");
MMUSIM_EMBED_VEGA(selection, "selection");
MMUSIM_EMBED_VEGA(event_selector, "event-selector");
MMUSIM_EMBED_VEGA(functions, "functions");
MMUSIM_EMBED_VEGA(transforms, "transforms");
MMUSIM_EMBED_VEGA(view_transforms, "view-transforms");
MMUSIM_EMBED_VEGA(encode, "encode");
MMUSIM_EMBED_VEGA(runtime, "runtime");
MMUSIM_EMBED_VEGA(view, "view");
MMUSIM_EMBED_VEGA(parser, "parser");

namespace mmusim {

namespace {

struct Module {
  const char* name;  // as other modules require it
  const char* begin;
  const char* end;
};

#define MMUSIM_MODULE(name, required) \
  { required, mmusim_vega_##name##_begin, mmusim_vega_##name##_end }

/// Each after those it requires.
const Module kVegaModules[] = {MMUSIM_MODULE(util, "vega-util"),
                               MMUSIM_MODULE(time, "vega-time"),
                               MMUSIM_MODULE(format, "vega-format"),
                               MMUSIM_MODULE(loader, "vega-loader"),
                               MMUSIM_MODULE(statistics, "vega-statistics"),
                               MMUSIM_MODULE(dataflow, "vega-dataflow"),
                               MMUSIM_MODULE(scale, "vega-scale"),
                               MMUSIM_MODULE(canvas, "vega-canvas"),
                               MMUSIM_MODULE(scenegraph, "vega-scenegraph"),
                               MMUSIM_MODULE(expression, "vega-expression"),
                               MMUSIM_MODULE(selection, "vega-selections"),
                               MMUSIM_MODULE(event_selector, "vega-event-selector"),
                               MMUSIM_MODULE(functions, "vega-functions"),
                               MMUSIM_MODULE(transforms, "vega-transforms"),
                               MMUSIM_MODULE(view_transforms, "vega-view-transforms"),
                               MMUSIM_MODULE(encode, "vega-encode"),
                               MMUSIM_MODULE(runtime, "vega-runtime"),
                               MMUSIM_MODULE(view, "vega-view"),
                               MMUSIM_MODULE(parser, "vega-parser")};

#define MMUSIM_SCRIPT(name) std::string(between(mmusim_report_##name##_begin, mmusim_report_##name##_end))

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

bool has_html_report() { return true; }

std::string_view report_template() { return between(mmusim_report_html_begin, mmusim_report_html_end); }

std::string_view report_style() { return between(mmusim_report_css_begin, mmusim_report_css_end); }

std::string_view report_licences() { return between(mmusim_report_licences_begin, mmusim_report_licences_end); }

std::string report_script() {
  return MMUSIM_SCRIPT(page) + MMUSIM_SCRIPT(charts) + MMUSIM_SCRIPT(figures) + MMUSIM_SCRIPT(answer) +
         MMUSIM_SCRIPT(reasons) + MMUSIM_SCRIPT(what_if) + MMUSIM_SCRIPT(entries) + MMUSIM_SCRIPT(play) +
         MMUSIM_SCRIPT(details) + MMUSIM_SCRIPT(report);
}

std::string sweep_report_script() {
  return MMUSIM_SCRIPT(page) + MMUSIM_SCRIPT(charts) + MMUSIM_SCRIPT(figures) + MMUSIM_SCRIPT(sweep_charts) +
         MMUSIM_SCRIPT(sweep);
}

std::string vega_script() {
  // Loaded as plain scripts, each of Debian's files would replace the global `vega` by its own exports. They are
  // CommonJS modules as well, so each gets `require` and `exports` of its own.
  std::string script = "const vega = (() => {\nconst modules = {};\nconst require = (name) => modules[name];\n";
  for (const Module& m : kVegaModules) {
    fmt::format_to(std::back_inserter(script),
                   "modules['{}'] = (() => {{ const exports = {{}}; const module = {{ exports }};\n{}\nreturn exports; "
                   "}})();\n",
                   m.name, between(m.begin, m.end));
  }
  script +=
      "const { transforms } = modules['vega-dataflow'];\n"
      "Object.assign(transforms, modules['vega-transforms'], modules['vega-view-transforms'], "
      "modules['vega-encode']);\n"
      "return { View: modules['vega-view'].View, parse: modules['vega-parser'].parse };\n})();";
  return script;
}

}  // namespace mmusim
