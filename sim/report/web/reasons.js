// SPDX-License-Identifier: MIT
// Why the answer is what it is: cycles, walks, entry reads, phases, time, and all numbers side by side.
'use strict';

const reasons = (() => {
  const { make, button, section, table, scroller, number, whole, three, four, percent, ratio, shown } = page;
  const { comparison, runs, labels, isBase, ratiosTo, byTime, measured, visible, colorOf } = report;
  const { figure, grid } = figures;

  // ---- cycles of an access ----
  const kStageTexts = {
    l1_tlb: 'first-level TLB',
    stlb: 'second-level TLB',
    walk_queue: 'waiting for a walker',
    structure_caches: 'paging-structure caches',
    entry_reads: 'reading entries',
    ad_updates: 'setting accessed and dirty',
    data: 'the data itself',
    stall: 'stall',
  };
  function cycles() {
    const there = runs.filter((r) => measured(r).totals.accesses > 0);
    if (!there.length) return;
    const stages = Object.keys(measured(there[0]).machine.stage_cycles);
    const variable = (s) => (s === 'data' ? 'hit4' : s === 'stall' ? 'line' : `run${stages.indexOf(s)}`);
    const text = (s) => kStageTexts[s] ?? s;
    const each = (run, s) => measured(run).machine.stage_cycles[s] / measured(run).totals.accesses;
    const sum = (run, shownStages) => shownStages.reduce((all, s) => all + each(run, s), 0);
    const used = stages.filter((s) => there.some((r) => each(r, s) > 0));
    if (!used.length) return;
    section(
      'cycles',
      'Where the cycles of an access go',
      make('p', {
        class: 'note',
        text: 'Mean over all measured accesses; accesses that overlap each count their own cycles. All but the data itself and stalls is translation: hide those two to see it.',
      }),
      figure({
        label: 'cycles of an access by stage',
        legend: used.map((s) => ({ key: s, name: text(s), color: `var(--${variable(s)})` })),
        spec: (width, theme, { hidden }) => {
          const stagesShown = used.filter((s) => !hidden.has(s));
          return charts.stacked(
            visible()
              .filter((r) => there.includes(r))
              .map((r) => ({
                name: r.label,
                text: `${four.format(sum(r, stagesShown))} cycles`,
                parts: stagesShown.map((s) => ({
                  value: each(r, s),
                  color: theme.get(variable(s)),
                  tip: `${r.label}\n${text(s)}: ${four.format(each(r, s))} cycles per access, ${percent(each(r, s), sum(r, used))} of ${four.format(sum(r, used))}`,
                })),
              })),
            width,
            theme,
            { title: 'cycles per access', format: '~r' },
          );
        },
        head: ['run', ...used.map(text), 'all (cycles per access)'],
        rows: there.map((r) => [r.label, ...used.map((s) => four.format(each(r, s))), four.format(sum(r, used))]),
      }),
    );
  }

  // ---- how long walks take ----
  const kPerOctave = 6;
  function binned(histogram) {
    const bins = new Map();
    for (const [low, high, count] of histogram.buckets) {
      const place = Math.floor(Math.log2(Math.max(1, (low + high) / 2)) * kPerOctave + 1e-9);
      bins.set(place, (bins.get(place) || 0) + count);
    }
    return [...bins].map(([place, count]) => ({
      x0: 2 ** (place / kPerOctave),
      x1: 2 ** ((place + 1) / kPerOctave),
      share: count / histogram.count,
      count,
    }));
  }
  function latency() {
    const there = runs
      .map((run) => ({ run, walks: measured(run).machine.walk_latency_cycles }))
      .filter(({ walks }) => walks.count > 0)
      .map((r) => ({ ...r, bins: binned(r.walks) }));
    if (!there.length) return;
    const ends = there.flatMap(({ bins }) => bins.flatMap((b) => [b.x0, b.x1]));
    const domain = [Math.max(1, Math.min(...ends) / 1.3), Math.max(...ends) * 1.3];
    const tallest = Math.max(...there.flatMap(({ bins }) => bins.map((b) => b.share)));
    section(
      'latency',
      'How long page walks take',
      make('p', {
        class: 'note',
        text: `Share of the walks by latency, from request to translation; full height is ${percent(tallest, 1)} of a run's walks. Dashed: median (p50) and 99th percentile (p99).`,
      }),
      figure({
        label: 'distribution of the latency of page walks',
        spec: (width, theme) =>
          charts.ridges(
            there
              .filter(({ run }) => visible().includes(run))
              .map(({ run, walks, bins }) => ({
                name: run.label,
                text: `mean ${three.format(walks.sum / walks.count)}, p50 ${number(walks.p50)}, p99 ${number(walks.p99)}, max ${number(walks.max)} cycles`,
                color: colorOf(run, theme),
                bins: bins.map((b) => ({
                  ...b,
                  tip: `${run.label}\n${four.format(b.x0)} to ${four.format(b.x1)} cycles: ${percent(b.share, 1)} of the walks (${number(b.count)})`,
                })),
                marks: [
                  ['p50', walks.p50],
                  ['p99', walks.p99],
                ].map(([name, x]) => ({ x: Math.max(1, x), tip: `${run.label}\n${name}: ${number(x)} cycles` })),
              })),
            width,
            theme,
            { domain, title: 'cycles, logarithmic scale' },
          ),
        head: ['run', 'cycles from', 'to', 'walks', 'share of walks'],
        rows: there.flatMap(({ run, bins }) =>
          bins.map((b) => [run.label, four.format(b.x0), four.format(b.x1), number(b.count), percent(b.share, 1)]),
        ),
      }),
    );
  }

  // ---- where the reads of walks hit ----
  const kHits = ['L1', 'L2', 'L3', 'DRAM', 'uncached'];
  const kLevels = { 1: 'PTE', 2: 'PMD', 3: 'PUD', 4: 'PGD/P4D', 5: 'PGD' };
  function hits() {
    const panels = [];
    for (const [key, whose] of [
      ['walk_reads_by_level', ''],
      ['nested_reads_by_level', 'host '],
    ]) {
      for (const level of ['1', '2', '3', '4', '5']) {
        const rows = runs
          .map((run) => ({ run, by: measured(run).machine[key]?.[level] }))
          .filter((r) => r.by)
          .map((r) => ({ ...r, all: kHits.reduce((sum, h) => sum + r.by[h], 0) }))
          .filter((r) => r.all > 0);
        if (rows.length) panels.push({ title: `${whose}level ${level} (${kLevels[level]})`, rows });
      }
    }
    if (!panels.length) return;
    const used = kHits.filter((h) => panels.some((p) => p.rows.some((r) => r.by[h] > 0)));
    section(
      'hits',
      'Where the reads of page walks hit',
      make('p', {
        class: 'note',
        text: 'One panel for each level of the page tables; each bar is all entry reads of that level, their number to the right.',
      }),
      make(
        'p',
        { class: 'legend' },
        ...used.map((h) => make('span', {}, page.swatch(`var(--hit${kHits.indexOf(h)})`), h)),
      ),
      grid(
        ...panels.map(({ title, rows }) =>
          figure({
            label: `reads of ${title} by place`,
            title,
            spec: (width, theme) =>
              charts.stacked(
                rows
                  .filter((r) => visible().includes(r.run))
                  .map((r) => ({
                    name: r.run.label,
                    text: page.count(r.all, 'read'),
                    parts: kHits.map((h, i) => ({
                      value: r.by[h] / r.all,
                      color: theme.hits[i],
                      tip: `${r.run.label}, ${title}\n${h}: ${number(r.by[h])} reads, ${percent(r.by[h], r.all)}`,
                    })),
                  })),
                width,
                theme,
                { title: 'share of the reads', format: '.0%', max: 1 },
              ),
            head: ['run', ...used],
            rows: rows.map((r) => [r.run.label, ...used.map((h) => number(r.by[h]))]),
          }),
        ),
      ),
    );
  }

  // ---- phases ----
  function phases() {
    const timed = comparison.phases.filter((p) => Object.values(p.runs).some((v) => v?.cost > 0));
    if (runs.length < 2 || timed.length < 2) return;
    const what = byTime ? 'time' : 'cycles';
    const text = ({ unit, runs: of }, run) => {
      const { cost, ratio: r } = of[run.label];
      return `${shown(unit, cost)}${unit === 'cycles' ? ' cycles' : ''}${isBase(run) || r === null ? '' : ` (${ratio(r)})`}`;
    };
    const panel = (phase) =>
      figure({
        label: `${what} of ${phase.phase}`,
        title: phase.phase,
        spec: (width, theme) =>
          charts.bars(
            visible()
              .filter((r) => phase.runs[r.label])
              .map((r) => ({
                name: r.label,
                value: phase.runs[r.label].cost,
                text: text(phase, r),
                color: colorOf(r, theme),
                tip: `${r.label}, ${phase.phase}\n${text(phase, r)}`,
              })),
            width,
            theme,
          ),
      });
    section(
      'phases',
      'Phase by phase',
      make('p', {
        class: 'note',
        text: `The ${what} of each phase, with the ratio to ${ratiosTo}. Phases that took no simulated time are left out.`,
      }),
      grid(...timed.map(panel)),
    );
  }

  // ---- misses over time ----
  function time() {
    const rows = runs.flatMap((run) => {
      const { slice_cycles: slice, stlb_misses: misses, walks } = run.summary.misses_over_time;
      return misses.map((v, i) => ({ run, x: i * slice, y: (1000 * v) / slice, walks: walks[i] }));
    });
    if (!rows.some((r) => r.y > 0)) return;
    const last = Math.max(...rows.map((r) => r.x));
    section(
      'time',
      'Misses over time',
      make('p', { class: 'note', text: 'Misses of the second-level TLB in each 1000 cycles, over the whole run.' }),
      figure({
        label: 'misses of the second-level TLB over time',
        extent: [0, last || 1],
        spec: (width, theme, { domain }) =>
          charts.lines(
            rows
              .filter((r) => visible().includes(r.run))
              .map((r) => ({
                series: r.run.label,
                x: r.x,
                y: r.y,
                color: colorOf(r.run, theme),
                dash: charts.dashes[r.run.index % charts.dashes.length],
                tip: `${r.run.label}, from cycle ${whole.format(r.x)}\n${four.format(r.y)} misses per 1000 cycles, ${number(r.walks)} walks in the slice`,
              })),
            width,
            theme,
            {
              x: { title: 'cycle', domain, format: ',d' },
              y: { title: 'misses per 1000 cycles', format: '~r' },
              step: true,
            },
          ),
        head: ['run', 'from cycle', 'misses per 1000 cycles', 'walks in the slice'],
        rows: rows.map((r) => [r.run.label, whole.format(r.x), four.format(r.y), number(r.walks)]),
      }),
    );
  }

  // ---- all numbers; those that are the same everywhere behind a button ----
  function numbers() {
    const body = make('tbody');
    const same = [];
    let group = '';
    for (const m of comparison.metrics.filter((metric) => Object.values(metric.runs).some((v) => v))) {
      if (m.group !== group) {
        group = m.group;
        body.append(
          make(
            'tr',
            { class: 'group' },
            make('th', { scope: 'rowgroup', text: group }),
            ...labels.map(() => make('td')),
          ),
        );
      }
      const row = make('tr', {}, make('th', { scope: 'row', text: page.titleOf(m) }));
      for (const run of runs) {
        const v = m.runs[run.label];
        const cell = make('td', {
          text: v ? shown(m.unit, v.mean) + (v.n > 1 ? ` \u00b1 ${shown(m.unit, v.ci95)}` : '') : '-',
        });
        if (!isBase(run) && v && v.ratio !== null) cell.append(make('span', { class: 'ratio', text: ratio(v.ratio) }));
        row.append(cell);
      }
      if (runs.length > 1 && new Set(runs.map((r) => m.runs[r.label]?.mean)).size === 1) same.push(row);
      body.append(row);
    }
    for (const row of same) row.hidden = true;
    const toggle = button(
      '',
      () => {
        for (const row of same) row.hidden = !row.hidden;
        say();
      },
      { class: 'more' },
    );
    const say = () => {
      toggle.textContent = `${same[0].hidden ? 'show' : 'hide'} ${same.length} numbers that are the same in all runs`;
      toggle.setAttribute('aria-expanded', String(!same[0].hidden));
    };
    if (same.length) say();
    section(
      'numbers',
      runs.length > 1 ? 'Numbers side by side' : 'All numbers',
      ...(runs.length > 1
        ? [
            make('p', {
              class: 'note',
              text: `Ratios are to ${ratiosTo}. Less is better everywhere but in the number of accesses.`,
            }),
          ]
        : []),
      scroller(
        'numbers side by side',
        make(
          'table',
          { class: runs.length < 5 ? 'few' : undefined },
          make(
            'thead',
            {},
            make(
              'tr',
              {},
              make('th', { scope: 'col', text: 'number' }),
              ...labels.map((l) => make('th', { scope: 'col', text: l })),
            ),
          ),
          body,
        ),
      ),
      ...(same.length ? [toggle] : []),
    );
  }

  return { cycles, latency, hits, phases, time, numbers };
})();
