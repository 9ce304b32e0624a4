// SPDX-License-Identifier: MIT
#include "models/dram/dram_timing.h"

#include <algorithm>

namespace mmusim {

DramTiming read_dram_timing(ConfigReader r) {
  constexpr unsigned kMax = 1'000'000;
  DramTiming t;
  const auto required = [&r](std::string_view key, unsigned& value, unsigned min) {
    r.check(r.has(key), key, "missing, expected DRAM clock cycles");
    r.read(key, value, min, kMax);
  };
  required("CL", t.cl, 1);
  required("CWL", t.cwl, 1);
  required("BL/2", t.burst, 1);
  required("tRCD", t.rcd, 1);
  required("tRP", t.rp, 1);
  required("tRAS", t.ras, 1);
  required("tRC", t.rc, 1);
  required("tCCD_S", t.ccd_s, 1);
  required("tCCD_L", t.ccd_l, 1);
  required("tRRD_S", t.rrd_s, 1);
  required("tRRD_L", t.rrd_l, 1);
  required("tFAW", t.faw, 1);
  required("tWTR_S", t.wtr_s, 0);
  required("tWTR_L", t.wtr_l, 0);
  required("tWR", t.wr, 0);
  required("tRTP", t.rtp, 1);
  required("tREFI", t.refi, 0);
  required("tRFC", t.rfc, 0);
  t.ccd_l_wr = t.ccd_l;
  r.read("tCCD_L_WR", t.ccd_l_wr, 1, kMax);
  r.read("tPPD", t.ppd, 0, kMax);
  r.read("tRTRS", t.rtrs, 0, kMax);
  r.read("tRTW", t.rtw, 0, kMax);
  r.read("activate_slots", t.act_slots, 1, 4);
  r.read("column_slots", t.column_slots, 1, 4);
  r.check(t.ccd_s >= t.burst, "tCCD_S", "{} is less than the {} cycles of a burst", t.ccd_s, t.burst);
  r.check(t.ccd_l >= t.ccd_s, "tCCD_L", "{} is less than tCCD_S, {}", t.ccd_l, t.ccd_s);
  r.check(t.rrd_l >= t.rrd_s, "tRRD_L", "{} is less than tRRD_S, {}", t.rrd_l, t.rrd_s);
  r.check(t.wtr_l >= t.wtr_s, "tWTR_L", "{} is less than tWTR_S, {}", t.wtr_l, t.wtr_s);
  r.check(t.rc >= t.ras, "tRC", "{} is less than tRAS, {}", t.rc, t.ras);
  r.check(t.cl + t.burst + t.rtw >= t.cwl, "CWL", "{} lets a write's data precede an earlier read's", t.cwl);
  // What may still be under way when a refresh falls due, and the refresh itself, must fit the interval.
  const unsigned longest = t.rfc + std::max(t.ras, t.rcd + t.cwl + t.burst + t.wr) + t.rp;
  r.check(t.refi == 0 || t.refi > longest, "tREFI", "{} leaves no time beside a refresh, expected more than {}", t.refi,
          longest);
  r.finish();
  return t;
}

}  // namespace mmusim
