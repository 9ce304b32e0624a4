// SPDX-License-Identifier: MIT
// The report of a sweep: for each metric lines, one panel for each value of a third axis, and heat maps.
'use strict';

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const { axes, metrics, rows } = data.sweep;

  // ---- small helpers ----
  const { make, whole, number, section, theme } = page;
  const label = (v) => (typeof v === 'string' ? v : String(v));
  const shown = (m, v) => `${number(v)}${metrics[m].unit && metrics[m].unit !== 'lookups' ? ` ${metrics[m].unit}` : ''}`;
  const valueOf = (row, m) => (row[1][m] ? row[1][m][0] : null);
  const place = (row) => axes.map((a, i) => [a, i]).filter(([a]) => a.values.length > 1)
    .map(([a, i]) => `${a.name} ${label(a.values[row[0][i]])}`).join(', ') || 'the only point';
  const numeric = (a) => axes[a].positions.length >= 2 && axes[a].positions[0] !== null;
  const table = (head, lines) => make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table' }, make('table', {},
    make('thead', {}, make('tr', {}, ...head.map((h) => make('th', { scope: 'col', text: h })))),
    make('tbody', {}, ...lines.map((l) => make('tr', {}, ...l.map((v, i) => make('td', { text: v, ...(i === 0 ? { class: 'text' } : {}) })))))));

  const base = (t, width, height, extra) => ({
    $schema: 'https://vega.github.io/schema/vega/v5.json', width, height, autosize: { type: 'none' }, background: null,
    config: { axis: { labelColor: t.faint, titleColor: t.faint, domainColor: t.line, tickColor: t.line, gridColor: t.line, labelFont: t.font,
      titleFont: t.font, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', titlePadding: 6, labelOverlap: true },
    text: { font: t.font, fontSize: 12, fill: t.ink } },
    ...extra,
  });
  const dashes = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]];

  // ---- what is drawn: an axis from left to right, one for the lines, one for the panels; the others stand still ----
  const many = axes.map((a, i) => i).filter((i) => axes[i].values.length > 1);
  const byLength = [...many].sort((a, b) => numeric(b) - numeric(a) || axes[b].values.length - axes[a].values.length);
  const [x0, series0, panel0] = byLength;
  const view = { x: x0 ?? -1, series: series0 ?? -1, panel: panel0 ?? -1, fixed: axes.map(() => 0) };
  const bestRow = data.best.find((b) => b !== null);
  if (bestRow !== undefined) view.fixed = [...rows[bestRow][0]];

  const matching = (fixed) => rows.map((row, i) => ({ row, i })).filter(({ row }) => fixed.every(([axis, at]) => row[0][axis] === at));
  const standing = () => axes.map((a, i) => i).filter((i) => i !== view.x && i !== view.series && i !== view.panel);
  const panels = () => (view.panel < 0 ? [null] : axes[view.panel].values.map((v, i) => i));
  const rowsOf = (panel) => matching([...standing().map((i) => [i, view.fixed[i]]), ...(panel === null ? [] : [[view.panel, panel]])]);
  const xOf = (row) => (numeric(view.x) ? axes[view.x].positions[row[0][view.x]] : label(axes[view.x].values[row[0][view.x]]));

  const xScale = (range) => {
    if (!numeric(view.x)) return { name: 'x', type: 'point', domain: axes[view.x].values.map(label), range, padding: 0.5 };
    const all = axes[view.x].positions;
    const low = Math.min(...all), high = Math.max(...all);
    return { name: 'x', type: low > 0 && high >= 8 * low ? 'log' : 'linear', base: 2, domain: [low, high], range, nice: false, zero: false };
  };

  function linesSpec(m, panel, domain, width, t) {
    const height = 240, left = 62, bottom = 46, top = 10, right = 14;
    const knees = new Set(data.knees.filter((k) => k[0] === m && k[1] === view.x).map((k) => k[2]));
    const points = rowsOf(panel).filter(({ row }) => row[1][m]).map(({ row, i }) => {
      const s = view.series < 0 ? 0 : row[0][view.series];
      const [mean, half] = row[1][m];
      return { x: xOf(row), y: mean, low: mean - half, high: mean + half, s, color: t.runs[s % 8], dash: dashes[Math.floor(s / 8) % 4],
        knee: knees.has(i), best: data.best[m] === i, order: row[0][view.x],
        tip: `${place(row)}: ${shown(m, mean)}${half ? ` \u00b1 ${number(half)}` : ''}${knees.has(i) ? ' (knee)' : ''}` };
    }).sort((a, b) => (numeric(view.x) ? a.x - b.x : a.order - b.order));
    const at = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } };
    return base(t, width, height, {
      data: [{ name: 'points', values: points }, { name: 'knees', values: points.filter((p) => p.knee) },
        { name: 'best', values: points.filter((p) => p.best) }],
      scales: [xScale([left, width - right]),
        { name: 'y', type: 'linear', domain, range: [height - bottom, top], nice: true, zero: domain[0] === 0 }],
      axes: [{ scale: 'x', orient: 'bottom', offset: -bottom, title: axes[view.x].name,
        ...(numeric(view.x) ? { values: axes[view.x].positions, format: axes[view.x].positions.every((p) => p < 100000) ? 'd' : '~s' } : {}) },
      { scale: 'y', orient: 'left', offset: -left, grid: true, format: '~s', tickCount: 5, domain: false, gridWidth: 0 }],
      marks: [
        { type: 'group', from: { facet: { name: 'line', data: 'points', groupby: 's' } }, marks: [
          { type: 'line', from: { data: 'line' }, encode: { enter: { ...at, stroke: { field: 'color' }, strokeWidth: { value: 2 }, strokeDash: { field: 'dash' } } } },
          { type: 'rule', from: { data: 'line' }, encode: { enter: { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'low' }, y2: { scale: 'y', field: 'high' }, stroke: { field: 'color' } } } }] },
        { type: 'symbol', from: { data: 'points' }, encode: { enter: { ...at, size: { value: 28 }, fill: { field: 'color' }, tooltip: { field: 'tip' } } } },
        { type: 'symbol', from: { data: 'knees' }, encode: { enter: { ...at, size: { value: 150 }, fill: { value: 'transparent' }, stroke: { field: 'color' }, strokeWidth: { value: 2 }, tooltip: { field: 'tip' } } } },
        { type: 'symbol', from: { data: 'best' }, encode: { enter: { ...at, size: { value: 170 }, shape: { value: 'diamond' }, fill: { value: t.accent }, stroke: { value: t.page }, tooltip: { field: 'tip' } } } },
      ],
    });
  }

  function heatSpec(m, panel, domain, width, t) {
    const columns = axes[view.x].values, lines = axes[view.series].values;
    const left = 74, right = 6, step = 26, bottom = 44, height = lines.length * step + bottom;
    const cells = rowsOf(panel).filter(({ row }) => row[1][m]).map(({ row, i }) => ({ x: label(columns[row[0][view.x]]), y: label(lines[row[0][view.series]]),
      v: valueOf(row, m), best: data.best[m] === i, tip: `${place(row)}: ${shown(m, valueOf(row, m))}` }));
    const rect = { x: { scale: 'x', field: 'x' }, width: { scale: 'x', band: 1 }, y: { scale: 'y', field: 'y' }, height: { scale: 'y', band: 1 } };
    return base(t, width, height, {
      data: [{ name: 'cells', values: cells }, { name: 'best', values: cells.filter((c) => c.best) }],
      scales: [{ name: 'x', type: 'band', domain: columns.map(label), range: [left, width - right], padding: 0.04 },
        { name: 'y', type: 'band', domain: lines.map(label).reverse(), range: [0, height - bottom], padding: 0.06 },
        { name: 'color', type: 'linear', domain: [0, 1, 2, 3].map((i) => domain[0] + (i * (domain[1] - domain[0])) / 3), range: t.hits }],
      axes: [{ scale: 'x', orient: 'bottom', offset: -bottom, title: axes[view.x].name, domain: false },
        { scale: 'y', orient: 'left', offset: -left, title: axes[view.series].name, domain: false }],
      marks: [
        { type: 'rect', from: { data: 'cells' }, encode: { enter: { ...rect, fill: { scale: 'color', field: 'v' }, tooltip: { field: 'tip' } } } },
        { type: 'rect', from: { data: 'best' }, encode: { enter: { ...rect, fill: { value: 'transparent' }, stroke: { value: t.accent }, strokeWidth: { value: 3 }, tooltip: { field: 'tip' } } } },
      ],
    });
  }

  // ---- sections ----
  const c = data.counts;
  document.getElementById('kind').textContent = 'mmusim sweep';
  document.getElementById('headline').textContent = `${whole.format(c.done)} of ${whole.format(c.done + c.failed + c.pending)} points done` +
    `${c.failed ? `, ${whole.format(c.failed)} failed` : ''}${c.pending ? `, ${whole.format(c.pending)} to come` : ''}: ${data.inputs.join(', ')}` +
    `${data.repeat > 1 ? `, ${data.repeat} seeds each` : ''}.`;

  section('found', 'Best points and knees',
    table(['metric', 'least', 'where'], metrics.map((m, i) => [m.label, data.best[i] === null ? '-' : shown(i, valueOf(rows[data.best[i]], i)),
      data.best[i] === null ? '-' : place(rows[data.best[i]])])),
    make('p', { class: 'note', text: 'A knee is the value of an axis after which a curve gets little better: the point farthest from the line between its ends. ' +
      'Counted over all curves, the other axes at each of their values:' }),
    table(['metric', 'over', 'knees'], metrics.flatMap((m, i) => many.filter(numeric).map((a) => {
      const count = new Map();
      for (const k of data.knees) if (k[0] === i && k[1] === a) count.set(rows[k[2]][0][a], (count.get(rows[k[2]][0][a]) || 0) + 1);
      return [m.label, axes[a].name, [...count].sort((p, q) => q[1] - p[1]).map(([v, n]) => `${label(axes[a].values[v])} (${n}\u00d7)`).join(', ') || 'none'];
    }))));

  const controls = make('p', { class: 'note' });
  const holders = metrics.map((m, i) => {
    const holder = make('div', {});
    section(`metric-${m.key}`, `${m.label[0].toUpperCase()}${m.label.slice(1)}`, holder);
    return { m: i, holder };
  });
  document.getElementById('found').append(make('h3', { text: 'What the charts show' }), controls);

  const views = [];
  const put = (grid, spec, heading, text) => {
    const node = make('div', { class: 'chart' });
    grid.append(make('figure', { style: 'margin: 0' }, ...(heading ? [make('figcaption', { class: 'note', text: heading })] : []), node));
    const width = Math.max(220, Math.floor(node.clientWidth));
    const drawn = new vega.View(vega.parse(spec(width)), { renderer: 'svg', container: node, hover: false });
    drawn.run();
    views.push(drawn);
    const svg = node.querySelector('svg');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', text);
  };
  const gridOf = () => make('div', { style: 'display: grid; gap: 0.6rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr))' });

  function draw() {
    views.splice(0).forEach((v) => v.finalize());
    const t = theme();
    for (const { m, holder } of holders) {
      holder.replaceChildren();
      const values = panels().flatMap((p) => rowsOf(p)).map(({ row }) => valueOf(row, m)).filter((v) => v !== null);
      if (!values.length || view.x < 0) { holder.append(make('p', { text: 'Nothing to draw.' })); continue; }
      const low = Math.min(...values), high = Math.max(...values);
      if (view.series >= 0) {
        holder.append(make('ul', { class: 'legend' }, ...axes[view.series].values.map((v, i) =>
          make('li', {}, make('i', { style: `background: var(--run${i % 8})`, 'aria-hidden': 'true' }), `${axes[view.series].name} ${label(v)}`))));
      }
      const heading = (p) => (p === null ? '' : `${axes[view.panel].name} ${label(axes[view.panel].values[p])}`);
      const lines = gridOf();
      holder.append(make('p', { class: 'note', text: 'Circles: knees. Diamond: the best point of the sweep. Bars: 95 % interval over the seeds.' }), lines);
      for (const p of panels()) put(lines, (w) => linesSpec(m, p, [low > 0 && low > high / 2 ? low * 0.98 : Math.min(0, low), high || 1], w, t), heading(p), `${metrics[m].label}, lines`);
      if (view.series < 0) continue;
      const maps = gridOf();
      holder.append(make('p', { class: 'note', text: `Heat maps: pale ${number(low)}, dark ${number(high)}; the best point of the sweep is framed.` }), maps);
      for (const p of panels()) put(maps, (w) => heatSpec(m, p, [low, high === low ? low + 1 : high], w, t), heading(p), `${metrics[m].label}, heat map`);
    }
    document.documentElement.dataset.drawn = String(views.length);  // for tests: all charts are there
  }

  function control() {
    const pick = (text, options, value, change) => {
      const select = make('select', {}, ...options.map(([v, name]) => make('option', { value: v, text: name })));
      select.value = value;
      select.addEventListener('change', () => { change(Number(select.value)); control(); draw(); });
      return make('label', { style: 'margin-right: 1rem' }, `${text} `, select);
    };
    const names = many.map((a) => [a, axes[a].name]);
    const swap = (what) => (a) => {
      for (const other of ['x', 'series', 'panel']) if (other !== what && view[other] === a) view[other] = view[what];
      view[what] = a;
    };
    const none = [[-1, 'nothing']];
    controls.replaceChildren(pick('left to right:', names, view.x, swap('x')),
      pick('lines:', many.length > 2 ? names : [...names, ...none], view.series, swap('series')),
      pick('panels:', [...names, ...none], view.panel, swap('panel')),
      ...standing().filter((i) => axes[i].values.length > 1).map((i) =>
        pick(`${axes[i].name}:`, axes[i].values.map((v, k) => [k, label(v)]), view.fixed[i], (k) => { view.fixed[i] = k; })));
  }

  document.getElementById('footer').textContent = 'Every point, with its summary, is in sweep.sqlite and sweep.csv beside this file.';
  if (view.x >= 0) control();
  draw();
  let width = document.getElementById('main').clientWidth;
  new ResizeObserver(() => {
    if (document.getElementById('main').clientWidth === width) return;
    width = document.getElementById('main').clientWidth;
    requestAnimationFrame(draw);
  }).observe(document.getElementById('main'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
})();
