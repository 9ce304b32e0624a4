// SPDX-License-Identifier: MIT
// The report of a sweep: best points and knees, then for each metric curves and heat maps, one panel for each value of a third axis.
'use strict';

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const { axes, metrics, rows, best } = { ...data.sweep, best: data.best };
  const { make, choice, whole, number, section, table, runColor, swatch } = page;

  const label = String;
  const unitOf = (m) => (metrics[m].unit && metrics[m].unit !== 'lookups' ? ` ${metrics[m].unit}` : '');
  const shown = (m, v) => `${number(v)}${unitOf(m)}`;
  const valueOf = (row, m) => row[1][m]?.[0] ?? null;
  const place = (row) =>
    axes
      .map((a, i) => [a, i])
      .filter(([a]) => a.values.length > 1)
      .map(([a, i]) => `${a.name} ${label(a.values[row[0][i]])}`)
      .join(', ') || 'the only point';
  const numeric = (a) => axes[a].positions.length >= 2 && axes[a].positions[0] !== null;

  // ---- what is drawn: an axis from left to right, one for the curves, one for the panels; the others stand still ----
  const many = axes.map((a, i) => i).filter((i) => axes[i].values.length > 1);
  const [x0, series0, panel0] = [...many].sort(
    (a, b) => numeric(b) - numeric(a) || axes[b].values.length - axes[a].values.length,
  );
  const bestRow = best.find((b) => b !== null);
  const view = {
    x: x0 ?? -1,
    series: series0 ?? -1,
    panel: panel0 ?? -1,
    fixed: bestRow === undefined ? axes.map(() => 0) : [...rows[bestRow][0]],
  };

  const matching = (fixed) =>
    rows.map((row, i) => ({ row, i })).filter(({ row }) => fixed.every(([axis, value]) => row[0][axis] === value));
  const standing = () => axes.map((a, i) => i).filter((i) => i !== view.x && i !== view.series && i !== view.panel);
  const panels = () => (view.panel < 0 ? [null] : axes[view.panel].values.map((v, i) => i));
  const rowsOf = (panel) =>
    matching([...standing().map((i) => [i, view.fixed[i]]), ...(panel === null ? [] : [[view.panel, panel]])]);
  const xAxis = () => ({
    name: axes[view.x].name,
    numeric: numeric(view.x),
    values: numeric(view.x) ? axes[view.x].positions : axes[view.x].values.map(label),
  });
  const named = (a) => ({ name: axes[a].name, values: axes[a].values.map(label) });

  function pointsOf(m, panel, theme) {
    const knees = new Set(data.knees.filter((k) => k[0] === m && k[1] === view.x).map((k) => k[2]));
    return rowsOf(panel)
      .filter(({ row }) => row[1][m])
      .map(({ row, i }) => {
        const s = view.series < 0 ? 0 : row[0][view.series];
        const [mean, half] = row[1][m];
        return {
          series: s,
          x: xAxis().values[row[0][view.x]],
          y: mean,
          low: mean - half,
          high: mean + half,
          color: theme.runs[s % theme.runs.length],
          dash: charts.dashes[Math.floor(s / theme.runs.length) % charts.dashes.length],
          knee: knees.has(i),
          best: best[m] === i,
          order: row[0][view.x],
          tip: `${place(row)}\n${metrics[m].label}: ${shown(m, mean)}${half ? ` \u00b1 ${number(half)}` : ''}${knees.has(i) ? ' (knee)' : ''}`,
        };
      })
      .sort((a, b) => (numeric(view.x) ? a.x - b.x : a.order - b.order));
  }
  const cellsOf = (m, panel) =>
    rowsOf(panel)
      .filter(({ row }) => row[1][m])
      .map(({ row, i }) => ({
        x: label(axes[view.x].values[row[0][view.x]]),
        y: label(axes[view.series].values[row[0][view.series]]),
        value: valueOf(row, m),
        best: best[m] === i,
        tip: `${place(row)}\n${metrics[m].label}: ${shown(m, valueOf(row, m))}`,
      }));

  // ---- sections ----
  function answer() {
    const { done, failed, pending } = data.counts;
    document.getElementById('kind').textContent = 'mmusim sweep';
    document.getElementById('answer').append(
      make('p', {
        class: 'headline',
        text:
          `${whole.format(done)} of ${whole.format(done + failed + pending)} points done` +
          `${failed ? `, ${whole.format(failed)} failed` : ''}${pending ? `, ${whole.format(pending)} to come` : ''}: ${data.inputs.join(', ')}` +
          `${data.repeat > 1 ? `, ${data.repeat} seeds each` : ''}.`,
      }),
    );
  }
  function found() {
    const counted = (m, a) => {
      const count = new Map();
      for (const [metric, axis, row] of data.knees)
        if (metric === m && axis === a) count.set(rows[row][0][a], (count.get(rows[row][0][a]) || 0) + 1);
      return (
        [...count]
          .sort((p, q) => q[1] - p[1])
          .map(([v, n]) => `${label(axes[a].values[v])} (${n}\u00d7)`)
          .join(', ') || 'none'
      );
    };
    return section(
      'found',
      'Best points and knees',
      table(
        'best points',
        ['metric', 'least', 'where'],
        metrics.map((m, i) => [
          m.label,
          best[i] === null ? '-' : shown(i, valueOf(rows[best[i]], i)),
          best[i] === null ? '-' : place(rows[best[i]]),
        ]),
        { text: [2] },
      ),
      make('p', {
        class: 'note',
        text:
          'A knee is the value of an axis after which a curve gets little better: the point farthest from the line between its ends. ' +
          'Counted over all curves, the other axes at each of their values:',
      }),
      table(
        'knees',
        ['metric', 'over', 'knees'],
        metrics.flatMap((m, i) => many.filter(numeric).map((a) => [m.label, axes[a].name, counted(i, a)])),
        { text: [1, 2] },
      ),
    );
  }

  const controls = make('p', {});
  function drawMetric(m, holder) {
    figures.remove(holder);
    const values = panels()
      .flatMap((p) => rowsOf(p))
      .map(({ row }) => valueOf(row, m))
      .filter((v) => v !== null);
    if (!values.length || view.x < 0) {
      holder.append(make('p', { text: 'Nothing to draw.' }));
      return;
    }
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const title = (p) => (p === null ? undefined : `${axes[view.panel].name} ${label(axes[view.panel].values[p])}`);
    const name = `${metrics[m].label}${unitOf(m) ? ` (${unitOf(m).trim()})` : ''}`;
    if (view.series >= 0) {
      holder.append(
        make(
          'p',
          { class: 'legend' },
          ...axes[view.series].values.map((v, i) =>
            make('span', {}, swatch(runColor(i)), `${axes[view.series].name} ${label(v)}`),
          ),
        ),
      );
    }
    const domain = [low > 0 && low > high / 2 ? low * 0.98 : Math.min(0, low), high || 1];
    holder.append(
      make('p', {
        class: 'note',
        text: `${name}. Circles: knees. Diamond: the best point of the sweep. Bars: 95 % interval over the seeds.`,
      }),
      figures.grid(
        ...panels().map((p) =>
          figures.figure({
            label: `${name}, curves`,
            title: title(p),
            spec: (width, theme) => sweepCharts.curves(pointsOf(m, p, theme), width, theme, xAxis(), domain),
          }),
        ),
      ),
    );
    if (view.series < 0) return;
    holder.append(
      make('p', {
        class: 'note',
        text: `The same as a heat map, ${axes[view.series].name} upwards: pale ${shown(m, low)}, dark ${shown(m, high)}; the best point of the sweep is framed.`,
      }),
      figures.grid(
        ...panels().map((p) =>
          figures.figure({
            label: `${name}, heat map`,
            title: title(p),
            spec: (width, theme) =>
              sweepCharts.heat(cellsOf(m, p), width, theme, named(view.x), named(view.series), [
                low,
                high === low ? low + 1 : high,
              ]),
          }),
        ),
      ),
    );
  }

  answer();
  found().append(make('h3', { text: 'What the charts show' }), controls);
  const holders = metrics.map((m) => {
    const holder = make('div', {});
    section(`metric-${m.key}`, `${m.label[0].toUpperCase()}${m.label.slice(1)}`, holder);
    return holder;
  });
  const draw = () => {
    holders.forEach((holder, m) => drawMetric(m, holder));
    figures.drawAll();
  };
  function control() {
    const pick = (text, options, value, change) =>
      choice(text, options, value, (v) => {
        change(Number(v));
        control();
        draw();
      });
    const names = many.map((a) => [a, axes[a].name]);
    const none = [[-1, 'nothing']];
    // An axis that is chosen for one use gives its old use to the one it pushes out.
    const swap = (use) => (a) => {
      for (const other of ['x', 'series', 'panel']) if (other !== use && view[other] === a) view[other] = view[use];
      view[use] = a;
    };
    controls.replaceChildren(
      pick('left to right', names, view.x, swap('x')),
      pick('curves', many.length > 2 ? names : [...names, ...none], view.series, swap('series')),
      pick('panels', [...names, ...none], view.panel, swap('panel')),
      ...standing()
        .filter((i) => axes[i].values.length > 1)
        .map((i) =>
          pick(
            axes[i].name,
            axes[i].values.map((v, k) => [k, label(v)]),
            view.fixed[i],
            (k) => {
              view.fixed[i] = k;
            },
          ),
        ),
    );
  }
  document.getElementById('footer').textContent =
    'Every point, with its summary, is in sweep.sqlite and sweep.csv beside this file.';
  if (view.x >= 0) control();
  draw();
})();
