// SPDX-License-Identifier: MIT
// What is folded away: kernel functions, page tables, the runs themselves, every counter.
'use strict';

const details = (() => {
  const { make, folded, table, scroller, number, whole, four, percent } = page;
  const { runs, labels, flatten, colorOf } = report;

  // ---- kernel functions ----
  function functions() {
    const kMost = 24;
    const built = runs.flatMap((run) =>
      run.summary.phases
        .filter((p) => !p.workload && p.functions.some((f) => f.cycles > 0))
        .map((phase) => ({ run, phase })),
    );
    if (!built.length) return;
    folded('functions', 'What the kernel did, by function', 'time of each function of the kernel model', () => [
      make('p', {
        class: 'note',
        text: `Pale: from the first to the last time the function ran. Solid: as long as its own cycles. The ${kMost} longest of each phase.`,
      }),
      ...built.map(({ run, phase }) => {
        const all = phase.functions.reduce((sum, f) => sum + f.cycles, 0);
        const rows = phase.functions
          .filter((f) => f.cycles > 0)
          .sort((a, b) => b.cycles - a.cycles)
          .slice(0, kMost)
          .sort((a, b) => a.first_cycle - b.first_cycle);
        const title = `${run.label}: ${phase.stage}, ${number(phase.totals.cycles)} cycles`;
        return figures.figure({
          label: `kernel functions of ${title}`,
          title,
          extent: [Math.min(...rows.map((f) => f.first_cycle)), Math.max(...rows.map((f) => f.last_cycle)) + 1],
          spec: (width, theme, { domain }) =>
            charts.spans(
              rows.map((f) => ({
                name: f.function,
                text: percent(f.cycles, all),
                first: f.first_cycle,
                last: f.last_cycle,
                own: f.cycles,
                color: colorOf(run, theme),
                tip: `${f.function}\n${number(f.cycles)} cycles of its own, ${number(f.entry_writes)} entry writes`,
              })),
              width,
              theme,
              { domain, title: 'cycle' },
            ),
          head: ['function', 'first cycle', 'last cycle', 'own cycles', 'entry writes', 'bytes zeroed'],
          rows: phase.functions.map((f) => [
            f.function,
            number(f.first_cycle),
            number(f.last_cycle),
            number(f.cycles),
            number(f.entry_writes),
            number(f.bytes_zeroed),
          ]),
        });
      }),
    ]);
  }

  // ---- page tables ----
  function written(node, run) {
    if (!node.by) return [];
    const cycles =
      node.last_cycle === undefined
        ? `in cycle ${whole.format(node.cycle)}`
        : `in cycles ${whole.format(node.cycle)} to ${whole.format(node.last_cycle)}`;
    const link = play.link(run, node.record);
    return [
      make('span', { class: 'by' }, ' \u2014 written by ', make('code', { text: node.by }), ` ${cycles} `),
      ...(link ? [link] : []),
    ];
  }
  function entryNode(node, run) {
    const entry = entries.decode(node.value, node.level);
    const last = node.count ? `\u2013${node.index + node.count - 1}` : '';
    const to = entry.table
      ? `table at ${entry.frame}`
      : `${node.count ? `${node.count} pages of ` : ''}${entry.size} at ${entry.frame}${node.same_frame ? ', all the same' : ''}`;
    const text = [
      make('code', { text: node.va }),
      ` ${entries.levels[node.level]}[${node.index}${last}] \u2192 ${to}`,
      make('span', { class: 'note', text: `  ${entry.flags}` }),
    ];
    if (!entry.table) return make('div', { class: 'leaf' }, ...text, ...written(node, run));
    const children = node.children ?? [];
    const count = children.reduce((sum, c) => sum + (c.count ?? 1), 0) + (node.omitted ?? 0);
    const box = make(
      'details',
      {},
      make('summary', {}, ...text, make('span', { class: 'note', text: `, ${number(count)} entries` })),
    );
    // Children are made when they are first looked at: trees have thousands.
    box.addEventListener('toggle', () => {
      if (!box.open || box.children.length > 1) return;
      box.append(
        make('div', { class: 'leaf' }, 'this entry', ...written(node, run)),
        ...children.map((c) => entryNode(c, run)),
      );
      if (node.omitted)
        box.append(
          make('div', {
            class: 'leaf note',
            text: `and ${number(node.omitted)} entries more, not kept in this report`,
          }),
        );
    });
    return box;
  }
  function tables() {
    const there = runs.filter((r) => r.tree?.length);
    if (!there.length) return;
    folded('tables', 'The page tables of the vmemmap', 'entry by entry: who wrote each, and when', () => [
      make(
        'p',
        { class: 'note' },
        'Unfold a table to see its entries. ',
        make('code', { text: 'mmusim explain ADDRESS' }),
        ' tells a translation step by step, with the options of a run.',
      ),
      ...there.flatMap((run) => [
        make('h3', { text: run.label }),
        ...(run.options ? [make('p', {}, make('code', { text: `mmusim explain ADDRESS ${run.options}` }))] : []),
        make('div', { class: 'tree' }, ...run.tree.map((node) => entryNode(node, run))),
      ]),
    ]);
  }

  // ---- the runs ----
  function facts(run) {
    const { summary } = run;
    const { configuration: c } = summary;
    const stages = summary.phases.map((p) => p.stage);
    return [
      summary.name,
      typeof c.platform === 'object' && c.platform ? c.platform.name : c.platform,
      summary.core_ghz ? `${four.format(summary.core_ghz)} GHz` : undefined,
      c.kernel?.version,
      c.kernel?.levels,
      summary.seed,
      stages.length > 8 ? `${stages.length}, from ${stages[0]} to ${stages[stages.length - 1]}` : stages.join(', '),
      summary.interrupted ? 'yes: numbers are of a part' : 'no',
    ];
  }
  function about() {
    const names = ['scenario or trace', 'platform', 'core clock', 'kernel', 'levels', 'seed', 'phases', 'interrupted'];
    const columns = runs.map(facts);
    folded('runs', 'The runs', 'scenario, platform, kernel, seed', () => [
      table(
        'the runs',
        ['what', ...labels],
        names.map((name, i) => [name, ...columns.map((c) => String(c[i] ?? '-'))]),
        { text: labels.map((_, i) => i + 1) },
      ),
    ]);
  }

  // ---- counters ----
  function counters() {
    const flat = runs.map((r) => flatten(r.summary.counters));
    const perf = runs.map((r) => r.summary.perf);
    const meanings = Object.assign({}, ...runs.map((r) => r.summary.counter_meanings));
    const distribution = /\/(buckets\/\d+\/\d+|p50|p95|p99)$/;
    const rows = [...new Set(perf.flatMap((p) => Object.keys(p)))].map((k) => [
      k,
      ...perf.map((p) => p[k]),
      'as Linux perf names it',
    ]);
    for (const key of new Set(flat.flatMap((m) => [...m.keys()]))) {
      if (distribution.test(key)) continue;
      const name = key.slice(1).replaceAll('/', '.');
      rows.push([
        name,
        ...flat.map((m) => (m.has(key) ? Number(m.get(key)) : undefined)),
        meanings[name] ?? meanings[name.replace(/\.[^.]+$/, '')] ?? '',
      ]);
    }
    if (!rows.length) return;
    folded('counters', 'Every counter', `${number(rows.length)} of them, with a search`, () => {
      const body = make(
        'tbody',
        {},
        ...rows.map((r) =>
          make(
            'tr',
            {},
            make('th', { scope: 'row', class: 'text mono', text: r[0] }),
            ...r.slice(1, -1).map((v) => make('td', { text: v === undefined ? '-' : number(v) })),
            make('td', { class: 'text', text: r[r.length - 1] }),
          ),
        ),
      );
      const search = make('input', {
        type: 'search',
        id: 'search',
        placeholder: 'walk, dtlb, dram ...',
        autocomplete: 'off',
      });
      const found = make('span', { class: 'note', role: 'status', text: ` ${rows.length} counters` });
      search.addEventListener('input', () => {
        const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const row of body.children) row.hidden = !words.every((w) => row.textContent.toLowerCase().includes(w));
        found.textContent = ` ${[...body.children].filter((row) => !row.hidden).length} of ${rows.length} counters`;
      });
      return [
        make('p', {}, make('label', { for: 'search', text: 'Search: ' }), search, found),
        scroller(
          'counters',
          make(
            'table',
            {},
            make(
              'thead',
              {},
              make(
                'tr',
                {},
                make('th', { scope: 'col', text: 'counter' }),
                ...labels.map((l) => make('th', { scope: 'col', text: l })),
                make('th', { scope: 'col', class: 'text', text: 'meaning' }),
              ),
            ),
            body,
          ),
          true,
        ),
      ];
    });
  }

  return { functions, tables, about, counters };
})();
