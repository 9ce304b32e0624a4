// SPDX-License-Identifier: MIT
#include <fmt/ranges.h>

#include <algorithm>

#include "mm/layout.h"
#include "models/base/format.h"
#include "sim/explain/entry_text.h"
#include "sim/explain/explanation.h"

namespace mmusim {

namespace {

constexpr size_t kColumns = 100;

/// Breaks text that follows `indent` columns at blanks, so that no line is longer than kColumns. Colours take no room.
std::string wrapped(const std::string& text, size_t indent) {
  std::string out;
  size_t column = indent;
  for (size_t at = 0; at < text.size();) {
    const size_t blank = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, blank - at);
    size_t width = 0;
    for (size_t i = 0; i < word.size(); ++i, ++width) {
      if (word[i] != '\x1b') continue;
      i = std::min(word.find('m', i), word.size());
      --width;
    }
    if (column + width > kColumns && column > indent) {
      while (!out.empty() && out.back() == ' ') out.pop_back();
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    out += word;
    column += width;
    for (at = blank; at < text.size() && text[at] == ' '; ++at, ++column) out += ' ';
  }
  return out;
}

class Writer {
 public:
  Writer(Colour colour, Names names, unsigned levels)
      : colour_(colour == Colour::kOn), names_(names), levels_(levels) {}
  /// The name of an entry in the vocabulary that was chosen.
  std::string entry(unsigned level) const { return entry(level, levels_); }
  std::string entry(unsigned level, unsigned levels) const { return entry_name(level, levels, names_); }
  Names names() const { return names_; }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  /// A line with a name in a column of its own.
  template <class... Args>
  void item(const char* name, fmt::format_string<Args...> format, Args&&... args) {
    constexpr size_t kIndent = 12;
    line("  {} {}", dim(fmt::format("{:<9}", name)),
         wrapped(fmt::format(format, std::forward<Args>(args)...), kIndent));
  }
  /// Lines below one of a table.
  void below(const std::string& text) {
    constexpr size_t kIndent = 9;
    line("{}{}", std::string(kIndent, ' '), wrapped(text, kIndent));
  }
  std::string bold(const std::string& s) const { return paint("1", s); }
  std::string dim(const std::string& s) const { return paint("2", s); }
  std::string good(const std::string& s) const { return paint("32", s); }
  std::string bad(const std::string& s) const { return paint("1;31", s); }
  std::string number(const std::string& s) const { return paint("36", s); }
  std::string take() { return std::move(text_); }

 private:
  std::string paint(const char* code, const std::string& s) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, s) : s;
  }
  bool colour_;
  Names names_;
  unsigned levels_;
  std::string text_;
};

const char* privilege_of(AccessType access) {
  switch (access.privilege()) {
    case Privilege::kUser:
      return "user";
    case Privilege::kSupervisor:
      return "supervisor";
    case Privilege::kImplicit:
      return "implicit supervisor";
  }
  return "?";
}

std::string source_text(const EntryExplanation& entry, const Writer& out) {
  switch (entry.source.kind) {
    case EntrySource::Kind::kNotAsked:
      return "not read";
    case EntrySource::Kind::kStructureCache:
      return out.entry(entry.step.level) + " cache";
    case EntrySource::Kind::kRead:
      return fmt::format("{}, {} cycles", name_of(entry.source.hit), entry.source.cycles);
  }
  return "?";
}

std::string target_text(const PageExplanation& page, const EntryExplanation& entry) {
  if ((entry.step.entry & pte::kPresent) == 0 || entry.reserved != 0) return "-";
  if (!entry.leaf) return fmt::format("table pfn 0x{:x}", pfn_of(entry.target).raw);
  const PageSize size = page.translation ? page.translation->size() : PageSize::k4K;
  return fmt::format("{} page pfn 0x{:x}", name_of(size), pfn_of(entry.target).raw);
}

void write_head(const Explanation& e, Writer& out) {
  out.line("{}: {} {} of {} byte{}", out.bold(fmt::format("{}", e.va)), privilege_of(e.access),
           name_of(e.access.kind()), e.bytes, e.bytes == 1 ? "" : "s");
  out.item("paging", "{}, root table at {}{}", name_of(e.control.mode()), e.control.root(),
           e.control.pcide() ? fmt::format(", PCID {}", e.control.pcid()) : std::string());
  if (!e.kernel) return;
  const auto& page = e.kernel->struct_page;
  if (!page) return out.item("region", "{}", e.kernel->region);
  const std::string node = page->node ? fmt::format(", node {}", *page->node) : "";
  out.item("region", "vmemmap: struct page of pfn 0x{:x} (physical {}), section {}{}{}", page->pfn.raw,
           address_of(page->pfn), page->section, node, page->memory ? "" : ", where there is no memory");
  out.item("", "byte {} of it{}", page->offset, page->field.empty() ? "" : ": " + page->field);
}

