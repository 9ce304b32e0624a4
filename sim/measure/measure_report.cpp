// SPDX-License-Identifier: MIT
#include "sim/measure/measure_report.h"

#include <algorithm>
#include <cmath>

#include "models/base/format.h"
#include "sim/measure/measured_platform.h"

namespace mmusim {

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

/// Places points of curves in a picture: both axes logarithmic, costs from a tenth of a cycle on.
class Scale {
 public:
  static constexpr double kWidth = 760, kHeight = 300, kLeft = 60, kBottom = 40, kTop = 10, kRight = 10;

  void include(const Curve& curve) {
    for (const Point& p : curve) {
      const auto n = static_cast<double>(p.n);
      least_n_ = least_n_ == 0 ? n : std::min(least_n_, n);
      most_n_ = std::max(most_n_, n);
      most_ = std::max(most_, p.cycles.median * 1.2);
    }
  }
  double x(double n) const {
    const double span = std::log2(std::max(most_n_, least_n_ * 2) / least_n_);
    return kLeft + (kWidth - kLeft - kRight) * std::log2(n / least_n_) / span;
  }
  double y(double cycles) const {
    const double span = std::log2(most_ / kLeast);
    return kHeight - kBottom - (kHeight - kBottom - kTop) * std::log2(std::max(kLeast, cycles) / kLeast) / span;
  }
  std::string grid() const {
    std::string text;
    for (double n = 1; n <= most_n_; n *= 4) {
      if (n < least_n_) continue;
      text += fmt::format(
          "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' class='g'/><text x='{0:.1f}' y='{3}' "
          "text-anchor='middle'>{4:.0f}</text>\n",
          x(n), kTop, kHeight - kBottom, kHeight - kBottom + 16, n);
    }
    for (const double c : {0.5, 1., 2., 5., 10., 20., 50., 100., 200., 500., 1000., 2000.}) {
      if (c > most_) break;
      text += fmt::format(
          "<line x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}' class='g'/><text x='{3}' y='{4:.1f}' "
          "text-anchor='end'>{5:g}</text>\n",
          kLeft, kWidth - kRight, y(c), kLeft - 6, y(c) + 4, c);
    }
    return text;
  }

 private:
  static constexpr double kLeast = 0.25;
  double least_n_ = 0, most_n_ = 1, most_ = 1;
};

std::string line_of(const Curve& curve, const Scale& scale, const char* style) {
  std::string text = fmt::format("<polyline class='{}' points='", style);
  for (const Point& p : curve) {
    text += fmt::format("{:.1f},{:.1f} ", scale.x(static_cast<double>(p.n)), scale.y(p.cycles.median));
  }
  text += "'/>\n";
  for (const Point& p : curve) {
    const double x = scale.x(static_cast<double>(p.n));
    text += fmt::format(
        "<circle class='{}' cx='{:.1f}' cy='{:.1f}' r='2'><title>{}: {:.2f} ({:.2f} to {:.2f})</title></circle>\n",
        style, x, scale.y(p.cycles.median), p.n, p.cycles.median, p.cycles.low, p.cycles.high);
  }
  return text;
}

std::string picture(const NamedCurve& real, const NamedCurve* model) {
  Scale scale;
  scale.include(real.points);
  if (model != nullptr) scale.include(model->points);
  std::string text =
      fmt::format("<svg viewBox='0 0 {} {}' width='{}'>\n", Scale::kWidth, Scale::kHeight, Scale::kWidth);
  text += scale.grid() + line_of(real.points, scale, "m");
  if (model != nullptr) text += line_of(model->points, scale, "s");
  return text + fmt::format("<text x='{}' y='{}' text-anchor='end'>{}</text></svg>\n", Scale::kWidth - Scale::kRight,
                            Scale::kHeight - 6, escaped(real.axis));
}

const Point* point_at(const NamedCurve* curve, uint64_t n) {
  if (curve == nullptr) return nullptr;
  const auto at = std::find_if(curve->points.begin(), curve->points.end(), [n](const Point& p) { return p.n == n; });
  return at == curve->points.end() ? nullptr : &*at;
}

std::string cell_of(const std::optional<double>& count) {
  return count ? fmt::format("<td>{:.3f}</td>", *count) : "<td></td>";
}

/// Events for each step, counted beside simulated; empty if nothing was counted.
std::string events_table(const NamedCurve& real, const NamedCurve* model) {
  std::string rows;
  for (const Point& p : real.points) {
    const Events& counted = p.cycles.events;
    if (!counted.walks && !counted.dtlb_misses) continue;
    const Point* other = point_at(model, p.n);
    if (model != nullptr && other == nullptr) continue;
    const Events simulated = other == nullptr ? Events{} : other->cycles.events;
    rows += fmt::format("<tr><td>{}</td>{}{}{}{}</tr>\n", p.n, cell_of(counted.dtlb_misses),
                        cell_of(simulated.dtlb_misses), cell_of(counted.walks), cell_of(simulated.walks));
  }
  if (rows.empty()) return "";
  return fmt::format(
      "<details><summary>Events for each step</summary><table><tr><th>{}</th><th>first-level misses, counted</th>"
      "<th>simulated</th><th>walks, counted</th><th>simulated</th></tr>\n{}</table></details>\n",
      escaped(real.axis), rows);
}

std::string table_of(const Survey& survey) {
  std::string text = "<table><tr><th>parameter</th><th>measured</th><th>remark</th></tr>\n";
  for (const Finding& f : survey.findings) {
    text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", escaped(f.name), escaped(text_of(f)),
                        escaped(f.why));
  }
  return text + "</table>\n";
}

