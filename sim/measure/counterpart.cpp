// SPDX-License-Identifier: MIT
#include "sim/measure/counterpart.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/host/atomic_file.h"
#include "sim/host/interrupts.h"
#include "sim/measure/simulated_subject.h"

namespace mmusim {

namespace {

using nlohmann::json;

/// The points that lie a step of `ratio` apart at least.
Curve thinned(const Curve& curve, double ratio, uint64_t most_steps) {
  Curve few;
  for (const Point& p : curve) {
    const bool apart = few.empty() || static_cast<double>(p.n) >= ratio * static_cast<double>(few.back().n);
    if (apart && p.n <= most_steps) few.push_back(p);
  }
  return few;
}

bool counted(const Survey& measured) {
  for (const NamedCurve& curve : measured.curves) {
    for (const Point& p : curve.points) {
      if (p.cycles.events.walks || p.cycles.events.dtlb_misses) return true;
    }
  }
  return false;
}

json number_or_null(const std::optional<double>& number) { return number ? json(*number) : json(); }
std::optional<double> optional_number(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

json simulate(const json& document, const Survey& measured, const CounterpartOptions& options) {
  Simulation simulation;
  SimulatedSubject subject(simulation, "counterpart", read_platform_document(document, "measured platform"),
                           options.guest);
  if (counted(measured)) subject.count_events();
  json out = {{"curves", json::array()}, {"complete", true}};
  for (const NamedCurve& curve : measured.curves) {
    if (!options.only.empty() && std::find(options.only.begin(), options.only.end(), curve.name) == options.only.end())
      continue;
    json points = json::array();
    for (const Point& p : thinned(curve.points, options.ratio, options.most_steps)) {
      if (interrupt_requested()) out["complete"] = false;
      if (out["complete"] == false) break;
      const auto sample = measure_point(subject, measured, curve.name, p.n);
      if (!sample) continue;
      points.push_back(
          {p.n, sample->median, number_or_null(sample->events.dtlb_misses), number_or_null(sample->events.walks)});
    }
    out["curves"].push_back({{"name", curve.name}, {"axis", curve.axis}, {"points", points}});
  }
  return out;
}

[[noreturn]] void run_child(int to_parent, const json& document, const Survey& measured,
                            const CounterpartOptions& options) {
  int code = 0;
  std::string text;
  try {
    text = simulate(document, measured, options).dump();
  } catch (const std::exception& e) {
    text = std::string("!") + e.what();
    code = 1;
  }
  try {
    write_fully(to_parent, text.data(), text.size(), "pipe");
  } catch (const std::exception&) {
    code = 1;  // the parent is gone
  }
  _exit(code);
}

std::string read_all(int from) {
  std::string text;
  char block[65536];
  for (;;) {
    const ssize_t n = read(from, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(block, static_cast<size_t>(n));
  }
}

}  // namespace

Counterpart simulate_counterpart(const json& document, const Survey& measured, const CounterpartOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) throw EnvironmentError(std::string("measure: no pipe: ") + std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) throw EnvironmentError(std::string("measure: no process for the simulation: ") + std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    run_child(ends[1], document, measured, options);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.starts_with("!")) throw EnvironmentError("measure: simulating the measured platform: " + text.substr(1));
  const json out = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Counterpart result;
  if (out.is_discarded()) {
    if (!interrupt_pending()) throw EnvironmentError("measure: the process that simulates the platform died");
    result.complete = false;
    return result;
  }
  result.complete = out["complete"];
  for (const json& c : out["curves"]) {
    NamedCurve curve{c["name"], c["axis"], {}};
    for (const json& p : c["points"])
      insert(curve.points, {p[0], {p[1], p[1], p[1], {optional_number(p[2]), optional_number(p[3])}}});
    if (!curve.points.empty()) result.curves.push_back(std::move(curve));
  }
  return result;
}

namespace {

const Point* point_at(const Curve& curve, uint64_t n) {
  for (const Point& p : curve) {
    if (p.n == n) return &p;
  }
  return nullptr;
}

/// The n at which a curve rises by more than a tenth to the next point.
std::vector<uint64_t> rises_of(const Curve& curve, double base) {
  std::vector<uint64_t> list;
  for (size_t i = 1; i < curve.size(); ++i) {
    const double before = curve[i - 1].cycles.median + base, now = curve[i].cycles.median + base;
    if (std::abs(now - before) > 0.1 * before) list.push_back(curve[i].n), list.push_back(curve[i - 1].n);
  }
  return list;
}

bool near(const std::vector<uint64_t>& knees, uint64_t n) {
  return std::any_of(knees.begin(), knees.end(), [n](uint64_t knee) { return n * 8 >= knee * 7 && n * 8 <= knee * 9; });
}

}  // namespace

std::vector<Agreement> agreement(const Survey& measured, const Counterpart& simulated) {
  constexpr double kBound = 0.15;
  std::vector<Agreement> list;
  for (const NamedCurve& model : simulated.curves) {
    const NamedCurve* real = measured.curve(model.name);
    if (real == nullptr) continue;
    const bool beyond = model.name.starts_with("pages") || model.name.starts_with("fetches");
    const Finding* l1d = measured.find("l1d.latency_cycles");
    const double base = beyond && l1d != nullptr && l1d->value ? l1d->value->value : 0;
    std::vector<uint64_t> knees;
    if (model.name != "lanes") {
      knees = rises_of(real->points, base);
      for (const uint64_t n : rises_of(model.points, base)) knees.push_back(n);
    }
    Agreement a{model.name};
    for (const Point& p : model.points) {
      const Point* r = point_at(real->points, p.n);
      if (r == nullptr || near(knees, p.n)) continue;
      ++a.compared;
      const double off = std::abs(p.cycles.median - r->cycles.median) / std::max(0.1, r->cycles.median + base);
      a.worst = std::max(a.worst, off);
      if (off <= kBound) {
        ++a.within;
        continue;
      }
      if (a.first_off == 0) a.first_off = p.n;
      a.last_off = p.n;
    }
    list.push_back(a);
  }
  return list;
}

}  // namespace mmusim
