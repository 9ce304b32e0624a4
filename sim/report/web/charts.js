// SPDX-License-Identifier: MIT
// Vega specifications, written by hand. Each takes rows of data, a width in pixels and the theme.
'use strict';

const charts = (() => {
  const cut = (text, n) => (text.length > n ? text.slice(0, n - 1) + '\u2026' : text);

  const base = (theme, width, height, extra) => ({
    $schema: 'https://vega.github.io/schema/vega/v5.json',
    width, height, autosize: { type: 'none' }, background: null,
    config: {
      axis: { labelColor: theme.faint, titleColor: theme.faint, domainColor: theme.line, tickColor: theme.line,
        gridColor: theme.line, labelFont: theme.font, titleFont: theme.font, labelFontSize: 12, titleFontSize: 12,
        titleFontWeight: 'normal', titlePadding: 8 },
      text: { font: theme.font, fontSize: 12, fill: theme.ink },
    },
    ...extra,
  });

  // Horizontal bars, one band for each group with one bar for each run inside: rows {group, run, part, label}.
  function bars(rows, width, theme, runs) {
    const groups = [...new Set(rows.map((r) => r.group))];
    const narrow = width < 520;
    const left = narrow ? 0 : 210;
    const bar = 16, head = narrow ? 20 : 0, gap = 12;
    const step = head + runs.length * (bar + 3) + gap;
    const plot = Math.max(60, width - left - (narrow ? 150 : 190));
    const data = rows.map((r) => ({ ...r,
      y: groups.indexOf(r.group) * step + head + runs.indexOf(r.run) * (bar + 3),
      fill: theme.runs[runs.indexOf(r.run) % theme.runs.length] }));
    const heads = groups.map((g, i) => ({ text: g, y: i * step + (narrow ? 13 : (runs.length * (bar + 3)) / 2 + 4) }));
    return base(theme, width, groups.length * step, {
      data: [{ name: 'bars', values: data }, { name: 'heads', values: heads }],
      scales: [{ name: 'x', type: 'linear', domain: [0, 1], range: [left, left + plot] }],
      marks: [
        { type: 'text', from: { data: 'heads' }, encode: { enter: {
          x: { value: narrow ? 0 : left - 12 }, y: { field: 'y' }, align: { value: narrow ? 'left' : 'right' },
          text: { field: 'text' }, fontWeight: { value: narrow ? 600 : 400 } } } },
        { type: 'rect', from: { data: 'bars' }, encode: { enter: {
          x: { scale: 'x', value: 0 }, x2: { signal: "max(scale('x', datum.part), scale('x', 0) + (datum.part > 0 ? 1.5 : 0))" },
          y: { field: 'y' }, height: { value: bar }, fill: { field: 'fill' }, cornerRadiusTopRight: { value: 3 },
          cornerRadiusBottomRight: { value: 3 }, tooltip: { field: 'tip' } } } },
        { type: 'text', from: { data: 'bars' }, encode: { enter: {
          x: { signal: "scale('x', datum.part) + 6" }, y: { signal: `datum.y + ${bar / 2 + 1}` }, baseline: { value: 'middle' },
          text: { field: 'label' } } } },
      ],
    });
  }

  // Stacked horizontal bars: rows {bar, part, x0, x1 (0..1), color, tip}; notes {bar, text} at the right end.
  function stacked(rows, notes, width, theme) {
    const names = [...new Set(rows.map((r) => r.bar))];
    const narrow = width < 520;
    const left = narrow ? 0 : 210, right = 95, bar = 18, head = narrow ? 18 : 0, step = head + bar + 9;
    const y = (name) => names.indexOf(name) * step + head;
    return base(theme, width, names.length * step + 34, {
      data: [{ name: 'parts', values: rows.map((r) => ({ ...r, y: y(r.bar) })) },
        { name: 'names', values: names.map((n) => ({ text: n, y: narrow ? y(n) - 5 : y(n) + bar / 2 + 4 })) },
        { name: 'notes', values: notes.map((n) => ({ ...n, y: y(n.bar) + bar / 2 + 4 })) }],
      scales: [{ name: 'x', type: 'linear', domain: [0, 1], range: [left, width - right] }],
      axes: [{ scale: 'x', orient: 'bottom', format: '.0%', tickCount: 5, offset: -28, grid: false, domain: false }],
      marks: [
        { type: 'rect', from: { data: 'parts' }, encode: { enter: {
          x: { scale: 'x', field: 'x0' }, x2: { scale: 'x', field: 'x1' }, y: { field: 'y' }, height: { value: bar },
          fill: { field: 'color' }, stroke: { value: theme.page }, strokeWidth: { value: 1 }, tooltip: { field: 'tip' } } } },
        { type: 'text', from: { data: 'names' }, encode: { enter: {
          x: { value: narrow ? 0 : left - 12 }, y: { field: 'y' }, align: { value: narrow ? 'left' : 'right' }, text: { field: 'text' } } } },
        { type: 'text', from: { data: 'notes' }, encode: { enter: {
          x: { value: width }, y: { field: 'y' }, align: { value: 'right' }, text: { field: 'text' }, fill: { value: theme.faint } } } },
      ],
    });
  }

  const lineMarks = (theme, runs, interpolate, filled) => [{
    type: 'group', from: { facet: { name: 'series', data: 'points', groupby: 'run' } },
    marks: [
      ...(filled ? [{ type: 'area', from: { data: 'series' }, encode: { enter: {
        x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' }, y2: { scale: 'y', value: 0 },
        interpolate: { value: interpolate }, fill: { field: 'color' }, fillOpacity: { value: 0.18 } } } }] : []),
      { type: 'line', from: { data: 'series' }, encode: { enter: {
        x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' }, interpolate: { value: interpolate },
        stroke: { field: 'color' }, strokeWidth: { value: 2 }, strokeDash: { field: 'dash' } } } },
    ],
  }];

  const dashes = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]];
  const styled = (rows, theme, runs) => rows.map((r) => ({ ...r,
    color: theme.runs[runs.indexOf(r.run) % theme.runs.length], dash: dashes[runs.indexOf(r.run) % dashes.length] }));

  // Lines over x: rows {run, x, y}. options: {log, xTitle, yTitle, yFormat, interpolate, filled}.
  function lines(rows, width, theme, runs, options) {
    const height = 300, left = 62, bottom = 48, top = 10, right = 14;
    return base(theme, width, height, {
      data: [{ name: 'points', values: styled(rows, theme, runs) }],
      scales: [
        { name: 'x', type: options.log ? 'log' : 'linear', domain: { data: 'points', field: 'x' }, range: [left, width - right],
          nice: false, ...(options.log ? { base: 10 } : { zero: true }) },
        { name: 'y', type: 'linear', domain: { data: 'points', field: 'y' }, range: [height - bottom, top], nice: true, zero: true }],
      axes: [
        { scale: 'x', orient: 'bottom', offset: -bottom, title: options.xTitle, format: options.log ? '~s' : '~s',
          tickCount: width < 520 ? 4 : 8, labelOverlap: true },
        { scale: 'y', orient: 'left', offset: -left, title: options.yTitle, grid: true, format: options.yFormat, tickCount: 5,
          domain: false, gridWidth: 0 },
      ],
      marks: [
        { type: 'rule', from: { data: 'ticks' }, encode: { enter: {} } },
        ...lineMarks(theme, runs, options.interpolate, options.filled),
      ].slice(1),
    });
  }

  // Time of kernel functions: rows {name, first, last, own, run, tip}; the pale part spans first to last, the solid one
  // is as long as the function's own cycles.
  function spans(rows, width, theme, runs) {
    const narrow = width < 520;
    const left = narrow ? 0 : 230, right = 70, bar = 14, head = narrow ? 17 : 0, step = head + bar + 7, bottom = 52;
    const height = rows.length * step + bottom;
    const data = rows.map((r, i) => ({ ...r, y: i * step + head, label: cut(r.name, narrow ? 46 : 34),
      color: theme.runs[runs.indexOf(r.run) % theme.runs.length] }));
    return base(theme, width, height, {
      data: [{ name: 'rows', values: data }],
      scales: [{ name: 'x', type: 'linear', domain: [Math.min(...rows.map((r) => r.first)), Math.max(...rows.map((r) => r.last))],
        range: [left, width - right] }],
      axes: [{ scale: 'x', orient: 'bottom', offset: -bottom + 6, title: 'cycle', format: '~s', tickCount: width < 520 ? 4 : 8 }],
      marks: [
        { type: 'rect', from: { data: 'rows' }, encode: { enter: {
          x: { scale: 'x', field: 'first' }, x2: { signal: "max(scale('x', datum.last), scale('x', datum.first) + 2)" },
          y: { field: 'y' }, height: { value: bar }, fill: { field: 'color' }, fillOpacity: { value: 0.22 }, tooltip: { field: 'tip' } } } },
        { type: 'rect', from: { data: 'rows' }, encode: { enter: {
          x: { scale: 'x', field: 'first' }, x2: { signal: "scale('x', min(datum.first + datum.own, datum.last))" },
          y: { field: 'y' }, height: { value: bar }, fill: { field: 'color' }, tooltip: { field: 'tip' } } } },
        { type: 'text', from: { data: 'rows' }, encode: { enter: {
          x: { value: narrow ? 0 : left - 10 }, y: { signal: narrow ? 'datum.y - 4' : `datum.y + ${bar / 2 + 4}` },
          align: { value: narrow ? 'left' : 'right' }, text: { field: 'label' } } } },
        { type: 'text', from: { data: 'rows' }, encode: { enter: {
          x: { value: width }, y: { signal: `datum.y + ${bar / 2 + 4}` }, align: { value: 'right' }, text: { field: 'share' },
          fill: { value: theme.faint } } } },
      ],
    });
  }

  return { bars, stacked, lines, spans };
})();

// What every page has: elements, numbers, sections, and the colours of its style.
const page = (() => {
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) {
      if (k === 'text') node.textContent = v; else node.setAttribute(k, v);
    }
    node.append(...children);
    return node;
  };
  const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  const few = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 });
  const number = (v) => (Number.isInteger(v) || Math.abs(v) >= 10000 ? whole : few).format(v);
  const contents = document.getElementById('contents');
  const section = (id, title, ...children) => {
    contents.append(make('li', {}, make('a', { href: `#${id}`, text: title })));
    const node = make('section', { id, 'aria-labelledby': `${id}-title` }, make('h2', { id: `${id}-title`, text: title }), ...children);
    document.getElementById('main').append(node);
    return node;
  };
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    return { page: get('--page'), ink: get('--ink'), faint: get('--faint'), line: get('--line'), accent: get('--accent'),
      font: getComputedStyle(document.body).fontFamily,
      runs: [...Array(8).keys()].map((i) => get(`--run${i}`)), hits: [...Array(5).keys()].map((i) => get(`--hit${i}`)) };
  };

  return { make, whole, few, number, section, theme };
})();
