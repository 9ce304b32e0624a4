// SPDX-License-Identifier: MIT
// The report of runs: first the answer, then a picture of it, then why, then everything else, folded.
'use strict';

answer.said();
if (report.runs.length) {
  answer.key();
  answer.picture();
  answer.settings();
  reasons.cycles();
  reasons.latency();
  reasons.hits();
  reasons.phases();
  reasons.time();
  whatIf.curves();
  reasons.numbers();
  play.build();
  details.functions();
  details.tables();
  details.about();
  details.counters();
}
document.getElementById('footer').textContent = report.runs.length
  ? `Written by ${report.base.summary.program}. Everything shown is computed from summary.json, tables.json and the event log of each run.`
  : 'No run succeeded.';
page.open(location.hash.slice(1));
figures.drawAll();
