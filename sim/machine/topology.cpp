// SPDX-License-Identifier: MIT
#include "sim/machine/topology.h"

#include <algorithm>

namespace mmusim {

namespace {

constexpr unsigned kMostCycles = 1u << 24;

ByDistance read_distances(ConfigReader r, ByDistance values) {
  const auto read = [&r](std::string_view key, std::string_view meaning, Cycles& value) {
    r.read({key, meaning, "cycles"}, value, 2, kMostCycles);
  };
  read("cluster", "Between cores of one cluster.", values.cluster);
  read("socket", "Between clusters of one socket.", values.socket);
  read("remote", "Between sockets.", values.remote);
  r.ignore("source");
  r.finish();
  return values;
}

void read_coherence(ConfigReader& r, TopologyConfig& c) {
  c.transfer = read_distances(
      r.child({"transfer_cycles", "Load to use of a line that another core has; more than a hit in the L2."}),
      c.transfer);
  r.read_enum<CoherenceProtocol>({"coherence",
                                  "mesi: a reader makes the core that has a modified line write it to the L3; moesi: "
                                  "that core keeps it and hands it to readers."},
                                 c.protocol,
                                 {{"mesi", CoherenceProtocol::kMesi}, {"moesi", CoherenceProtocol::kMoesi}});
  r.read(
      {"directory_entries",
       "Lines that the directory knows for each core, one more takes a line away from the cores; 0: as many as there "
       "are.",
       "lines"},
      c.directory.entries, 0, 1U << 24);
  r.read({"directory_ways", "Lines of a set of the directory; they divide its lines.", "lines"}, c.directory.ways, 1,
         64);
  r.check(c.directory.entries % c.directory.ways == 0, "directory_ways", "{} ways do not divide {} entries",
          c.directory.ways, c.directory.entries);
}

Cycles least(const ByDistance& d) { return std::min({d.cluster, d.socket, d.remote}); }

}  // namespace

Cycles TopologyConfig::least_transfer() const { return least(transfer); }

Cycles TopologyConfig::least_latency() const { return std::max(Cycles(1), std::min(least(delivery), broadcast())); }

TopologyConfig read_topology_config(ConfigReader r) {
  TopologyConfig c;
  r.read({"cores_per_cluster", "Cores that share a cluster, such as a CCX; 0: all of a socket.", "cores"},
         c.cores_per_cluster, 0, 1024);
  r.read({"cores_per_socket", "Cores of a socket; 0: all.", "cores"}, c.cores_per_socket, 0, 1024);
  const auto read = [&r](std::string_view key, std::string_view meaning, Cycles& value) {
    r.read({key, meaning, "cycles"}, value, 2, kMostCycles);
  };
  read("icr_write_cycles", "Sender's time for one write of the interrupt command register.", c.icr_write);
  c.delivery =
      read_distances(r.child({"delivery_cycles", "From that write to the interrupt entry of the target."}), c.delivery);
  read("entry_cycles", "Target's time from interrupt entry to the handler's first instruction.", c.entry);
  read("exit_cycles", "Target's time from the end of the handler to the interrupted program.", c.exit);
  read("idle_exit_cycles", "Time that an idle target takes to wake up.", c.idle_exit);
  c.target = read_distances(
      r.child({"target_cycles", "Sender's time for each target: half to prepare the call, half to read the answer."}),
      c.target);
  read("invlpg_cycles", "INVLPG, where there are several cores.", c.invlpg);
  read("invpcid_page_cycles", "INVPCID of one page.", c.invpcid_page);
  read("invpcid_all_cycles", "INVPCID of everything.", c.invpcid_all);
  read("cr4_pair_cycles", "CR4.PGE off and on.", c.cr4_pair);
  read("cr3_cycles", "CR3 load that flushes.", c.cr3);
  read("invlpgb_cycles", "Sender's time to issue an INVLPGB.", c.invlpgb);
  read("tlbsync_cycles", "From the last INVLPGB to the end of TLBSYNC.", c.tlbsync);
  read("broadcast_gap_cycles", "Least time between the arrivals of two broadcast flushes, whichever cores issue them.",
       c.broadcast_gap);
  read_coherence(r, c);
  r.ignore("source");
  r.finish();
  return c;
}

}  // namespace mmusim
