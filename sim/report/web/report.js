// SPDX-License-Identifier: MIT
'use strict';

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const good = data.runs.filter((r) => r.summary);
  const labels = good.map((r) => r.label);

  // ---- small helpers ----
  const { make, whole, few, number, section, theme } = page;
  const bytes = (v) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let u = 0;
    while (v >= 1024 && u + 1 < units.length) { v /= 1024; ++u; }
    return `${few.format(v)} ${units[u]}`;
  };
  const duration = (ns) => {
    const [by, unit] = ns >= 1e9 ? [1e9, 's'] : ns >= 1e6 ? [1e6, 'ms'] : ns >= 1e3 ? [1e3, '\u00b5s'] : [1, 'ns'];
    return `${three.format(ns / by)} ${unit}`;
  };
  const shown = (metric, v) => (metric.unit === 'bytes' ? bytes(v) : metric.unit === 'ns' ? duration(v) : metric.unit === '%' ? `${three.format(v)} %` : number(v));
  const ratioText = (r) => (r == null ? '' : r > 0 && r < 0.01 ? `1/${whole.format(1 / r)}` : `${three.format(r)}\u00d7`);
  const three = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
  const percent = (part, all) => (all ? `${part > 0 && part / all < 0.0001 ? '<0.01' : three.format((100 * part) / all)} %` : '-');

  const table = (head, rows, textColumns = [0]) => {
    const cell = (tag, v, i) => make(tag, { text: v, ...(textColumns.includes(i) ? { class: 'text' } : {}), ...(tag === 'th' ? { scope: 'col' } : {}) });
    return make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table' }, make('table', {},
      make('thead', {}, make('tr', {}, ...head.map((h, i) => cell('th', h, i)))),
      make('tbody', {}, ...rows.map((r) => make('tr', {}, ...r.map((v, i) => cell('td', v, i)))))));
  };

  const legend = (entries) => make('ul', { class: 'legend' }, ...entries.map(([name, variable]) =>
    make('li', {}, make('i', { style: `background: var(${variable})`, 'aria-hidden': 'true' }), name)));
  const runLegend = () => legend(labels.map((l, i) => [l, `--run${i % 8}`]));

  // ---- charts: drawn to the width there is, again when width, colour scheme or medium change ----
  const drawn = [];
  const draw = (chart) => {
    const width = Math.max(280, Math.floor(chart.node.clientWidth));
    if (chart.view) chart.view.finalize();
    chart.view = new vega.View(vega.parse(chart.spec(width, theme())), { renderer: 'svg', container: chart.node, hover: false });
    chart.view.run();
    const svg = chart.node.querySelector('svg');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', chart.label);
    chart.width = chart.node.clientWidth;
  };
  const drawAll = () => drawn.forEach(draw);
  const chart = (label, spec, before, head, rows) => {
    const node = make('div', { class: 'chart' });
    const figure = make('figure', {}, ...(before ? [before] : []), node,
      make('details', { class: 'data' }, make('summary', { text: 'show data' }), table(head, rows)));
    drawn.push({ node, spec, label });
    return figure;
  };

  // ---- sections ----
  document.getElementById('kind').textContent = `mmusim ${good.length > 1 ? 'comparison' : 'run'}`;
  document.getElementById('headline').textContent = data.comparison.headline;

  const flatten = (value, path, into) => {
    if (value !== null && typeof value === 'object') {
      for (const [k, v] of Object.entries(value)) flatten(v, `${path}/${k}`, into);
    } else into.set(path, JSON.stringify(value));
    return into;
  };

  function compared() {
    const facts = make('div', { class: 'facts' });
    for (const run of good) {
      const s = run.summary;
      const c = s.configuration;
      const platform = typeof c.platform === 'object' && c.platform ? c.platform.name : c.platform;
      const entries = [['scenario', s.name], ['platform', platform], ['core', s.core_ghz ? `${few.format(s.core_ghz)} GHz` : undefined],
        ['kernel', c.kernel && c.kernel.version], ['levels', c.kernel && c.kernel.levels], ['seed', s.seed],
        ['phases', s.phases.length > 8 ? `${s.phases.length}, from ${s.phases[0].stage} to ${s.phases[s.phases.length - 1].stage}` : s.phases.map((p) => p.stage).join(', ')], ['interrupted', s.interrupted ? 'yes: numbers are of a part' : undefined]];
      facts.append(make('div', { class: 'fact' }, make('h3', { text: run.label }), make('dl', {},
        ...entries.filter(([, v]) => v !== undefined && v !== null && v !== '').flatMap(([k, v]) => [make('dt', { text: k }), make('dd', { text: String(v) })]))));
    }
    const node = section('compared', 'What was compared', facts);
    for (const run of data.runs) {
      for (const why of run.failures) node.append(make('p', { class: 'failed', text: `${run.label} failed: ${why}` }));
    }
    if (good.length < 2) return;
    const flat = good.map((r) => flatten(r.summary.configuration, '', new Map()));
    const keys = [...new Set(flat.flatMap((m) => [...m.keys()]))].filter((k) => new Set(flat.map((m) => m.get(k))).size > 1)
      .filter((k) => !/^\/(name|description|variants)(\/|$)/.test(k));
    node.append(make('h3', { text: 'Settings that differ' }));
    node.append(keys.length === 0 ? make('p', { text: 'None.' }) :
      table(['setting', ...labels], keys.slice(0, 60).map((k) => [k, ...flat.map((m) => m.get(k) ?? 'not set')]), [0, ...labels.map((_, i) => i + 1)]));
    if (keys.length > 60) node.append(make('p', { class: 'note', text: `${keys.length - 60} more differ; see the configurations in summary.json.` }));
  }

  function numbers() {
    const baseline = data.comparison.baseline;
    const head = make('tr', {}, make('th', { text: '' }));
    for (const l of labels) {
      head.append(make('th', { scope: 'col', text: l }));
      if (l !== baseline) head.append(make('th', { scope: 'col', class: 'ratio', text: 'ratio' }));
    }
    const body = make('tbody');
    const rows = [];
    let group = '';
    for (const m of data.comparison.metrics.filter(m => Object.values(m.runs).some(v => v))) {
      if (m.group !== group) {
        group = m.group;
        body.append(make('tr', { class: 'group' }, make('th', { scope: 'colgroup', colspan: String(2 * labels.length), text: group })));
      }
      const tr = make('tr', {}, make('th', { scope: 'row', class: 'text', text: m.label }));
      const most = Math.max(...labels.map((l) => (m.runs[l] ? m.runs[l].mean : 0)));
      for (const l of labels) {
        const v = m.runs[l];
        tr.append(make('td', { text: v ? shown(m, v.mean) + (v.n > 1 ? ` \u00b1 ${m.unit === '%' ? three.format(v.ci95) : shown(m, v.ci95)}` : '') : '-' }));
        if (l !== baseline) tr.append(make('td', { class: 'ratio', text: v ? ratioText(v.ratio) : '' }));
        if (v && most > 0) {
          const ratio = l === baseline || v.ratio == null ? '' : ` (${ratioText(v.ratio)})`;
          rows.push({ group: m.label, run: l, part: v.mean / most, label: shown(m, v.mean) + ratio, tip: `${l}: ${m.label} ${shown(m, v.mean)}` });
        }
      }
      body.append(tr);
    }
    section('numbers', 'Numbers side by side',
      make('p', { class: 'note', text: good.length > 1 ? `Ratios are to ${baseline}. Less is better everywhere but in the number of accesses.` : '' }),
      make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'numbers side by side' },
        make('table', { class: 'metrics' }, make('thead', {}, head), body)),
      make('h3', { text: 'The same as bars, each scaled to its largest' }),
      chart('Bars of all numbers for each run', (w, t) => charts.bars(rows, w, t, labels), runLegend(),
        ['number', 'run', 'value and ratio'], rows.map((r) => [r.group, r.run, r.label])));
  }

  // Processors of different clocks compare by time, others by cycles.
  function phases() {
    const base = good.find((r) => r.label === data.comparison.baseline);
    if (good.length < 2 || base.summary.phases.length < 2) return;
    const byTime = good.some((r) => r.summary.core_ghz !== base.summary.core_ghz);
    const cost = (run, i) => {
      const phase = run.summary.phases[i];
      return !phase || phase.totals.cycles === 0 ? null : byTime ? phase.totals.cycles / run.summary.core_ghz : phase.totals.cycles;
    };
    const metric = { unit: byTime ? 'ns' : 'cycles' };
    const ratio = (run, i) => (run === base || !cost(base, i) ? null : cost(run, i) / cost(base, i));
    const rows = [];
    const cells = [];
    base.summary.phases.forEach((phase, i) => {
      if (!cost(base, i)) return;
      const most = Math.max(...good.map((r) => cost(r, i) ?? 0));
      for (const r of good) {
        const v = cost(r, i);
        const text = v === null ? '-' : shown(metric, v) + (ratio(r, i) === null ? '' : ` (${ratioText(ratio(r, i))})`);
        if (v !== null) rows.push({ group: phase.stage, run: r.label, part: v / most, label: text, tip: `${r.label}: ${phase.stage} ${text}` });
      }
      cells.push([phase.stage, ...good.flatMap((r) => (r === base ? [cost(r, i)] : [cost(r, i), ratio(r, i)])
        .map((v, column) => (v === null ? '-' : column === 1 ? ratioText(v) : shown(metric, v)))), ...good.map((r) => number(r.summary.phases[i]?.totals.walks ?? 0))]);
    });
    if (rows.length === 0) return;
    section('phases', 'Phase by phase',
      make('p', { class: 'note', text: `${byTime ? 'Time' : 'Cycles'} of each phase; ratios are to ${data.comparison.baseline}. Untimed phases are left out.` }),
      chart(`${byTime ? 'Time' : 'Cycles'} of each phase and run`, (w, t) => charts.bars(rows, w, t, labels), runLegend(),
        ['phase', ...good.flatMap((r) => (r === base ? [r.label] : [r.label, 'ratio'])), ...good.map((r) => `walks, ${r.label}`)], cells));
  }

  const measured = (s) => (s.sections.workload.stages.length ? s.sections.workload : s.sections.build);

  function latency() {
    const perOctave = 6;
    const rows = [];
    const facts = [];
    for (const run of good) {
      const h = measured(run.summary).machine.walk_latency_cycles;
      if (!h.count) continue;
      facts.push([run.label, number(h.count), few.format(h.sum / h.count), number(h.p50), number(h.p95), number(h.p99), number(h.max)]);
      const bins = new Map();
      for (const [low, high, count] of h.buckets) {
        const at = Math.floor(Math.log2(Math.max(1, (low + high) / 2)) * perOctave);
        bins.set(at, (bins.get(at) || 0) + count);
      }
      const keys = [...bins.keys()];
      const [first, last] = [Math.min(...keys) - 1, Math.max(...keys) + 1];
      for (let i = Math.max(0, first); i <= last; ++i) rows.push({ run: run.label, x: 2 ** (i / perOctave), y: (bins.get(i) || 0) / h.count });
    }
    if (!rows.length) return;
    section('latency', 'How long page walks take',
      make('p', { class: 'note', text: 'Share of walks by latency, from request to translation, in bins of a sixth of an octave; logarithmic axis.' }),
      table(['run', 'walks', 'mean', 'p50', 'p95', 'p99', 'max (cycles)'], facts),
      chart('Distribution of walk latency', (w, t) => charts.lines(rows, w, t, labels,
        { log: true, xTitle: 'walk latency (cycles)', yTitle: 'share of walks', yFormat: '.0%', interpolate: 'step-after', filled: true }),
        runLegend(), ['run', 'cycles from', 'share of walks'], rows.filter((r) => r.y > 0).map((r) => [r.run, few.format(r.x), percent(r.y, 1)])));
  }

  const levelNames = { 1: 'PTE', 2: 'PMD', 3: 'PUD', 4: 'PGD/P4D', 5: 'PGD' };
  const hitNames = ['L1', 'L2', 'L3', 'DRAM', 'uncached'];

  const stack = (name, values, colorOf, tipOf) => {
    const all = values.reduce((a, v) => a + v[1], 0);
    let at = 0;
    return values.filter((v) => v[1] > 0).map((v) => {
      const row = { bar: name, x0: at / all, x1: (at + v[1]) / all, color: colorOf(v[0]), tip: tipOf(v[0], v[1], all) };
      at += v[1];
      return row;
    });
  };

  function hits() {
    const cells = [];
    for (const [key, whose] of [['walk_reads_by_level', ''], ['nested_reads_by_level', 'nested ']]) {
      for (const level of ['1', '2', '3', '4', '5']) {
        for (const run of good) {
          const levels = measured(run.summary).machine[key]; // guests alone have nested reads
          const by = levels && levels[level];
          const all = by ? hitNames.reduce((a, h) => a + by[h], 0) : 0;
          if (all) cells.push({ bar: `${whose}level ${level} (${levelNames[level]}), ${run.label}`, by, all });
        }
      }
    }
    if (!cells.length) return;
    const used = hitNames.filter((h) => cells.some((c) => c.by[h] > 0));
    section('hits', 'Where the reads of page walks hit',
      make('p', { class: 'note', text: 'Each bar is all entry reads of one level; the number of reads stands to the right.' }),
      chart('Where page-walk reads hit, by level', (w, t) => charts.stacked(
        cells.flatMap((c) => stack(c.bar, hitNames.map((h, i) => [i, c.by[h]]), (i) => t.hits[i], (i, v, all) => `${c.bar}: ${hitNames[i]} ${number(v)}, ${percent(v, all)}`)),
        cells.map((c) => ({ bar: c.bar, text: number(c.all) })), w, t),
        legend(used.map((h) => [h, `--hit${hitNames.indexOf(h)}`])), ['level and run', ...hitNames], cells.map((c) => [c.bar, ...hitNames.map((h) => number(c.by[h]))])));
  }

  function cycles() {
    const stages = good.length ? Object.keys(measured(good[0].summary).machine.stage_cycles) : [];
    const cells = good.map((r) => ({ bar: r.label, by: measured(r.summary).machine.stage_cycles }))
      .map((c) => ({ ...c, all: stages.reduce((a, s) => a + c.by[s], 0) })).filter((c) => c.all > 0);
    if (!cells.length) return;
    const variable = (s) => (s === 'data' ? '--hit4' : s === 'stall' ? '--line' : `--run${stages.indexOf(s) % 8}`);
    const used = stages.filter((s) => cells.some((c) => c.by[s] > 0));
    section('cycles', 'Where the cycles of accesses go',
      make('p', { class: 'note', text: 'Cycles of all measured accesses by stage; all but data and stall are translation.' }),
      chart('Cycles by stage', (w, t) => {
        const style = getComputedStyle(document.documentElement);
        return charts.stacked(cells.flatMap((c) => stack(c.bar, stages.map((s) => [s, c.by[s]]), (s) => style.getPropertyValue(variable(s)).trim(),
          (s, v, all) => `${c.bar}: ${s} ${number(v)} cycles, ${percent(v, all)}`)), cells.map((c) => ({ bar: c.bar, text: `${few.format(c.all / 1e6)} M` })), w, t);
      }, legend(used.map((s) => [s, variable(s)])), ['run', ...stages], cells.map((c) => [c.bar, ...stages.map((s) => number(c.by[s]))])));
  }

  function time() {
    const rows = [];
    for (const run of good) {
      const m = run.summary.misses_over_time;
      m.stlb_misses.forEach((v, i) => rows.push({ run: run.label, x: i * m.slice_cycles, y: v / (m.slice_cycles / 1000), walks: m.walks[i] }));
    }
    if (!rows.length) return;
    section('time', 'Misses over time',
      make('p', { class: 'note', text: 'Second-level TLB misses per 1000 cycles, over the whole run.' }),
      chart('Second-level TLB misses over time', (w, t) => charts.lines(rows, w, t, labels,
        { xTitle: 'cycle', yTitle: 'misses per 1000 cycles', yFormat: '~g', interpolate: 'step-after' }), runLegend(),
      ['run', 'from cycle', 'STLB misses per 1000 cycles', 'walks in slice'], rows.map((r) => [r.run, number(r.x), few.format(r.y), number(r.walks)])));
  }

  function populate() {
    const figures = [];
    for (const run of good) {
      for (const phase of run.summary.phases) {
        if (phase.workload) continue;
        const all = phase.functions.reduce((a, f) => a + f.cycles, 0);
        if (!all) continue;
        const rows = phase.functions.filter((f) => f.cycles > 0).sort((a, b) => b.cycles - a.cycles).slice(0, 24)
          .sort((a, b) => a.first_cycle - b.first_cycle)
          .map((f) => ({ name: f.function, first: f.first_cycle, last: f.last_cycle, own: f.cycles, run: run.label, share: percent(f.cycles, all),
            tip: `${f.function}: ${number(f.cycles)} cycles, ${number(f.entry_writes)} entry writes` }));
        figures.push(make('h3', { text: `${run.label}: ${phase.stage}, ${number(phase.totals.cycles)} cycles` }),
          chart(`Kernel functions of ${run.label}, ${phase.stage}`, (w, t) => charts.spans(rows, w, t, labels), null,
            ['function', 'first cycle', 'last cycle', 'own cycles', 'entry writes', 'bytes zeroed'],
            phase.functions.map((f) => [f.function, number(f.first_cycle), number(f.last_cycle), number(f.cycles), number(f.entry_writes), number(f.bytes_zeroed)])));
      }
    }
    if (!figures.length) return;
    section('populate', 'What the kernel did, by function',
      make('p', { class: 'note', text: 'Pale: from the first to the last time the function ran. Solid: its own cycles. The 24 longest of each phase.' }), ...figures);
  }

  const flagNames = [[0, 'present'], [1, 'writable'], [2, 'user'], [3, 'write-through'], [4, 'uncached'], [5, 'accessed'], [6, 'dirty'], [8, 'global'], [63, 'no-execute']];
  const flagsOf = (value, leaf) => {
    const v = BigInt(value);
    const names = flagNames.filter(([bit]) => (v >> BigInt(bit)) & 1n).map(([, n]) => n);
    if (leaf) names.push('leaf');
    return names.join(' ');
  };
  const sizes = { 1: '4 KiB', 2: '2 MiB', 3: '1 GiB' };

  function treeNode(node) {
    const v = BigInt(node.value);
    const isTable = node.level > 1 && (v & 1n) && !(v & 0x80n);
    const frame = `0x${(v & 0x000ffffffffff000n).toString(16)}`;
    const where = make('code', { text: node.va });
    const text = isTable ? ` ${levelNames[node.level]}[${node.index}] \u2192 table at ${frame}` :
      ` ${levelNames[node.level]}[${node.index}${node.count ? `\u2013${node.index + node.count - 1}` : ''}] \u2192 ${node.count ? `${node.count} pages of ` : ''}${sizes[node.level] || ''} at ${frame}${node.same_frame ? ', all the same' : ''}`;
    const flags = make('span', { class: 'flags', text: `  ${flagsOf(node.value, !isTable)}` });
    if (!isTable) return make('div', { class: 'leaf' }, where, text, flags);
    const children = node.children || [];
    const entries = children.reduce((a, c) => a + (c.count || 1), 0) + (node.omitted || 0);
    const details = make('details', {}, make('summary', {}, where, `${text}, ${number(entries)} entries`, flags));
    // Children are made when they are first looked at: trees have thousands.
    details.addEventListener('toggle', () => {
      if (details.open && details.children.length === 1) {
        details.append(...children.map(treeNode));
        if (node.omitted) details.append(make('div', { class: 'leaf note', text: `and ${number(node.omitted)} entries more, not kept in this report` }));
      }
    });
    return details;
  }

  function trees() {
    const nodes = [];
    for (const run of data.runs) {
      if (!run.tree || !run.tree.length) continue;
      nodes.push(make('h3', { text: run.label }), make('div', { class: 'tree' }, ...run.tree.map(treeNode)));
    }
    if (!nodes.length) return;
    const scenario = good.length ? good[0].summary.name : 'SCENARIO';
    section('tables', 'The page tables of the vmemmap',
      make('p', { class: 'note' }, 'Unfold a table to see its entries. Any address here can be explained step by step: ',
        make('code', { text: `mmusim explain ADDRESS --scenario ${scenario}` })), ...nodes);
  }

  function counters() {
    const flat = good.map((r) => flatten(r.summary.counters, '', new Map()));
    const perf = good.map((r) => r.summary.perf);
    const meanings = Object.assign({}, ...good.map((r) => r.summary.counter_meanings));
    const distribution = /\/(buckets\/\d+\/\d+|p50|p95|p99)$/;
    const rows = [...new Set(perf.flatMap((p) => Object.keys(p)))].map((k) => [k, ...perf.map((p) => p[k]), 'as Linux perf names it']);
    for (const key of new Set(flat.flatMap((m) => [...m.keys()]))) {
      if (distribution.test(key)) continue;
      const name = key.slice(1).replaceAll('/', '.');
      rows.push([name, ...flat.map((m) => (m.has(key) ? Number(m.get(key)) : undefined)), meanings[name] || meanings[name.replace(/\.[^.]+$/, '')] || '']);
    }
    if (!rows.length) return;
    const body = make('tbody', {}, ...rows.map((r) => make('tr', {}, make('td', { class: 'text mono', text: r[0] }),
      ...r.slice(1, -1).map((v) => make('td', { text: v === undefined ? '-' : number(v) })), make('td', { class: 'text', text: r[r.length - 1] }))));
    const search = make('input', { type: 'search', id: 'search', placeholder: 'walk, dtlb, dram ...', autocomplete: 'off' });
    const found = make('span', { class: 'note', role: 'status', text: ` ${rows.length} counters` });
    search.addEventListener('input', () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const tr of body.children) {
        const hit = words.every((w) => tr.textContent.toLowerCase().includes(w));
        tr.hidden = !hit;
        count += hit;
      }
      found.textContent = ` ${count} of ${rows.length} counters`;
    });
    section('counters', 'Every counter', make('p', {}, make('label', { for: 'search', text: 'Search: ' }), search, found),
      make('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': 'counters' }, make('table', {},
        make('thead', {}, make('tr', {}, make('th', { scope: 'col', text: 'counter' }), ...labels.map((l) => make('th', { scope: 'col', text: l })),
          make('th', { scope: 'col', class: 'text', text: 'meaning' }))), body)));
  }

  compared();
  numbers();
  phases();
  latency();
  hits();
  cycles();
  time();
  populate();
  trees();
  counters();
  document.getElementById('footer').textContent = good.length ?
    `Written by ${good[0].summary.program}. Everything shown is computed from summary.json of each run.` : 'No run succeeded.';

  drawAll();
  let pending = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => drawn.filter((c) => c.node.clientWidth !== c.width).forEach(draw));
  }).observe(document.getElementById('main'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('beforeprint', drawAll);
  addEventListener('afterprint', drawAll);
  document.documentElement.dataset.drawn = String(drawn.length);  // for tests: all charts are there
})();