constexpr const char* kStyle =
    "body{font:15px/1.5 sans-serif;max-width:800px;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:2px 12px 2px 0;border-bottom:1px solid #ddd}"
    "svg{font-size:11px;max-width:100%}.g{stroke:#e4e4e4}polyline{fill:none;stroke-width:1.6}"
    "polyline.m{stroke:#0b62a4}circle.m{fill:#0b62a4}polyline.s{stroke:#d55e00;stroke-dasharray:5 "
    "3}circle.s{fill:#d55e00}"
    ".km{color:#0b62a4}.ks{color:#d55e00}";

}  // namespace

std::string sentence_of_events(const NamedCurve& measured, const NamedCurve& simulated) {
  double most = -1;
  uint64_t at = 0;
  for (const Point& p : measured.points) {
    const Point* other = point_at(&simulated, p.n);
    if (other == nullptr || !p.cycles.events.walks || !other->cycles.events.walks) continue;
    const double off = std::abs(*p.cycles.events.walks - *other->cycles.events.walks);
    if (off <= most) continue;
    most = off;
    at = p.n;
  }
  if (most < 0) return "";
  return fmt::format("{}: walks counted and simulated differ by {:.2f} a step at most, at {}.", measured.name, most,
                     at);
}

std::string sentence_of(const Agreement& a) {
  if (a.compared == 0) return fmt::format("{}: no point lies outside knees.", a.curve);
  std::string text = fmt::format("{}: {} of {} points outside knees agree within 15 %", a.curve, a.within, a.compared);
  if (a.within < a.compared) {
    text += a.first_off == a.last_off
                ? fmt::format("; not the one at {}", a.first_off)
                : fmt::format("; those that do not lie between {} and {}", a.first_off, a.last_off);
    text += fmt::format(" (up to {:.0f} % off)", 100 * a.worst);
  }
  return text + ".";
}

std::string measure_html(const MeasureReport& report) {
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>{0}</title><style>{1}</style></head><body>\n"
      "<h1>{0}</h1>\n",
      escaped(report.title), kStyle);
  if (!report.remarks.empty()) {
    text += "<ul>\n";
    for (const std::string& r : report.remarks) text += "<li>" + escaped(r) + "</li>\n";
    text += "</ul>\n";
  }
  text += "<h2>What was found</h2>\n" + table_of(report.measured);
  text +=
      "<h2>Curves</h2>\n<p>Core cycles for each step over what the chase touches, both axes logarithmic: "
      "<b class='km'>measured</b>, <b class='ks'>simulated</b> on the platform that was written. Curves of pages and "
      "fetches are the cost beyond a chase over the same lines without the TLB. A point shows its quartiles.</p>\n";
  for (const NamedCurve& real : report.measured.curves) {
    const NamedCurve* model = nullptr;
    for (const NamedCurve& c : report.simulated.curves) {
      if (c.name == real.name) model = &c;
    }
    text += "<h3>" + escaped(real.name) + "</h3>\n" + picture(real, model);
    for (const Agreement& a : report.agreements) {
      if (a.curve == real.name) text += "<p>" + escaped(sentence_of(a)) + "</p>\n";
    }
    if (model != nullptr) {
      const std::string sentence = sentence_of_events(real, *model);
      if (!sentence.empty()) text += "<p>" + escaped(sentence) + "</p>\n";
    }
    text += events_table(real, model);
  }
  return text + "</body></html>\n";
}

}  // namespace mmusim
