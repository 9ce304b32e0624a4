// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "models/base/config.h"
#include "models/base/types.h"
#include "models/cache/line_directory.h"

namespace mmusim {

/// Distance of one core from another.
enum class CoreDistance : uint8_t { kCluster, kSocket, kRemote };

/// One latency for each distance.
struct ByDistance {
  Cycles cluster, socket, remote;

  Cycles of(CoreDistance distance) const {
    return distance == CoreDistance::kCluster ? cluster : distance == CoreDistance::kSocket ? socket : remote;
  }
};

/// The places of the cores of a machine with several, and what it costs them to interrupt each other and to flush. The
/// defaults are those for Intel's server cores in docs/parameters.md.
struct TopologyConfig {
  unsigned cores_per_cluster = 0;  ///< 0: all cores of a socket
  unsigned cores_per_socket = 0;   ///< 0: all cores
  Cycles icr_write{150};           ///< sender's time for one write of the interrupt command register
  /// From the end of that write to the target's interrupt entry.
  ByDistance delivery{Cycles(1200), Cycles(1200), Cycles(2200)};
  Cycles entry{300};       ///< target: from there to the handler's first instruction
  Cycles exit{300};        ///< target: from the last acknowledgement to the interrupted program
  Cycles idle_exit{4000};  ///< an idle target's time before its interrupt entry
  /// Sender's time for each target: half when it prepares the call, half when it reads the acknowledgement.
  ByDistance target{Cycles(200), Cycles(200), Cycles(450)};
  Cycles invlpg{250}, invpcid_page{250}, invpcid_all{1000}, cr4_pair{1500}, cr3{200};
  Cycles invlpgb{50};    ///< sender's time to issue one
  Cycles tlbsync{1500};  ///< from the last INVLPGB until the broadcasts are known to be done
  /// Least time between the arrivals of two broadcast flushes, whichever cores issue them, however many INVLPGBs each has.
  Cycles broadcast_gap{1000};

  /// Load to use of a line that another core has.
  ByDistance transfer{Cycles(180), Cycles(180), Cycles(475)};
  CoherenceProtocol protocol = CoherenceProtocol::kMesi;
  Geometry directory{0, 12};  ///< entries for each core; 0: as many as there are lines

  CoreDistance distance(unsigned a, unsigned b) const {
    if (cores_per_socket != 0 && a / cores_per_socket != b / cores_per_socket) return CoreDistance::kRemote;
    if (cores_per_cluster != 0 && a / cores_per_cluster != b / cores_per_cluster) return CoreDistance::kSocket;
    return CoreDistance::kCluster;
  }
  /// From the issue of a broadcast to its effect on every other core: half of the round trip.
  Cycles broadcast() const { return Cycles(tlbsync.count / 2); }
  Cycles least_transfer() const;
  /// The least time between an act of one core and what arrives of it at another; at least 1.
  Cycles least_latency() const;
};

/// Reads the object "topology" of a platform.
TopologyConfig read_topology_config(ConfigReader reader);

}  // namespace mmusim