void write_indices(const Explanation& e, const PageExplanation& page, Writer& out) {
  std::string text;
  unsigned level = e.control.levels();
  for (const unsigned index : page.indices) text += fmt::format("{} {}, ", out.entry(level--), index);
  const unsigned shift = page.translation ? shift_of(page.translation->size()) : kPageShift;
  const uint64_t offset = page.va.raw() & ((uint64_t{1} << shift) - 1);
  out.item("index", "{}offset 0x{:x}{}", text, offset,
           page.translation ? fmt::format(" in the {} page", name_of(page.translation->size())) : "");
}

std::string writer_text(const EntryWriter& writer) {
  if (writer.cycle == CycleTime(0)) return fmt::format("written by {} before simulated time began", writer.function);
  const std::string core = writer.core != 0 ? fmt::format(" on core {}", writer.core) : "";
  return fmt::format("written by {} in cycle {}{}", writer.function, writer.cycle.count, core);
}

void write_entries(const Explanation& e, const PageExplanation& page, Writer& out) {
  if (page.entries.empty()) return;
  const bool timed = e.first.has_value();
  std::vector<std::string> targets, sources;
  size_t target_width = 9;
  for (const EntryExplanation& entry : page.entries) {
    targets.push_back(target_text(page, entry));
    sources.push_back(timed ? source_text(entry, out) : "");
    target_width = std::max(target_width, targets.back().size());
  }
  const unsigned digits = 2 * e.control.entry_bytes();
  const auto row = [&](const auto&... columns) {
    return fmt::format("  {:<6} {:>5}  {:<14} {:<{}}  {:<{}}  {}", columns...);
  };
  out.line("{}",
           out.dim(row("level", "index", "entry at", "value", digits, "points to", target_width, timed ? "read" : "")));
  for (size_t i = 0; i < page.entries.size(); ++i) {
    const EntryExplanation& entry = page.entries[i];
    const std::string value = fmt::format("{:0{}x}", entry.step.entry, digits);
    const std::string text = row(out.entry(entry.step.level), entry.index, fmt::format("{}", entry.step.entry_pa),
                                 value, digits, targets[i], target_width, sources[i]);
    const bool culprit =
        page.fault_level == entry.step.level ||
        std::find(page.restrictions.begin(), page.restrictions.end(), entry.step.level) != page.restrictions.end();
    out.line("{}", culprit ? out.bad(text) : text);
    std::vector<std::string> flags;
    for (const std::string& flag : entry_flags(e.control, entry.step.level, entry.step.entry)) {
      flags.push_back(flag_name(flag, out.names()));
    }
    out.below(fmt::format("{}", fmt::join(flags, " ")));
    if (entry.writer) out.below(writer_text(*entry.writer));
  }
}

/// The nested dimension: a line for each guest-physical address that the walk translates.
void write_nested(const PageExplanation& page, Writer& out) {
  for (const SubWalkExplanation& sub_walk : page.nested) {
    const std::string what = sub_walk.final ? "the data" : "the " + out.entry(sub_walk.guest_level);
    const unsigned levels = sub_walk.entries.empty() ? 0 : sub_walk.entries.front().level;
    out.item("nested", "{} at guest-physical {}: {} page, host-physical {}", what, sub_walk.gpa, name_of(sub_walk.size),
             sub_walk.host);
    for (const NestedEntryExplanation& entry : sub_walk.entries) {
      const std::string read = entry.source.kind == EntrySource::Kind::kRead
                                   ? fmt::format("{}, {} cycles", name_of(entry.source.hit), entry.source.cycles)
                                   : "not read";
      out.line("            {:<6} {:<14} {:016x}  {}", out.entry(entry.level, levels), fmt::format("{}", entry.pa),
               entry.value, read);
    }
  }
  if (page.exit) {
    out.item("exit", "{}",
             out.bad(fmt::format("{}, information 0x{:x}, guest-physical {}", name_of(page.exit->reason),
                                 page.exit->information, page.exit->gpa)));
  }
  if (page.host_pa) out.item("host", "{}", out.good(fmt::format("host-physical {}", *page.host_pa)));
}

