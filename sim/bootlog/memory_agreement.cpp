// SPDX-License-Identifier: MIT
#include "sim/bootlog/memory_agreement.h"

#include <algorithm>
#include <set>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/x86/paging.h"

namespace mmusim {

namespace {

constexpr std::string_view kNodeRanges = "the node ranges";  // how node_range_account() calls its own
constexpr uint64_t kPageKib = kPageBytes / 1024;

double gib(uint64_t pages) { return static_cast<double>(pages) * kPageBytes / static_cast<double>(kGiB); }

/// Says how one line of the log, or another account, stands to an account.
struct Finding {
  std::string witness;
  bool agrees = false;
  bool exact = false;      ///< agreement confirms every page, not only the order of magnitude
  bool nodes = false;      ///< agreement confirms the nodes
  bool disproves = false;  ///< disagreement means that the account is wrong, not that the witness knows less
  bool missing = false;    ///< disagreement means that there is memory which the account lacks
  std::string text = {};   ///< of a disagreement
};

/// Adds up an account by node.
struct NodeSum {
  uint64_t pages = 0;
  PhysAddr first;
  PhysAddr end;
};

std::map<unsigned, NodeSum> sums_of(const MemoryAccount& account) {
  std::map<unsigned, NodeSum> sums;
  for (const BootRange& r : account.ranges) {
    const auto [at, fresh] = sums.try_emplace(r.node, NodeSum{0, r.range.start, r.range.end});
    at->second.pages += r.range.bytes() >> kPageShift;
    at->second.end = r.range.end;
  }
  if (account.first_page && !account.ranges.empty()) {
    NodeSum& sum = sums[account.ranges.front().node];
    sum.pages += 1;
    sum.first = PhysAddr(0);
  }
  return sums;
}

/// The last page frame of all RAM. The log tells it once, or, where RAM goes beyond 4 GiB, a second time for what lies
/// below.
std::optional<ToldNumber> last_frame(const std::vector<ToldNumber>& told) {
  constexpr uint64_t kFourGib = uint64_t{1} << 20;
  std::optional<ToldNumber> last;
  for (const ToldNumber& t : told) {
    if (t.value > kFourGib || !last || last->value <= kFourGib) last = t;
  }
  return last;
}

/// Compares one account with all else the log tells.
class Examination {
 public:
  Examination(const BootFacts& facts, const MemoryAccount& account) : facts_(facts), account_(account) {
    sums_ = sums_of(account);
    total();
    node_totals();
    spans();
    zonelists();
    last_page();
    zone_end();
    node_data();
    list_length();
    zone_totals();
    nodes_in_use();
    end_of_log();
  }

  void compare_with(const MemoryAccount& other) {
    if (other.ranges.empty()) return;
    Finding f{.witness = other.name};
    f.agrees = same_pages(account_, other);
    // Where lines are damaged, two lists may lack the same memory.
    f.exact = f.agrees && account_.granule == kPageBytes && other.granule == kPageBytes && facts_.damaged.empty();
    const bool nodes_known = account_.knows_nodes && other.knows_nodes;
    f.nodes = f.agrees && nodes_known && same_nodes(account_, other);
    if (f.agrees && nodes_known && !f.nodes) {
      findings.push_back({.witness = other.name, .text = "gives the same pages to other nodes"});
    }
    if (!f.agrees) {
      const uint64_t theirs = other.pages();
      const uint64_t ours = account_.pages();
      const std::string_view word = theirs > ours   ? "more than"
                                    : theirs < ours ? "less than"
                                                    : "as much as, elsewhere,";
      f.text = fmt::format("{} pages ({:.2f} GiB), {} {} with {} ({:.2f} GiB)", theirs, gib(theirs), word,
                           account_.name, ours, gib(ours));
    }
    findings.push_back(f);
  }

  bool confirmed() const {
    return any([](const Finding& f) { return f.agrees && f.exact; });
  }
  bool nodes_confirmed() const {
    const bool one = sums_.size() == 1 && sums_.begin()->first == 0 && facts_.affinity.empty();
    return any([](const Finding& f) { return f.agrees && f.nodes; }) || (one && facts_.single_node);
  }
  bool disproved() const {
    return any([](const Finding& f) { return !f.agrees && f.disproves; });
  }
  bool missing() const {
    return any([](const Finding& f) { return !f.agrees && f.missing; });
  }
  bool disputed() const {
    return any([](const Finding& f) { return !f.agrees; });
  }

