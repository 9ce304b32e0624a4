// SPDX-License-Identifier: MIT
#include "sim/report/answer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/base/format.h"
#include "sim/report/units.h"

namespace mmusim {

using json = nlohmann::ordered_json;

namespace {

/// What the measured workload does again and again.
struct Operation {
  std::string name;
  double accesses = 1;  ///< mean of one operation
};

/// Operations of workloads that count them (`parameters/operations`).
constexpr std::pair<std::string_view, const char*> kOperations[] = {
    {"anon_fault", "page fault"},    {"zap", "unmapped page"},      {"gup_fast", "pinned page"},
    {"page_cache", "file page"},     {"buddy_free", "free"},        {"buddy_alloc", "allocation"},
    {"pcp_churn", "page operation"}, {"random_pfn", "struct page"},
};

/// Returns the operation of a run whose one workload counts operations and runs to its end; else an access.
Operation operation_of(const json& summary) {
  const json& configuration = summary.at("configuration");
  if (!configuration.contains("phases")) return {"access"};
  const json* workload = nullptr;
  for (const json& phase : configuration.at("phases")) {
    if (phase.value("phase", "") != "workload") continue;
    if (workload != nullptr) return {"access"};
    workload = &phase;
  }
  if (workload == nullptr || workload->contains("limit") || !workload->contains("parameters")) return {"access"};
  const auto operations = workload->at("parameters").find("operations");
  const auto known = std::find_if(std::begin(kOperations), std::end(kOperations),
                                  [&](const auto& o) { return o.first == workload->value("kind", ""); });
  if (known == std::end(kOperations) || operations == workload->at("parameters").end() || !operations->is_number()) {
    return {"access"};
  }
  const auto warmup = workload->find("warmup");
  const double before = warmup != workload->end() && warmup->is_number() ? warmup->get<double>() : 0;
  const double all = measured_section(summary).at("totals").at("accesses").get<double>() + before;
  return {known->second, all / operations->get<double>()};
}

/// One thing that a run took, and what it is called after a number.
struct Quantity {
  const char* metric;
  std::string name;  ///< "cycles per access"
  double factor = 1;
};

std::vector<Quantity> quantities(const Comparison& c, const Operation& operation) {
  const std::string per = " per " + operation.name;
  std::vector<Quantity> all;
  if (c.clocks_differ()) {
    all.push_back({"time_per_access", per, operation.accesses});
  } else {
    all.push_back({"cycles_per_access", " cycles" + per, operation.accesses});
  }
  if (operation.accesses == 1) {
    all.push_back({"walks_per_1000_accesses", " page walks per 1,000 accesses"});
  } else {
    all.push_back({"walks_per_1000_accesses", " page walks" + per, operation.accesses / 1000});
  }
  all.push_back({"memmap_total", " of struct pages and their page tables"});
  all.push_back(c.clocks_differ() ? Quantity{"populate_time", " of building the tables"}
                                  : Quantity{"populate_cycles", " cycles of building the tables"});
  all.push_back({"shootdown_wait", " cycles of waiting per flush of all cores"});
  all.push_back({"beside_cycles_per_access", " cycles per access on the other cores"});
  return all;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text;
}

std::string share(double part, double whole) {
  const std::string text = plain_number(100 * part / whole, 3);
  return (text == "100" && part < whole ? "over 99.9" : text) + " %";
}

/// "0.29 of 14.36 cycles per access (2 %)", or "30.6 cycles per fault on top of 421.2 (7.3 %)".
std::string difference(const Metric& metric, const Quantity& q, double mine, double base) {
  const std::string text = shown(metric, std::abs(mine - base));
  if (mine < base) return fmt::format("{} of {}{} ({})", text, shown(metric, base), q.name, share(base - mine, base));
  if (base == 0) return fmt::format("{}{} where there were none", text, q.name);
  const double ratio = mine / base;
  return fmt::format("{}{} on top of {} ({})", text, q.name, shown(metric, base),
                     ratio < 10 ? share(mine - base, base) : plain_number(ratio, 3) + " times as much");
}

std::string against(const Comparison& c, size_t run, const std::string& name) {
  const size_t base = *c.base_of(run);
  const Operation operation = operation_of(c.runs()[run].summaries[0]);
  std::vector<std::string> saved, paid;
  for (const Quantity& q : quantities(c, operation)) {
    const Metric& metric = metric_named(q.metric);
    const auto mine = c.value(metric, run), theirs = c.value(metric, base);
    if (!mine || !theirs) continue;
    const double m = mine->mean * q.factor, b = theirs->mean * q.factor;
    if (std::abs(m - b) <= 0.0005 * std::max(m, b)) continue;  // no difference worth a word
    (m < b ? saved : paid).push_back(difference(metric, q, m, b));
  }
  std::string text = name + " against " + c.runs()[base].label;
  if (saved.empty() && paid.empty()) return text + " makes no difference in what was measured";
  if (!saved.empty()) text += " saves " + joined(saved);
  if (!paid.empty()) text += (saved.empty() ? " costs " : "; it costs ") + joined(paid);
  return text;
}

std::string alone(const Comparison& c, size_t run) {
  std::vector<std::string> parts;
  for (const Quantity& q : quantities(c, operation_of(c.runs()[run].summaries[0]))) {
    const Metric& metric = metric_named(q.metric);
    const auto value = c.value(metric, run);
    if (value && value->mean > 0) parts.push_back(shown(metric, value->mean * q.factor) + q.name);
  }
  return c.runs()[run].label + (parts.empty() ? ": nothing was measured" : ": " + joined(parts));
}

/// Runs that are compared with one base.
struct Family {
  size_t base;
  std::vector<size_t> others;
};

std::vector<Family> families_of(const Comparison& c) {
  std::vector<Family> families;
  for (size_t i = 0; i < c.runs().size(); ++i) {
    const auto base = c.base_of(i);
    if (!base) continue;
    auto family = std::find_if(families.begin(), families.end(), [&](const Family& f) { return f.base == *base; });
    if (family == families.end()) family = families.insert(family, {*base, {}});
    if (i != *base) family->others.push_back(i);
  }
  return families;
}

}  // namespace

std::string answer_of(const Comparison& c) {
  const std::vector<Family> families = families_of(c);
  if (families.empty()) return "No run succeeded.";
  const bool timed = std::any_of(families.begin(), families.end(),
                                 [&](const Family& f) { return c.value(metric_named("cycles"), f.base).has_value(); });
  const Metric& cost = metric_named(!timed ? "walks" : c.clocks_differ() ? "time" : "cycles");
  std::string text;
  for (const Family& f : families) {
    if (!text.empty()) text += " ";
    if (f.others.empty()) {
      text += alone(c, f.base) + ".";
      continue;
    }
    const auto cost_of = [&](size_t run) {
      const auto v = c.value(cost, run);
      return v ? v->mean : INFINITY;
    };
    const size_t best = *std::min_element(f.others.begin(), f.others.end(),
                                          [&](size_t a, size_t b) { return cost_of(a) < cost_of(b); });
    std::string name = c.runs()[best].label;
    if (f.others.size() > 1)
      name += fmt::format(", {} of {},", timed ? "the fastest" : "the one with the fewest walks", f.others.size());
    text += against(c, best, name) + ".";
  }
  return text;
}

std::string not_simulated(const Comparison& c) {
  std::vector<std::string> parts;
  bool any = false, one_core = false, flushed = false, faults = false, functional = false;
  std::vector<std::string> untimed;
  for (const ComparedRun& run : c.runs()) {
    if (run.summaries.empty()) continue;
    any = true;
    const json& s = run.summaries[0];
    functional |= s.at("configuration").value("model", "") == "functional";
    if (!s.at("kernel").contains("shootdowns")) one_core = true;
    flushed |= s.at("kernel").value("flushes", 0.0) > 1;  // the first is that of the boot
    for (const json& phase : s.at("configuration").value("phases", json::array())) {
      faults |= phase.value("kind", "") == "anon_fault";
    }
    for (const json& phase : s.at("phases")) {
      const std::string stage = phase.at("stage");
      if (!phase.value("timed", true) && std::find(untimed.begin(), untimed.end(), stage) == untimed.end()) {
        untimed.push_back(stage);
      }
    }
  }
  if (!any) return "";
  if (functional) {
    parts.emplace_back("time");
  } else if (!untimed.empty()) {
    parts.push_back("time in " + joined(untimed));
  }
  if (one_core && flushed) parts.emplace_back("what flushes cost other cores");
  if (faults) parts.emplace_back("what a page fault does beyond its accesses to struct pages");
  parts.emplace_back("wrong-path accesses");
  parts.emplace_back("branches");
  parts.emplace_back("execution units");
  return "Not simulated: " + joined(parts) + ".";
}

}  // namespace mmusim
