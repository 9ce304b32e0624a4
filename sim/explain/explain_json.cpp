// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "models/base/format.h"
#include "sim/explain/entry_text.h"
#include "sim/explain/explanation.h"

namespace mmusim {

namespace {

using json = nlohmann::ordered_json;

template <class Space>
std::string hex(Address<Space> a) {
  return fmt::format("{}", a);
}
std::string hex(uint64_t value) { return fmt::format("0x{:x}", value); }

json source_json(const EntrySource& source) {
  switch (source.kind) {
    case EntrySource::Kind::kNotAsked:
      return {{"from", "not_read"}};
    case EntrySource::Kind::kStructureCache:
      return {{"from", "paging_structure_cache"}};
    case EntrySource::Kind::kRead:
      return {{"from", "read"}, {"hit", name_of(source.hit)}, {"cycles", source.cycles.count}};
  }
  return nullptr;
}

json entry_json(const Explanation& e, const EntryExplanation& entry) {
  json j = {{"level", entry.step.level},      {"name", entry_name(entry.step.level)},
            {"index", entry.index},           {"entry_pa", hex(entry.step.entry_pa)},
            {"value", hex(entry.step.entry)}, {"flags", entry_flags(e.control, entry.step.level, entry.step.entry)}};
  if ((entry.step.entry & pte::kPresent) != 0) {
    j["leaf"] = entry.leaf;
    j["points_to"] = hex(entry.target);
    j["pfn"] = hex(pfn_of(entry.target).raw);
  }
  if (entry.after) j["after"] = hex(*entry.after);
  if (e.first) j["source"] = source_json(entry.source);
  if (entry.writer) {
    j["written_by"] = {
        {"function", entry.writer->function}, {"cycle", entry.writer->cycle.count}, {"core", entry.writer->core}};
  }
  return j;
}

json page_json(const Explanation& e, const PageExplanation& page) {
  json j = {{"va", hex(page.va)}, {"indices", page.indices}, {"entries", json::array()}};
  for (const EntryExplanation& entry : page.entries) j["entries"].push_back(entry_json(e, entry));
  if (page.translation) {
    const Translation& t = *page.translation;
    j["page"] = {{"size", name_of(t.size())},
                 {"frame", hex(t.frame())},
                 {"pa", hex(t.address(page.va))},
                 {"user", t.rights().user()},
                 {"writable", t.rights().writable()},
                 {"no_execute", t.rights().no_execute()},
                 {"global", t.global()},
                 {"key", t.key()},
                 {"memory_type", name_of(page.memory_type)}};
  }
  return j;
}

json nested_json(const PageExplanation& page) {
  json j = json::array();
  for (const SubWalkExplanation& sub_walk : page.nested) {
    json walk = {{"gpa", hex(sub_walk.gpa)},
                 {"host_pa", hex(sub_walk.host)},
                 {"page_size", name_of(sub_walk.size)},
                 {"entries", json::array()}};
    if (!sub_walk.final) walk["guest_level"] = sub_walk.guest_level;
    for (const NestedEntryExplanation& entry : sub_walk.entries) {
      json e = {{"level", entry.level}, {"entry_pa", hex(entry.pa)}, {"value", hex(entry.value)}};
      if (entry.source.kind == EntrySource::Kind::kRead) {
        e["hit"] = name_of(entry.source.hit);
        e["cycles"] = entry.source.cycles.count;
      }
      walk["entries"].push_back(std::move(e));
    }
    j.push_back(std::move(walk));
  }
  return j;
}

json fault_json(const Explanation& e) {
  json j = {{"reason", name_of(*e.fault)}, {"text", describe(*e.fault)}, {"vector", name_of(e.exception->vector)}};
  if (e.exception->cr2) {
    j["error_code"] = hex(e.exception->error_code);
    j["error_code_bits"] = error_code_bits(e.exception->error_code);
    j["cr2"] = hex(*e.exception->cr2);
  }
  if (!e.pages.empty() && e.pages.back().fault_level != 0) j["level"] = e.pages.back().fault_level;
  if (!e.pages.empty() && !e.pages.back().restrictions.empty()) j["withheld_by_levels"] = e.pages.back().restrictions;
  return j;
}

json timed_json(const TimedAccess& timed) {
  const AccessRecord& r = timed.record;
  json stages = json::object();
  for (const Stage s : kAllOf<Stage>) stages[name_of(s)] = r.stage[s].count;
  json j = {{"cycles", (r.end - r.begin).count},
            {"l1_tlb_hit", !r.tlb_miss},
            {"stlb_hit", r.tlb_miss && !r.stlb_miss},
            {"stage_cycles", stages},
            {"walks", json::array()}};
  if (!timed.fault) j["data_hit"] = name_of(r.data_hit);
  for (const WalkRecord& walk : timed.walks) {
    j["walks"].push_back({{"va", hex(walk.va)},
                          {"cause", name_of(walk.cause)},
                          {"start_level", walk.start_level},
                          {"reads", walk.entries.size()},
                          {"queue_cycles", walk.queue.count},
                          {"cycles", (walk.end - walk.begin).count}});
  }
  return j;
}

json kernel_json(const KernelView& view) {
  json j = {{"region", view.region}};
  if (!view.struct_page) return j;
  const KernelView::StructPage& page = *view.struct_page;
  j["struct_page"] = {{"pfn", hex(page.pfn.raw)}, {"pa", hex(address_of(page.pfn))}, {"section", page.section},
                      {"node", nullptr},          {"memory", page.memory},           {"offset", page.offset},
                      {"field", page.field}};
  if (page.node) j["struct_page"]["node"] = *page.node;
  return j;
}

}  // namespace

std::string explanation_json(const Explanation& e) {
  json j = {{"va", hex(e.va)},
            {"bytes", e.bytes},
            {"access", name_of(e.access.kind())},
            {"user", e.access.is_user()},
            {"mode", name_of(e.control.mode())},
            {"root", hex(e.control.root())},
            {"pages", json::array()}};
  for (const PageExplanation& page : e.pages) {
    j["pages"].push_back(page_json(e, page));
    if (page.nested.empty()) continue;
    j["pages"].back()["nested"] = nested_json(page);
    if (page.host_pa) j["pages"].back()["host_pa"] = hex(*page.host_pa);
    if (!page.exit) continue;
    j["pages"].back()["exit"] = {{"reason", name_of(page.exit->reason)},
                                 {"information", hex(page.exit->information)},
                                 {"gpa", hex(page.exit->gpa)}};
  }
  if (e.fault) {
    j["fault"] = fault_json(e);
  } else {
    j["pa"] = hex(e.pa);
  }
  if (e.kernel) j["kernel"] = kernel_json(*e.kernel);
  if (e.first) j["first"] = timed_json(*e.first);
  if (e.again) j["again"] = timed_json(*e.again);
  return j.dump();
}

}  // namespace mmusim