  std::vector<Finding> findings;

 private:
  template <class Test>
  bool any(Test test) const {
    return std::any_of(findings.begin(), findings.end(), test);
  }

  void total() {
    if (!facts_.present_kib) return;
    const uint64_t told = facts_.present_kib->value;
    const uint64_t kib = (account_.pages() + account_.first_page) * kPageKib;
    findings.push_back({.witness = fmt::format("\"Memory:\" (line {})", facts_.present_kib->line),
                        .agrees = told == kib,
                        .exact = true,
                        .disproves = true,
                        .missing = told > kib,
                        .text = fmt::format("{} KiB, {} has {} KiB", told, account_.name, kib)});
  }

  void node_totals() {
    if (facts_.node_pages.empty() || !account_.knows_nodes) return;
    Finding f{.witness = "the pages of each node", .agrees = true, .disproves = true};
    for (const auto& [node, told] : facts_.node_pages) {
      const auto sum = sums_.find(node);
      const uint64_t pages = sum == sums_.end() ? 0 : sum->second.pages;
      if (pages == told.value) continue;
      f.agrees = false;
      f.missing |= told.value > pages;
      f.text = fmt::format("\"On node {} totalpages\" (line {}) tells {}, {} has {}", node, told.line, told.value,
                           account_.name, pages);
    }
    // A node whose lines are all lost leaves a gap in the numbers; so does one without memory.
    const bool gap = !sums_.empty() && sums_.rbegin()->first + 1 != sums_.size();
    f.exact = f.nodes = !gap && std::all_of(sums_.begin(), sums_.end(),
                                            [&](const auto& sum) { return facts_.node_pages.contains(sum.first); });
    findings.push_back(f);
  }

  void spans() {
    if (facts_.node_spans.empty() || !account_.knows_nodes) return;
    Finding f{.witness = "first and last page of each node", .agrees = true, .nodes = true, .disproves = true};
    for (const NodeRange& span : facts_.node_spans) {
      const auto sum = sums_.find(span.node);
      if (sum != sums_.end() && sum->second.first == span.range.start && sum->second.end == span.range.end) continue;
      f.agrees = false;
      f.text = fmt::format(
          "node {} goes from {} to {} (line {}), in {} {}", span.node, span.range.start, span.range.end, span.line,
          account_.name,
          sum == sums_.end() ? "it has no memory" : fmt::format("from {} to {}", sum->second.first, sum->second.end));
    }
    for (const auto& [node, sum] : sums_) {
      const bool told = std::any_of(facts_.node_spans.begin(), facts_.node_spans.end(),
                                    [&, n = node](const NodeRange& span) { return span.node == n; });
      if (told) continue;
      f.agrees = false;
      f.text = fmt::format("node {} of {} is not set up", node, account_.name);
    }
    findings.push_back(f);
  }

  /// The pages the zonelists have: up to 6.9 without the struct pages' own.
  void zonelists() {
    if (!facts_.total_pages) return;
    constexpr uint64_t kMostTaken = 25;  // one part in so many: struct pages of 80 bytes take one in 51
    const uint64_t pages = account_.pages();
    const uint64_t told = facts_.total_pages->value;
    Finding f{.witness = fmt::format("\"Total pages\" (line {})", facts_.total_pages->line)};
    f.agrees = told <= pages && told >= pages - pages / kMostTaken;
    f.disproves = f.missing = told > pages;
    f.text = fmt::format("{} pages, {} has {}", told, account_.name, pages);
    findings.push_back(f);
  }

  void last_page() {
    if (const auto last = last_frame(facts_.last_pfn)) end_of_memory(*last, "last_pfn");
  }

  void zone_end() {
    // A list of zones that ends before memory may lack its last line.
    const bool whole = facts_.zone_end && !account_.ranges.empty() &&
                       facts_.zone_end->value >= account_.ranges.back().range.end.raw() >> kPageShift;
    if (whole) end_of_memory(*facts_.zone_end, "the end of the zones");
  }

