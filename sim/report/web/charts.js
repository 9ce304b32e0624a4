// SPDX-License-Identifier: MIT
// Vega specifications, written by hand. Each takes rows of data, a width in pixels and the colours of the page.
'use strict';

const charts = (() => {
  const base = (theme, width, height, extra) => ({
    $schema: 'https://vega.github.io/schema/vega/v5.json',
    width,
    height,
    autosize: { type: 'none' },
    background: null,
    config: {
      axis: {
        labelColor: theme.faint,
        titleColor: theme.faint,
        domainColor: theme.line,
        tickColor: theme.line,
        gridColor: theme.line,
        labelFont: theme.font,
        titleFont: theme.font,
        labelFontSize: 12,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        titlePadding: 6,
        labelOverlap: true,
      },
      text: { font: theme.font, fontSize: 12, fill: theme.ink },
    },
    ...extra,
  });

  const kDashes = [
    [1, 0],
    [6, 3],
    [2, 2],
    [8, 2, 2, 2],
  ];
  const kLetter = 6.6; // pixels, mean width of a letter
  const at = (scale, field) => ({ scale, field });
  const enter = (encode) => ({ enter: encode });

  // Rows one below the other: a line with the name to the left and a text to the right, the drawing below it.
  const named = (rows, width, drawing) => {
    const step = 17 + drawing + 7;
    return {
      height: rows.length * step,
      top: (i) => i * step + 17,
      data: {
        name: 'names',
        values: rows.map((r, i) => ({
          name: r.name,
          text: r.text,
          y: i * step + 12,
          limit: Math.max(60, width - 10 - kLetter * String(r.text ?? '').length),
        })),
      },
    };
  };
  const nameMarks = (theme, width) => [
    {
      type: 'text',
      from: { data: 'names' },
      encode: enter({
        x: { value: 0 },
        y: { field: 'y' },
        text: { field: 'name' },
        limit: { field: 'limit' },
        tooltip: { field: 'name' },
      }),
    },
    {
      type: 'text',
      from: { data: 'names' },
      encode: enter({
        x: { value: width },
        y: { field: 'y' },
        text: { field: 'text' },
        align: { value: 'right' },
        fill: { value: theme.faint },
      }),
    },
  ];
  const bottomAxis = (height, below, extra) => ({
    scale: 'x',
    orient: 'bottom',
    offset: -below,
    domain: false,
    labelFlush: 14,
    ...extra,
  });

  // Bars from 0: rows {name, text, value, color, tip}.
  function bars(rows, width, theme) {
    const kBar = 12;
    const lines = named(rows, width, kBar);
    return base(theme, width, lines.height, {
      data: [lines.data, { name: 'bars', values: rows.map((r, i) => ({ ...r, y: lines.top(i) })) }],
      scales: [
        { name: 'x', type: 'linear', domain: [0, Math.max(...rows.map((r) => r.value)) || 1], range: [0, width] },
      ],
      marks: [
        ...nameMarks(theme, width),
        {
          type: 'rect',
          from: { data: 'bars' },
          encode: enter({
            x: { value: 0 },
            y: { field: 'y' },
            height: { value: kBar },
            cornerRadius: { value: 2 },
            width: { signal: "datum.value > 0 ? max(2, scale('x', datum.value)) : 0" },
            fill: { field: 'color' },
            tooltip: { field: 'tip' },
          }),
        },
      ],
    });
  }

  // Bars made of parts: rows {name, text, parts: [{value, color, tip}]}; axis {title, format, max}.
  function stacked(rows, width, theme, axis) {
    const kBar = 16,
      kBelow = 44;
    const lines = named(rows, width, kBar);
    const height = lines.height + kBelow;
    const parts = rows.flatMap((r, i) => {
      let end = 0;
      return r.parts.map((p) => ({ ...p, y: lines.top(i), from: end, to: (end += p.value) }));
    });
    return base(theme, width, height, {
      data: [lines.data, { name: 'parts', values: parts }],
      scales: [
        {
          name: 'x',
          type: 'linear',
          domain: [0, axis.max ?? (Math.max(...parts.map((p) => p.to)) || 1)],
          range: [0, width - 1],
        },
      ],
      axes: [
        bottomAxis(height, kBelow, {
          title: axis.title,
          format: axis.format,
          tickCount: Math.max(3, Math.floor(width / 90)),
        }),
      ],
      marks: [
        ...nameMarks(theme, width),
        {
          type: 'rect',
          from: { data: 'parts' },
          encode: enter({
            x: at('x', 'from'),
            x2: at('x', 'to'),
            y: { field: 'y' },
            height: { value: kBar },
            fill: { field: 'color' },
            stroke: { value: theme.page },
            strokeWidth: { value: 0.5 },
            tooltip: { field: 'tip' },
          }),
        },
      ],
    });
  }

  // 1, 2, 5, 10, 20, ... between two bounds, fewer where there is no room.
  function logTicks([low, high], width) {
    const decades = Math.log10(high / low);
    const steps = decades < 1.2 ? [1, 2, 3, 5, 7] : width / decades > 150 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e) {
      for (const s of steps) ticks.push(s * 10 ** e);
    }
    return ticks.filter((t) => t >= low && t <= high);
  }

  // Distributions over a logarithmic axis, one below the other: rows {name, text, color, bins: [{x0, x1, share, tip}], marks: [{x, tip}]}.
  function ridges(rows, width, theme, { domain, title }) {
    const kHeight = 54,
      kBelow = 44;
    const lines = named(rows, width, kHeight);
    const height = lines.height + kBelow;
    const most = Math.max(...rows.flatMap((r) => r.bins.map((b) => b.share)));
    const bins = rows.flatMap((r, i) =>
      r.bins.map((b) => ({
        ...b,
        color: r.color,
        floor: lines.top(i) + kHeight,
        y: lines.top(i) + kHeight - Math.max(1.5, (b.share / most) * (kHeight - 4)),
      })),
    );
    const rules = rows.flatMap((r, i) =>
      r.marks.map((m) => ({ ...m, y: lines.top(i), floor: lines.top(i) + kHeight })),
    );
    return base(theme, width, height, {
      data: [
        lines.data,
        { name: 'bins', values: bins },
        { name: 'rules', values: rules },
        { name: 'floors', values: rows.map((r, i) => ({ y: lines.top(i) + kHeight })) },
      ],
      scales: [{ name: 'x', type: 'log', domain, range: [0, width - 1], nice: false, clamp: true }],
      axes: [
        bottomAxis(height, kBelow, {
          title,
          values: logTicks(domain, width),
          format: ',d',
          grid: true,
          gridDash: [2, 4],
        }),
      ],
      marks: [
        ...nameMarks(theme, width),
        {
          type: 'rect',
          from: { data: 'bins' },
          clip: true,
          encode: enter({
            x: at('x', 'x0'),
            x2: at('x', 'x1'),
            y: { field: 'y' },
            y2: { field: 'floor' },
            fill: { field: 'color' },
            tooltip: { field: 'tip' },
          }),
        },
        {
          type: 'rule',
          from: { data: 'floors' },
          encode: enter({ x: { value: 0 }, x2: { value: width }, y: { field: 'y' }, stroke: { value: theme.line } }),
        },
        {
          type: 'rule',
          from: { data: 'rules' },
          encode: enter({
            x: at('x', 'x'),
            y: { field: 'y' },
            y2: { field: 'floor' },
            stroke: { value: theme.ink },
            strokeDash: { value: [3, 2] },
            tooltip: { field: 'tip' },
          }),
        },
      ],
    });
  }

  // The axis of values on the left.
  function leftAxis(left, options) {
    const shape = { grid: true, gridWidth: 0.5, tickCount: 5, domain: false };
    return { scale: 'y', orient: 'left', offset: -left, ...shape, ...options };
  }

  // One line for each series of the data set `points`, with marks of its own points.
  function seriesLines(width, encoding, ...marks) {
    const stroke = { stroke: { field: 'color' }, strokeWidth: { value: width }, strokeDash: { field: 'dash' } };
    return {
      type: 'group',
      from: { facet: { name: 'line', data: 'points', groupby: 'series' } },
      marks: [{ type: 'line', from: { data: 'line' }, encode: enter({ ...encoding, ...stroke }) }, ...marks],
    };
  }

  // Lines over x: rows {series, x, y, color, dash, tip}; options {x: {title, domain, format}, y: {title, format}, step}.
  function lines(rows, width, theme, { x, y, step = false }) {
    const height = 280,
      left = 64,
      bottom = 46,
      top = 10,
      right = 10;
    const inside = rows.filter((r) => r.x >= x.domain[0] && r.x <= x.domain[1]);
    const place = { x: at('x', 'x'), y: at('y', 'y') };
    return base(theme, width, height, {
      data: [{ name: 'points', values: inside }],
      scales: [
        {
          name: 'x',
          type: x.type ?? 'linear',
          domain: x.domain,
          range: [left, width - right],
          nice: false,
          zero: false,
        },
        {
          name: 'y',
          type: 'linear',
          domain: { data: 'points', field: 'y' },
          range: [height - bottom, top],
          nice: true,
          zero: true,
        },
      ],
      axes: [
        bottomAxis(height, bottom, {
          title: x.title,
          format: x.format,
          values: x.values,
          tickCount: Math.max(3, Math.floor(width / 150)),
          domain: true,
        }),
        leftAxis(left, { title: y.title, format: y.format }),
      ],
      marks: [
        seriesLines(
          1.8,
          { ...place, interpolate: { value: step ? 'step-after' : 'linear' } },
          {
            type: 'symbol',
            from: { data: 'line' },
            encode: enter({ ...place, size: { value: 60 }, fill: { value: 'transparent' }, tooltip: { field: 'tip' } }),
          },
        ),
      ],
    });
  }

  // Spans of time: rows {name, text, first, last, own, color, tip}; pale from first to last, solid as long as `own`.
  function spans(rows, width, theme, { domain, title }) {
    const kBar = 10,
      kBelow = 44;
    const lines = named(rows, width, kBar);
    const height = lines.height + kBelow;
    const bar = (to, opacity) => ({
      type: 'rect',
      from: { data: 'rows' },
      encode: enter({
        x: at('x', 'first'),
        x2: { signal: to },
        y: { field: 'y' },
        height: { value: kBar },
        fill: { field: 'color' },
        fillOpacity: { value: opacity },
        tooltip: { field: 'tip' },
      }),
    });
    return base(theme, width, height, {
      data: [
        lines.data,
        {
          name: 'rows',
          values: rows
            .map((r, i) => ({ ...r, y: lines.top(i) }))
            .filter((r) => r.last >= domain[0] && r.first <= domain[1]),
        },
      ],
      scales: [{ name: 'x', type: 'linear', domain, range: [0, width - 1], nice: false, zero: false, clamp: true }],
      axes: [bottomAxis(height, kBelow, { title, format: ',d', tickCount: Math.max(3, Math.floor(width / 130)) })],
      marks: [
        ...nameMarks(theme, width),
        bar("max(scale('x', datum.last), scale('x', datum.first) + 2)", 0.25),
        bar("scale('x', min(datum.first + datum.own, datum.last))", 1),
      ],
    });
  }

  return { base, bars, stacked, ridges, lines, spans, dashes: kDashes, at, enter, bottomAxis, leftAxis, seriesLines };
})();