void write_updates(const PageExplanation& page, Writer& out) {
  for (const EntryExplanation& entry : page.entries) {
    if (!entry.after) continue;
    const uint64_t set = *entry.after & ~entry.step.entry;
    const char* what = set == (pte::kAccessed | pte::kDirty) ? "accessed and dirty"
                       : set == pte::kDirty                  ? "dirty"
                                                             : "accessed";
    out.item("sets", "{} in the {}: 0x{:x}", what, out.entry(entry.step.level), *entry.after);
  }
}

void write_page_result(const PageExplanation& page, Writer& out) {
  if (page.translation) {
    const Translation& t = *page.translation;
    out.item("rights", "{}, {}, {}{}{}", t.rights().user() ? "user" : "supervisor only",
             t.rights().writable() ? "writable" : "read-only",
             t.rights().no_execute() ? "not executable" : "executable", t.global() ? ", global" : "",
             t.key() != 0 ? fmt::format(", key {}", t.key()) : "");
  }
  if (!page.fault && page.translation) {
    out.item(
        "result", "{}",
        out.good(fmt::format("physical {}, {} page at {}, {}", page.translation->address(page.va),
                             name_of(page.translation->size()), page.translation->frame(), name_of(page.memory_type))));
  }
}

void write_fault(const Explanation& e, Writer& out) {
  if (!e.exception) return;
  const PageExplanation* page = e.pages.empty() ? nullptr : &e.pages.back();
  std::string where;
  if (page != nullptr && page->fault_level != 0) where = ", in the " + out.entry(page->fault_level);
  if (page != nullptr && !page->restrictions.empty()) {
    std::vector<std::string> names;
    for (const unsigned level : page->restrictions) names.push_back(out.entry(level));
    where = fmt::format(", by the {}", fmt::join(names, ", "));
  }
  out.item("fault", "{}", out.bad(fmt::format("{}{}", describe(*e.fault), where)));
  if (e.exception->vector == Vector::kPageFault) {
    out.item("raises", "#PF, error code 0x{:x} ({}), CR2 {}", e.exception->error_code,
             fmt::join(error_code_bits(e.exception->error_code), ", "), *e.exception->cr2);
  } else {
    out.item("raises", "{}(0), CR2 unchanged", name_of(e.exception->vector));
  }
}

void write_timed(const char* name, const TimedAccess& timed, Writer& out) {
  const AccessRecord& r = timed.record;
  std::vector<std::string> stages;
  for (const Stage s : kAllOf<Stage>) {
    if (r.stage[s].count != 0) stages.push_back(fmt::format("{} {}", name_of(s), r.stage[s]));
  }
  const char* answer = !r.tlb_miss    ? "first-level TLB hit"
                       : !r.stlb_miss ? "first-level TLB miss, second-level TLB hit"
                                      : "both TLBs miss";
  std::string walks;
  for (const WalkRecord& walk : timed.walks) {
    if (walk.cause == WalkCause::kPrefetch) continue;
    walks += fmt::format(", walk from the {} ({} read{}, {} cycles)", out.entry(walk.start_level), walk.entries.size(),
                         walk.entries.size() == 1 ? "" : "s", walk.end - walk.begin);
  }
  const std::string data = timed.fault ? "" : fmt::format(", data from {}", name_of(r.data_hit));
  out.item(name, "{} cycles: {}{}{}", out.number(fmt::format("{}", r.end - r.begin)), answer, walks, data);
  if (stages.size() > 1) out.item("", "{}", fmt::join(stages, " + "));
}

}  // namespace

std::string explanation_text(const Explanation& e, Colour colour, Names names) {
  Writer out(colour, names, e.control.levels());
  write_head(e, out);
  for (const PageExplanation& page : e.pages) {
    if (&page != &e.pages.front()) out.item("then", "its second page, from {}", page.va);
    write_indices(e, page, out);
    write_entries(e, page, out);
    write_page_result(page, out);
    write_nested(page, out);
    write_updates(page, out);
  }
  write_fault(e, out);
  if (e.first && !e.pages.empty()) write_timed("time", *e.first, out);
  if (e.again && !e.pages.empty()) write_timed("again", *e.again, out);
  return out.take();
}

}  // namespace mmusim