  void end_of_memory(const ToldNumber& last, const char* witness) {
    if (account_.ranges.empty()) return;
    const uint64_t end = account_.ranges.back().range.end.raw() >> kPageShift;
    // Persistent memory counts for it in some kernels, and has no struct pages yet.
    const bool device = std::any_of(facts_.map.begin(), facts_.map.end(), [&](const MapEntry& e) {
      return e.kind != MemoryKind::kRam && e.range.end.raw() >> kPageShift == last.value;
    });
    if (device && end < last.value) return;
    findings.push_back({.witness = fmt::format("{} (line {})", witness, last.line),
                        .agrees = last.value == end,
                        .disproves = end < last.value,
                        .missing = end < last.value,
                        .text = fmt::format("is 0x{:x}, {} ends at page 0x{:x}", last.value, account_.name, end)});
  }

  /// The data of a node lie in memory.
  void node_data() {
    for (const NodeData& data : facts_.node_data) {
      const bool there = std::any_of(account_.ranges.begin(), account_.ranges.end(),
                                     [&](const BootRange& r) { return r.range.contains(data.range); });
      if (there) continue;
      findings.push_back({.witness = fmt::format("NODE_DATA({})", data.node),
                          .disproves = true,
                          .missing = true,
                          .text = fmt::format("lies at {}, where {} has no memory", data.range.start, account_.name)});
    }
  }

  void list_length() {
    if (!facts_.node_ranges_heading || facts_.node_ranges_heading->value == 0) return;
    const uint64_t told = facts_.node_ranges_heading->value;
    if (told == facts_.node_ranges.size() || facts_.node_ranges.empty()) return;
    const bool of_this = account_.name.starts_with(kNodeRanges);
    findings.push_back(
        {.witness = fmt::format("the heading of the list of nodes (line {})", facts_.node_ranges_heading->line),
         .disproves = of_this,
         .missing = of_this && told > facts_.node_ranges.size(),
         .text = fmt::format("{} ranges, there are {}", told, facts_.node_ranges.size())});
  }

  /// Pages of the zones of a node; kernels before 3.8 print them without struct pages and reserved ones.
  void zone_totals() {
    std::map<unsigned, std::pair<uint64_t, uint64_t>> zones;
    for (const ZoneFact& z : facts_.zones) {
      zones[z.node].first += z.pages;
      zones[z.node].second += z.pages + z.memmap + z.reserved;
    }
    for (const auto& [node, pages] : zones) {
      const auto sum = sums_.find(node);
      const uint64_t ours = sum == sums_.end() ? 0 : sum->second.pages;
      if (!account_.knows_nodes || pages.first <= ours) continue;
      findings.push_back({.witness = fmt::format("the zones of node {}", node),
                          .disproves = true,
                          .missing = true,
                          .text = fmt::format("{} pages, {} has {}", pages.first, account_.name, ours)});
    }
  }

  /// numactl counts what is in use: all but the kernel's own, so some per cent less than there is.
  void nodes_in_use() {
    if (facts_.node_mib.empty()) return;
    constexpr uint64_t kMostReserved = 8;  // one part in so many
    Finding f{.witness = "numactl", .agrees = true, .nodes = account_.knows_nodes};
    std::map<unsigned, uint64_t> told = facts_.node_mib;
    std::map<unsigned, uint64_t> ours;
    for (const auto& [node, sum] : sums_) ours[node] = (sum.pages * kPageBytes + kMiB - 1) / kMiB;
    for (const auto& [node, mib] : told) {
      if (mib <= ours[node] && mib >= ours[node] - ours[node] / kMostReserved) continue;
      f.agrees = false;
      f.missing |= mib > ours[node];
      f.disproves = f.missing;
      f.text = fmt::format("{} MiB in use of node {}, {} has {}", mib, node, account_.name, ours[node]);
    }
    findings.push_back(f);
  }

  void end_of_log() {
    if (!facts_.node_ranges_end_log || !account_.name.starts_with(kNodeRanges)) return;
    findings.push_back({.witness = "the end of the log",
                        .disproves = true,
                        .text = "comes with the last node range: more may follow"});
  }

  const BootFacts& facts_;
  const MemoryAccount& account_;
  std::map<unsigned, NodeSum> sums_;
};

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    out += i == 0 ? "" : i + 1 == words.size() ? " and " : ", ";
    out += words[i];
  }
  return out;
}

