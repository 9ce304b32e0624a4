// SPDX-License-Identifier: MIT
// The runs of a report, and its first page: the answer, the picture of it, and what was set differently.
'use strict';

const report = (() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const { comparison } = data;
  const runs = data.runs.filter((r) => r.summary).map((r, i) => ({ ...r, color: page.runColor(i), index: i }));
  const labels = runs.map((r) => r.label);
  const base = runs.find((r) => r.label === comparison.baseline);
  const isBase = (run) => comparison.bases[run.label] === run.label;
  // "Ratios are to ...": one base, or one for each platform.
  const ratiosTo = runs.filter(isBase).length > 1 ? 'the first run of the same platform' : base?.label;
  // Processors of different clocks compare by time, others by cycles.
  const byTime = runs.some((r) => r.summary.core_ghz !== base.summary.core_ghz);
  const measured = (run) =>
    run.summary.sections.workload.stages.length ? run.summary.sections.workload : run.summary.sections.build;
  const hidden = new Set();
  const visible = () => runs.filter((r) => !hidden.has(r.label));
  const colorOf = (run, theme) => theme.runs[run.index % theme.runs.length];
  // The settings of a configuration by their JSON pointers.
  const flatten = (value, path = '', into = new Map()) => {
    if (value !== null && typeof value === 'object') {
      for (const [k, v] of Object.entries(value)) flatten(v, `${path}/${k}`, into);
    } else into.set(path, JSON.stringify(value));
    return into;
  };
  return {
    data,
    comparison,
    runs,
    labels,
    base,
    isBase,
    ratiosTo,
    byTime,
    measured,
    hidden,
    visible,
    colorOf,
    flatten,
  };
})();

const answer = (() => {
  const { make, section, table, ratio, shown, titleOf } = page;
  const { data, comparison, runs, labels, base, byTime } = report;

  function said() {
    document.getElementById('kind').textContent =
      `mmusim ${runs.length > 1 ? `comparison of ${runs.length} runs` : 'run'}`;
    const place = document.getElementById('answer');
    place.append(make('p', { class: 'headline', text: comparison.headline.replaceAll(' %', '\u00a0%') }));
    if (comparison.not_simulated) place.append(make('p', { class: 'note', text: comparison.not_simulated }));
    for (const note of comparison.notes ?? []) place.append(make('p', { class: 'note', text: note }));
    for (const run of data.runs) {
      for (const why of run.failures) place.append(make('p', { class: 'failed', text: `${run.label} failed: ${why}` }));
    }
  }

  // One button for each run: hides it in all charts.
  function key() {
    if (runs.length < 2) return;
    document.getElementById('main').append(
      make(
        'div',
        { class: 'runs' },
        figures.toggles(
          'runs shown in the charts',
          runs.map((r) => ({ key: r.label, name: r.label, color: r.color })),
          report.hidden,
          figures.drawAll,
        ),
      ),
    );
  }

  const kPictured = [
    byTime ? 'time_per_access' : 'cycles_per_access',
    'walks_per_1000_accesses',
    'reads_per_walk',
    'walk_latency_mean',
    'memmap_total',
    byTime ? 'populate_time' : 'populate_cycles',
    'entry_writes',
    'flush_rounds',
    'shootdown_wait',
    'beside_cycles_per_access',
  ];
  const valueOf = (metric, run) => metric.runs[run.label]?.mean;
  const textOf = (metric, run) => {
    const v = metric.runs[run.label];
    return (
      shown(metric.unit, v.mean) +
      (v.n > 1 ? ` \u00b1 ${shown(metric.unit, v.ci95)}` : '') +
      (report.isBase(run) || v.ratio === null ? '' : ` (${ratio(v.ratio)})`)
    );
  };

  function panel(metric) {
    const there = runs.filter((r) => valueOf(metric, r) !== undefined);
    return figures.figure({
      label: titleOf(metric),
      title: titleOf(metric),
      spec: (width, theme) =>
        charts.bars(
          there
            .filter((r) => !report.hidden.has(r.label))
            .map((r) => ({
              name: r.label,
              value: valueOf(metric, r),
              text: textOf(metric, r),
              color: report.colorOf(r, theme),
              tip: `${r.label}\n${titleOf(metric)}: ${textOf(metric, r)}`,
            })),
          width,
          theme,
        ),
    });
  }

  function picture() {
    const pictured = kPictured
      .map((key) => comparison.metrics.find((m) => m.key === key))
      .filter((m) => m && runs.some((r) => valueOf(m, r)));
    if (!pictured.length) return;
    if (runs.length === 1) {
      section(
        'picture',
        'In numbers',
        make(
          'dl',
          { class: 'tiles' },
          ...pictured.map((m) =>
            make('div', {}, make('dt', { text: titleOf(m) }), make('dd', { text: shown(m.unit, valueOf(m, base)) })),
          ),
        ),
      );
      return;
    }
    const differ = pictured.filter((m) => new Set(runs.map((r) => valueOf(m, r))).size > 1);
    section(
      'picture',
      'The answer as a picture',
      make('p', { class: 'note', text: `Less is better in each. In brackets: the ratio to ${report.ratiosTo}.` }),
      figures.grid(...differ.map(panel)),
    );
  }

  function settings() {
    if (runs.length < 2) return;
    const kMost = 60;
    const flat = runs.map((r) => report.flatten(r.summary.configuration));
    const differs = (key) => new Set(flat.map((m) => m.get(key))).size > 1;
    // Platforms of different names differ in everything.
    const told = differs('/platform/name') ? /^\/platform\/(?!name$)/ : /^$/;
    const keys = [...new Set(flat.flatMap((m) => [...m.keys()]))].filter(
      (k) => differs(k) && !/^\/(name|description|variants)(\/|$)/.test(k),
    );
    const rows = keys.filter((k) => !told.test(k)).slice(0, kMost);
    const left = keys.length - rows.length;
    section(
      'settings',
      'What was set differently',
      ...(rows.length === 0
        ? [make('p', { text: 'Nothing.' })]
        : [
            table(
              'settings that differ',
              ['setting', ...labels],
              rows.map((k) => [make('code', { text: k }), ...flat.map((m) => m.get(k) ?? '-')]),
              { text: labels.map((_, i) => i + 1) },
            ),
          ]),
      ...(left
        ? [
            make('p', {
              class: 'note',
              text: `${page.count(left, 'setting')} more: the configurations are in summary.json of each run.`,
            }),
          ]
        : []),
    );
  }

  return { said, key, picture, settings, valueOf, textOf };
})();