std::string summary_of(const MemoryAccount& account, const Examination& seen, Agreement agreement) {
  const auto sums = sums_of(account);
  std::string text = fmt::format("memory: {} node{}, {:.2f} GiB, {} pages, from {}; ", sums.size(),
                                 sums.size() == 1 ? "" : "s", gib(account.pages()), account.pages(), account.name);
  std::vector<std::string> agreeing;
  for (const Finding& f : seen.findings) {
    if (f.agrees) agreeing.push_back(f.witness);
  }
  const std::string list = listed(agreeing);
  switch (agreement) {
    case Agreement::kConfirmed:
      return text + list + (agreeing.size() == 1 ? " agrees" : " agree");
    case Agreement::kDisputed:
      return text + "disputed, see below" + (list.empty() ? "" : "; in agreement: " + list);
    case Agreement::kUnconfirmed:
      break;
  }
  const char* what =
      seen.confirmed() ? "which node has which page is told only once" : "not confirmed by anything else";
  return text + what + (list.empty() ? "" : "; in agreement: " + list);
}

[[noreturn]] void refuse(const BootFacts& facts, const std::string& name, const Examination& seen) {
  std::string text = name + ": memory is missing, or told in two ways: ";
  std::vector<std::string> parts;
  for (const Finding& f : seen.findings) {
    if (!f.agrees) parts.push_back(f.witness + " " + f.text);
  }
  text += listed(parts);
  if (!facts.node_ranges.empty() && !facts.node_ranges_heading && facts.map.empty()) {
    text += "; the log begins too late: the firmware's map and the heading of the node ranges are not in it";
  }
  throw InputError(text + "; expected a log that has all lines of the boot");
}

[[noreturn]] void refuse_empty(const BootFacts& facts, const std::string& name) {
  const std::string what =
      facts.maps.empty() && facts.node_ranges.empty() ? "no memory map" : "the memory map has no usable page";
  throw InputError(
      fmt::format("{}: {}: expected a boot log with \"BIOS-e820:\" or \"Early memory node ranges\" lines", name, what));
}

}  // namespace

AgreedMemory agree_on_memory(const BootFacts& facts, const std::vector<MemoryAccount>& others,
                             const std::string& name) {
  std::vector<MemoryAccount> accounts = {node_range_account(facts), memblock_account(facts), firmware_account(facts)};
  accounts.insert(accounts.end(), others.begin(), others.end());
  std::erase_if(accounts, [](const MemoryAccount& a) { return a.ranges.empty(); });
  if (accounts.empty()) refuse_empty(facts, name);

  std::vector<Examination> seen;
  for (const MemoryAccount& account : accounts) {
    seen.emplace_back(facts, account);
    for (const MemoryAccount& other : accounts) {
      if (&other != &account) seen.back().compare_with(other);
    }
  }
  const auto worth = [](const Examination& e) {
    return 8 * !e.disproved() + 4 * e.confirmed() + 2 * !e.missing() + 1 * e.nodes_confirmed();
  };
  // Of equals the first one: the kernel's own list.
  const auto taken = std::max_element(seen.begin(), seen.end(),
                                      [&](const Examination& a, const Examination& b) { return worth(a) < worth(b); });
  if (taken->missing() && !taken->confirmed()) refuse(facts, name, seen.front());
  const MemoryAccount& account = accounts[static_cast<size_t>(taken - seen.begin())];

  constexpr uint64_t kPhysEnd = uint64_t{1} << kMaxPhysBits;
  for (const BootRange& r : account.ranges) {
    if (r.range.end.raw() >= kPhysEnd) {
      throw InputError(fmt::format("{}: {}: memory ends at {:#x}, expected an end below {:#x}", name, account.name,
                                   r.range.end.raw(), kPhysEnd));
    }
  }
  AgreedMemory out;
  out.ranges = account.ranges;
  if (taken->disputed() || !facts.contradictions.empty())
    out.agreement = Agreement::kDisputed;
  else if (taken->confirmed() && taken->nodes_confirmed())
    out.agreement = Agreement::kConfirmed;
  out.summary = summary_of(account, *taken, out.agreement);
  for (const Finding& f : taken->findings) {
    if (!f.agrees) out.notes.push_back(fmt::format("disagreement: {}: {}", f.witness, f.text));
  }
  for (const std::string& c : facts.contradictions) out.notes.push_back("the log disagrees with itself: " + c);
  return out;
}

}  // namespace mmusim
